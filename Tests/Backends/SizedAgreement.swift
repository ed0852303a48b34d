package import KilnIR
import KilnPasses
import KilnTesting

/// Runs random programs with named sizes: each is fused and lowered once, and the plan of each size must give the bits
/// of the program of that size alone.
package struct SizedAgreement: CustomStringConvertible {
  private let device: DeviceDescription
  private let fuses: Bool
  private let run: (ExecutionPlan, [TensorValue]) throws -> [TensorValue]
  package private(set) var programCount = 0
  package private(set) var planCount = 0
  /// Programs in which lowering asked for the number of a size.
  package private(set) var pinnedCount = 0

  package init(
    _ device: DeviceDescription, fuses: Bool, run: @escaping (ExecutionPlan, [TensorValue]) throws -> [TensorValue]
  ) {
    self.device = device
    self.fuses = fuses
    self.run = run
  }

  /// The disagreements of the program of a seed, of which there may be none.
  package mutating func disagreements(seed: UInt64) throws -> [String] {
    guard let test = try? SizedRandomProgram(seed: seed), (try? test.named.module.bound(to: test.original)) != nil
    else { return [] }
    programCount += 1
    let (module, entry) = (test.named.module, test.named.entry)
    let simple = try Pipeline.default(for: entry).run(module)
    var (found, compilations) = ([String](), [Compilation]())
    for sizes in test.bindings(4) {
      guard let bound = try? module.bound(to: sizes) else { continue }
      var program = RandomProgram(module: bound, entry: entry, inputs: test.program.inputs)
      if sizes != test.original { program = try program.drawingInputs(seed: seed) }
      // An index out of range that no result needs is gone with what no result needs.
      guard (try? program.run()) != nil else { continue }
      let known = compilations.first { $0.pinnedSizes.allSatisfy { sizes[$0.key] == $0.value } }
      let compilation =
        try known?.planned(at: sizes)
        ?? Compilation(
          simple, entry: entry, for: device, options: CompilationOptions(fuses: fuses), passes: Pipeline([]), at: sizes)
      if known == nil { compilations.append(compilation) }
      planCount += 1
      let mistakes = PlanVerifier.diagnostics(for: compilation.plan).map(\.description)
      let disagreement = program.disagreement { try run(compilation.plan, $0.inputs) }
      found += (mistakes + (disagreement.map { [$0] } ?? [])).map { "seed \(seed) at \(sizes): \($0)\n\(module)" }
    }
    pinnedCount += compilations.contains { !$0.pinnedSizes.isEmpty } ? 1 : 0
    return found
  }

  package var description: String {
    "\(programCount) programs with named sizes, \(planCount) plans, \(pinnedCount) programs pin a size"
  }
}

import KilnBackends
import KilnCPU
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Random programs with named sizes are fused and lowered once; the plan of each size gives the bits of the program of
/// that size alone.
@Suite("Plans of programs with named sizes")
struct SizedPlanTests {
  static let programCount: UInt64 = 400

  @Test("S1: one lowering, the plans of several sizes", arguments: 0..<UInt64(4), [true, false])
  func plans(part: UInt64, fuses: Bool) throws {
    let compiler = try KernelCompiler.shared.get()
    let device = compiler.machine.description(threads: 2)
    var (planCount, pinnedCount, programCount) = (0, 0, 0)
    for seed in part * Self.programCount / 4..<(part + 1) * Self.programCount / 4 {
      guard let test = try? SizedRandomProgram(seed: seed), (try? test.named.module.bound(to: test.original)) != nil
      else { continue }
      programCount += 1
      let (module, entry) = (test.named.module, test.named.entry)
      let simple = try Pipeline.default(for: entry).run(module)
      var compilations: [Compilation] = []
      for sizes in test.bindings(4) {
        guard let bound = try? module.bound(to: sizes) else { continue }
        let place: Comment = "seed \(seed) at \(sizes), \(fuses ? "fused" : "unfused")\n\(module)"
        var program = RandomProgram(module: bound, entry: entry, inputs: test.program.inputs)
        if sizes != test.original { program = try program.drawingInputs(seed: seed) }
        // An index out of range that no result needs is gone with what no result needs.
        guard (try? program.run()) != nil else { continue }
        let known = compilations.first { $0.pinnedSizes.allSatisfy { sizes[$0.key] == $0.value } }
        let compilation =
          try known?.planned(at: sizes)
          ?? Compilation(
            simple, entry: entry, for: device, options: CompilationOptions(fuses: fuses), passes: Pipeline([]),
            at: sizes)
        if known == nil { compilations.append(compilation) }
        #expect(PlanVerifier.diagnostics(for: compilation.plan).isEmpty, place)
        let interpreted = program.disagreement { try PlanInterpreter.run(compilation.plan, inputs: $0.inputs) }
        #expect(interpreted == nil, place)
        let compiled = program.disagreement { try CPUExecutable(compilation.plan, compiler: compiler).run($0.inputs) }
        #expect(compiled == nil, place)
        planCount += 1
      }
      pinnedCount += compilations.contains { !$0.pinnedSizes.isEmpty } ? 1 : 0
    }
    print("sized plans: \(programCount) programs, \(planCount) plans, \(pinnedCount) programs pin a size")
    #expect(planCount > Int(Self.programCount) / 8)
    #expect(pinnedCount < programCount / 4)
  }
}

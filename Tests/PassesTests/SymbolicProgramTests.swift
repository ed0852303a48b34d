import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Random programs whose sizes have names: bound, they are the programs of these sizes, before and after passes and
/// transforms.
@Suite("Random programs with named sizes") struct SymbolicProgramTests {
  static let count = UInt64(RandomProgramTests.count / 8)

  /// Requirements that a static program of that size would not have (see `SymbolicOpTests`). The derivative of a
  /// running extreme wants an element.
  static let careful = ["broadcast.C4", "gather.C3", "scatter.C5"]

  /// The cases, and how many programs have a size that shapes them.
  private static func cases(_ seeds: Range<UInt64>) throws -> (cases: [SizedRandomProgram], skippedCount: Int) {
    var (cases, skippedCount) = ([SizedRandomProgram](), 0)
    for seed in seeds {
      do {
        guard let test = try SizedRandomProgram(seed: seed) else { continue }
        _ = try test.named.module.bound(to: test.original)
        cases.append(test)
      } catch let failure as ConstraintFailure {
        // An axis that has one element at the size of the program is stretched there.
        guard failure.label == "broadcast.C4" else { throw failure }
        skippedCount += 1
      } catch let error as KilnError {
        guard Self.isCareful(error) else { throw error }
        skippedCount += 1
      }
    }
    return (cases, skippedCount)
  }

  private static func isCareful(_ error: KilnError) -> Bool {
    let diagnostic = error.diagnostics[0]
    return diagnostic.label == "size.C1" && careful.contains { diagnostic.message.hasPrefix($0) }
  }

  @Test("Bound, they are the programs of that size, before and after the passes")
  func programs() throws {
    let first = RandomProgramTests.firstSeed
    let (cases, skippedCount) = try Self.cases(first..<first + Self.count)
    var otherCount = 0
    for test in cases {
      let module = test.named.module
      #expect(Verifier.diagnostics(for: module).isEmpty, "seed \(test.seed)")
      #expect(try Module(parsing: module.description, file: "printed") == module, "seed \(test.seed)")
      let pipeline = Pipeline.default(for: test.named.entry)
      let simplified = try pipeline.run(module, verifying: true)
      for (number, sizes) in test.bindings(3).enumerated() {
        let place: Comment = "seed \(test.seed) at \(sizes)\n\(module)"
        let built: Module
        do throws(ConstraintFailure) { built = try module.built(at: sizes) } catch {
          #expect(throws: KilnError.self, place) { try module.bound(to: sizes) }
          continue
        }
        let bound: Module
        do throws(KilnError) { bound = try module.bound(to: sizes) } catch {
          #expect(Self.isCareful(error), "\(error), \(place)")
          continue
        }
        #expect(Verifier.diagnostics(for: bound).isEmpty, place)
        #expect(try pipeline.run(bound) == pipeline.run(built), place)
        otherCount += number == 0 ? 0 : 1
        var program = RandomProgram(module: built, entry: test.named.entry, inputs: test.program.inputs)
        if number == 0 {
          // The program as it was drawn.
          #expect(program.disagreement { _ in try test.program.run() } == nil, place)
        } else {
          program = try program.drawingInputs(seed: test.seed)
        }
        let expected = Self.outcome(built, program.entry, program.inputs)
        #expect(Self.outcome(module, program.entry, program.inputs) == expected, place)
        // An index out of range that no result needs is gone with what no result needs.
        if (try? program.run()) == nil { continue }
        let found = Self.outcome(try simplified.bound(to: sizes), program.entry, program.inputs)
        #expect(found == expected, place)
      }
    }
    print("named sizes: \(cases.count) programs, \(skippedCount) shaped by a size, \(otherCount) other sizes")
    #expect(skippedCount <= cases.count / 8)
    #expect(otherCount >= cases.count / 2)
  }

  enum Transform: CaseIterable { case gradient, vjp, jvp, vmap }

  @Test("Transformed and then bound, they are the transformed programs of that size")
  func transforms() throws {
    let first = RandomProgramTests.firstSeed + 10_000
    let (cases, _) = try Self.cases(first..<first + Self.count)
    var (counts, shapedCount) = ([Transform: Int](), 0)
    for test in cases {
      var random = SplitMix64(seed: test.seed)
      let transform = Transform.allCases.randomElement(using: &random) ?? .vjp
      let derived: (module: Module, name: String)
      let indices = Self.indices(test.named, transform, &random)
      do throws(KilnError) {
        derived = try Self.apply(transform, to: test.named.module, test.named.entry, indices)
      } catch {
        let bound = try test.named.module.bound(to: test.original)
        if error.diagnostics[0].label == "size.C4" {
          shapedCount += 1
          continue
        }
        let expected = #expect(throws: KilnError.self) {
          try Self.apply(transform, to: bound, test.named.entry, indices)
        }
        #expect(error.diagnostics.map(\.label) == expected?.diagnostics.map(\.label), "seed \(test.seed): \(error)")
        continue
      }
      #expect(Verifier.diagnostics(for: derived.module).isEmpty, "seed \(test.seed)")
      for sizes in test.bindings(2) {
        let place: Comment = "seed \(test.seed), \(transform) at \(sizes)\n\(test.named.module)"
        guard let bound = try? test.named.module.bound(to: sizes) else { continue }
        for batch in transform == .vmap ? [0, 1, 3] : [0] {
          let all = sizes.merging(["batch": batch]) { $1 }
          let expected = try Self.apply(transform, to: bound, test.named.entry, indices, batch: Dimension(batch))
          let found: Module
          do throws(KilnError) { found = try derived.module.bound(to: all) } catch {
            #expect(Self.isCareful(error), "\(error), \(place)")
            continue
          }
          var program = RandomProgram(module: expected.module, entry: expected.name, inputs: [])
          program = try program.drawingInputs(seed: test.seed)
          counts[transform, default: 0] += 1
          #expect(
            Self.outcome(found, derived.name, program.inputs)
              == Self.outcome(expected.module, expected.name, program.inputs), place)
        }
      }
    }
    print("transforms of programs with named sizes: \(counts), \(shapedCount) shaped by a size")
    if !RandomProgramTests.isDebug { #expect(counts.values.reduce(0, +) >= 40) }
    #expect(shapedCount <= cases.count / 8)
  }

  /// The parameters that a transform is by; a batch has some of them, and at least one.
  private static func indices(
    _ program: RandomProgram, _ transform: Transform, _ random: inout SplitMix64
  ) -> [Int] {
    let parameters = program.module[program.entry]?.parameters ?? []
    guard transform == .vmap else { return parameters.indices.filter { parameters[$0].type.dtype.isReal } }
    let some = parameters.indices.filter { _ in Bool.random(using: &random) }
    return some.isEmpty ? [0] : some
  }

  private static func apply(
    _ transform: Transform, to module: Module, _ name: String, _ indices: [Int],
    batch: Dimension = Dimension(named: "batch")
  ) throws(KilnError) -> (module: Module, name: String) {
    switch transform {
    case .gradient: try Differentiation.gradient(of: name, in: module, withRespectTo: indices)
    case .vjp: try Differentiation.vjp(of: name, in: module, withRespectTo: indices)
    case .jvp: try Differentiation.jvp(of: name, in: module, withRespectTo: indices)
    case .vmap: try Batching.vmap(of: name, in: module, size: batch, over: indices)
    }
  }

  /// The results, or the labels of what is wrong with the inputs.
  private static func outcome(_ module: Module, _ name: String, _ inputs: [TensorValue]) -> [String] {
    do throws(KilnError) {
      return try ReferenceInterpreter.run(module, function: name, inputs: inputs).map { value in
        // All NaNs are one.
        "\(value.type) \(value.bits.map { Scalar(value.type.dtype, bits: $0).withCanonicalNaN.bits })"
      }
    } catch {
      return error.diagnostics.map(\.label)
    }
  }
}

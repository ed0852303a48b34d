import Foundation
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Random programs mean the same before and after every pass.
@Suite struct RandomProgramTests {
  /// All programs in an optimised build; the reference is slow in a debug build, which runs a part.
  /// `KILN_RANDOM_PROGRAMS` and `KILN_RANDOM_SEED` ask for others.
  static let count = environment("KILN_RANDOM_PROGRAMS") ?? (isDebug ? 300 : 2000)
  static let firstSeed = UInt64(environment("KILN_RANDOM_SEED") ?? 1)

  private static func environment(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
  }

  #if DEBUG
    static let isDebug = true
  #else
    static let isDebug = false
  #endif

  static let passes: [Pass] = [
    .inline, .inlineAll, .eraseStopGradient, .simplify, .eliminateCommonSubexpressions, .eliminateDeadCode,
  ]

  @Test("W2: random programs keep their bits under each pass and the default pipeline")
  func passesKeepBits() throws {
    for seed in Self.firstSeed..<Self.firstSeed + UInt64(Self.count) {
      let program = try RandomProgram(seed: seed)
      let pipelines = Self.passes.map { Pipeline([$0]) } + [.default(for: program.entry)]
      for pipeline in pipelines {
        func disagreement(_ program: RandomProgram) -> String? {
          program.disagreement { try $0.transformed { try pipeline.run($0, verifying: true) }.run() }
        }
        if let reason = disagreement(program) {
          let smallest = program.shrunk { disagreement($0) != nil }
          Issue.record(
            "seed \(seed), \(pipeline.passes.map(\.name)): \(reason)\n\(smallest.listing)\n\(disagreement(smallest) ?? "")"
          )
          return
        }
      }
    }
  }

  @Test("W4: 2,000 programs have every op 50 times, sizes 0, 1, 17 and 65, and the forms that single ops seldom make")
  func statistics() throws {
    var counts: [String: Int] = [:]
    var extents: [Int: Int] = [:]
    var forms: [String: Int] = [:]
    for seed in Self.firstSeed..<Self.firstSeed + 2000 {
      let program = try RandomProgram(seed: seed)
      counts.merge(program.opCounts, uniquingKeysWith: +)
      forms.merge(program.formCounts, uniquingKeysWith: +)
      for function in program.module.functions {
        for type in function.valueTypes.elements {
          for size in type.shape.dimensions { extents[size, default: 0] += 1 }
        }
      }
    }
    func text(_ counts: [String: Int]) -> String {
      counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
    print("2000 random programs from seed \(Self.firstSeed):\nops: \(text(counts))\nforms: \(text(forms))")
    print("extents:", [0, 1, 17, 65, 513, 1025].map { "\($0): \(extents[$0] ?? 0)" }.joined(separator: ", "))
    for label in RandomProgram.allLabels { #expect(counts[label] ?? 0 >= 50, "\(label)") }
    for size in [0, 1, 17, 65] { #expect(extents[size] ?? 0 >= 50, "size \(size)") }
    for form in Self.expectedForms(forms) { #expect(forms[form, default: 0] >= 10, "\(form)") }
  }

  /// Reductions over nothing, over axes of one element and of reductions; one value at two operands of every op that
  /// takes two of one type; one value that a branch, loop or call reads in two orders.
  private static func expectedForms(_ found: [String: Int]) -> [String] {
    var expected = (2...4).map { "chain \($0)" }
    for label in RandomProgram.allLabels {
      if label.hasPrefix("reduce ") { expected += ["none \(label)", "unit \(label)"] }
      if label.hasPrefix("argReduce ") || label.hasPrefix("scanReduce ") { expected.append("unit \(label)") }
      if found["equal types \(label)"] != nil { expected.append("equal \(label)") }
    }
    return expected + ["call", "checkpoint", "custom", "cond", "while", "scan"].map { "orders \($0)" }
  }

  @Test("random programs survive printing and parsing")
  func roundTrip() throws {
    for seed in Self.firstSeed..<Self.firstSeed + 200 {
      let module = try RandomProgram(seed: seed).module
      let text = module.description
      #expect(try Module(parsing: text, file: "random.kiln").description == text, "seed \(seed)")
    }
  }

  @Test("random programs have well-formed derivatives, which keep their bits under the passes")
  func derivatives() throws {
    var derivedCount = 0
    for seed in Self.firstSeed..<Self.firstSeed + UInt64(Self.count / 4) {
      var program = try RandomProgram(seed: seed)
      let main = try #require(program.module["main"])
      let indices = main.parameters.indices.filter { main.parameters[$0].type.dtype.isReal }
      do throws(KilnError) {
        let derived = try Differentiation.vjp(of: "main", in: program.module, withRespectTo: indices)
        program.module = derived.module
        program.entry = derived.name
      } catch {
        // Bit casts between reals have no derivative; nothing else is refused.
        #expect(error.diagnostics.map(\.label) == ["differentiate.C1"], "seed \(seed): \(error)")
        continue
      }
      derivedCount += 1
      #expect(Verifier.diagnostics(for: program.module).isEmpty, "seed \(seed)")
      var random = SplitMix64(seed: seed)
      for parameter in program.module[program.entry]?.parameters.dropFirst(main.parameters.count) ?? [] {
        program.inputs.append(try random.tensor(parameter.type))
      }
      let pipeline = Pipeline.default(for: program.entry)
      let reason = program.disagreement { try $0.transformed { try pipeline.run($0, verifying: true) }.run() }
      #expect(reason == nil, "seed \(seed)")
    }
    #expect(derivedCount > Self.count / 8)
  }

  /// Rewrites that Numerics.md W3 forbids, or that forget an operand.
  static let wrongRules: [RewriteRule] = [
    RewriteRule("x + 0") { rewriter, op, operands throws(KilnError) in
      guard op == .map(.add), let zero = rewriter.splat(operands[1]), zero.bits == 0 else { return nil }
      return operands[0]
    },
    RewriteRule("pad forgets its value") { rewriter, op, operands throws(KilnError) in
      guard case .movement(.pad) = op else { return nil }
      let zero = try rewriter.zero(rewriter.type(of: operands[1]))
      return operands[1] == zero ? nil : try rewriter.emitOne(op, [operands[0], zero])
    },
    RewriteRule("sums are reassociated") { rewriter, op, operands throws(KilnError) in
      guard op == .map(.add), let inner = rewriter.definition(of: operands[0]), inner.op == .map(.add) else {
        return nil
      }
      let right = try rewriter.add(inner.operands[1], operands[1])
      return try rewriter.add(inner.operands[0], right)
    },
  ]

  @Test("W3: planted wrong rewrites are caught and shrunk", arguments: wrongRules.map(\.name))
  func wrongRewritesAreCaught(name: String) throws {
    let rules = Self.wrongRules.filter { $0.name == name }
    let wrong = Pass.perFunction(name) { function, module throws(KilnError) in
      try function.rebuilt(in: module, rules: rules)
    }
    func fails(_ program: RandomProgram) -> Bool {
      program.disagreement { try $0.transformed { try wrong.run($0) }.run() } != nil
    }
    for seed in Self.firstSeed..<Self.firstSeed + 6000 {
      let program = try RandomProgram(seed: seed)
      guard fails(program) else { continue }
      let smallest = program.shrunk(while: fails)
      print("\(name): caught by seed \(seed), shrunk to\n\(smallest.listing)")
      #expect(fails(smallest))
      #expect(smallest.module["main"]?.instructions.count ?? .max <= 4)
      return
    }
    Issue.record("6000 random programs do not notice '\(name)'")
  }
}

import Foundation
import KilnIR
import KilnTesting
import Testing

/// Every op, with every choice of axes whose sizes have names, is the static op at each size.
@Suite("Ops with named sizes") struct SymbolicOpTests {
  /// Of each op; `KILN_RANDOM_PROGRAMS` asks for more.
  static let exampleCount = max(1, (environment ?? (isDebug ? 300 : 2000)) / 300)

  private static let environment = ProcessInfo.processInfo.environment["KILN_RANDOM_PROGRAMS"].flatMap { Int($0) }

  #if DEBUG
    private static let isDebug = true
  #else
    private static let isDebug = false
  #endif

  /// Ops of which a call that is allowed for a static program may break the requirement: whether an axis of one element
  /// repeats is decided by the declaration, and clamping wants an element even if there are no indices.
  static let careful = ["broadcast.C4", "gather.C3", "scatter.C5"]

  @Test("Bound, it is the op built at that size", arguments: RandomProgram.allLabels)
  func agreement(label: String) throws {
    let examples = try OpExample.examples(of: label, count: Self.exampleCount, maximumAxes: 8)
    #expect(!examples.isEmpty, "no example of \(label)")
    var random = SplitMix64(seed: 7)
    for example in examples {
      for axes in Self.choices(example.axes, &random) {
        for isShared in [true, false] { try check(example, axes, isShared, &random) }
      }
    }
  }

  /// All subsets of few axes; of many, each alone, all, and some others.
  private static func choices(_ axes: [OpExample.Axis], _ random: inout SplitMix64) -> [[OpExample.Axis]] {
    guard axes.count > 3 else {
      return (1..<1 << axes.count).map { choice in axes.indices.filter { choice >> $0 & 1 == 1 }.map { axes[$0] } }
    }
    return axes.map { [$0] } + [axes]
      + (0..<4).map { _ in axes.filter { _ in Bool.random(using: &random) } }.filter { !$0.isEmpty }
  }

  private func check(
    _ example: OpExample, _ axes: [OpExample.Axis], _ isShared: Bool, _ random: inout SplitMix64
  ) throws {
    let (module, original) = try example.program(naming: axes, isShared: isShared, seed: random.next())
    let text = module.description
    #expect(Verifier.diagnostics(for: module).isEmpty, "\(text)")
    #expect(try Module(parsing: text, file: "printed") == module, "\(text)")
    let plain = try example.program(naming: [], isShared: false, seed: 0).module
    if example.op.callees.isEmpty {
      #expect(try module.bound(to: original).hasFolded(plain), "\(text)")
    } else if let main = plain["main"] {
      // What the op runs may be there several times, for parameters of different names.
      let inputs = try example.inputs(main, seed: 1)
      #expect(try outcome(module, inputs) == outcome(plain, inputs), "\(text)")
    }
    var bindings = [original, original.mapValues { _ in 0 }, original.mapValues { _ in 1 }]
    for _ in 0..<2 {
      bindings.append(original.mapValues { [$0, 2, 3, 5, 7][Int.random(in: 0..<5, using: &random)] })
    }
    for sizes in Set(bindings) { try compare(example, module, at: sizes, seed: random.next()) }
  }

  private func compare(_ example: OpExample, _ module: Module, at sizes: [String: Int], seed: UInt64) throws {
    let expected = Result { () throws(ConstraintFailure) in try module.built(at: sizes) }
    let found = Result { () throws(KilnError) in try module.bound(to: sizes) }
    switch (expected, found) {
    case (.success(let expected), .success(let found)):
      #expect(found.hasFolded(expected), "\(module) at \(sizes)")
      #expect(Verifier.diagnostics(for: found).isEmpty, "\(module) at \(sizes)")
      guard let main = expected["main"] else { return }
      guard main.valueTypes.elements.allSatisfy({ $0.shape.elementCount <= 1 << 12 }) else { return }
      let inputs = try example.inputs(main, seed: seed)
      // Without operands nothing brings the sizes.
      let run = try outcome(example.operands.isEmpty ? found : module, inputs)
      #expect(run == (try outcome(expected, inputs)), "\(module) at \(sizes)")
    case (.failure(let failure), .success): Issue.record("\(module) at \(sizes): \(failure.message), but it is bound")
    case (.failure, .failure(let error)):
      #expect(["size.C1", "type.C1"].contains(error.diagnostics[0].label), "\(module) at \(sizes): \(error)")
    case (.success, .failure(let error)):
      let message = error.diagnostics[0].message
      #expect(Self.careful.contains { message.hasPrefix($0) }, "\(module) at \(sizes): \(error)")
    }
  }

  /// The results, or the labels of what is wrong with the inputs.
  private func outcome(_ module: Module, _ inputs: [TensorValue]) throws -> [String] {
    do throws(KilnError) {
      return try ReferenceInterpreter.run(module, function: "main", inputs: inputs).map { "\($0.type) \($0.bits)" }
    } catch {
      return error.diagnostics.map(\.label)
    }
  }
}

extension Module {
  /// Whether this is `other`, in which sizes that are values may have become constants.
  fileprivate func hasFolded(_ other: Module) -> Bool {
    functions.count == other.functions.count
      && zip(functions, other.functions).allSatisfy { bound, built in
        bound.parameters == built.parameters && bound.results == built.results && bound.valueTypes == built.valueTypes
          && bound.requirements == built.requirements && bound.instructions.count == built.instructions.count
          && zip(bound.instructions.elements, built.instructions.elements).allSatisfy { found, expected in
            if case .source(.constant) = found.op, found.firstResult == expected.firstResult {
              true
            } else {
              found == expected
            }
          }
      }
  }
}

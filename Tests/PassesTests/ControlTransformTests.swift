import Foundation
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Branches, loops, checkpoints and custom functions under forward mode and batching.
@Suite struct ControlTransformTests {
  /// A program of several functions, the last of which is `main`; all its parameters but predicates and indices are
  /// f64.
  struct Program: CustomTestStringConvertible, Sendable {
    let name: String
    let text: String
    var testDescription: String { name }

    init(_ name: String, _ text: String) { (self.name, self.text) = (name, text) }
  }

  static let branches = """
    func @a(%x: f64[2], %y: f64[2]) -> (f64[2], f64[]) {
      %0: f64[2] = multiply(%x, %y)
      %1: f64[] = reduce(%x) {kind = sum, axes = [0]}
      return %0, %1
    }
    func @b(%x: f64[2], %y: f64[2]) -> (f64[2], f64[]) {
      %0: f64[2] = sin(%y)
      %1: f64[] = constant() {value = 3.0}
      return %0, %1
    }
    """

  static let programs: [Program] = [
    Program(
      "cond",
      branches + """

        func @main(%p: bool[], %x: f64[2], %y: f64[2]) -> (f64[2], f64[]) {
          %0: f64[2], %1: f64[] = cond(%p, %x, %y) {then = @a, else = @b}
          return %0, %1
        }
        """),
    // x is halved until it is below 1, at most 20 times; y collects sines.
    Program(
      "while",
      """
      func @goesOn(%x: f64[], %y: f64[2], %n: i32[], %c: f64[2]) -> (bool[]) {
        %0: f64[] = constant() {value = 1.0}
        %1: bool[] = less(%0, %x)
        %2: i32[] = constant() {value = 20}
        %3: bool[] = less(%n, %2)
        %4: bool[] = and(%1, %3)
        return %4
      }
      func @turn(%x: f64[], %y: f64[2], %n: i32[], %c: f64[2]) -> (f64[], f64[2], i32[]) {
        %0: f64[] = constant() {value = 0.5}
        %1: f64[] = multiply(%x, %0)
        %2: f64[2] = broadcast(%x) {axes = []}
        %3: f64[2] = multiply(%2, %c)
        %4: f64[2] = sin(%3)
        %5: f64[2] = add(%y, %4)
        %6: i32[] = constant() {value = 1}
        %7: i32[] = add(%n, %6)
        return %1, %5, %7
      }
      func @main(%x: f64[], %y: f64[2], %c: f64[2]) -> (f64[], f64[2], i32[]) {
        %n: i32[] = constant() {value = 0}
        %0: f64[], %1: f64[2], %2: i32[] = while(%x, %y, %n, %c) {condition = @goesOn, body = @turn, captured = 1}
        return %0, %1, %2
      }
      """),
    Program(
      "scan",
      """
      func @step(%h: f64[2], %k: f64[], %x: f64[2], %w: f64[2,2]) -> (f64[2], f64[], f64[2], f64[]) {
        %0: f64[2] = dot(%h, %w) {batch = [], contract = [[0, 0]]}
        %1: f64[2] = add(%0, %x)
        %2: f64[2] = tanh(%1)
        %3: f64[] = reduce(%x) {kind = sum, axes = [0]}
        return %2, %k, %2, %3
      }
      func @main(%h: f64[2], %k: f64[], %x: f64[3,2], %w: f64[2,2]) -> (f64[2], f64[], f64[3,2], f64[3]) {
        %0: f64[2], %1: f64[], %2: f64[3,2], %3: f64[3] = scan(%h, %k, %x, %w) {body = @step, carried = 2, captured = 1, length = 3}
        return %0, %1, %2, %3
      }
      """),
    Program(
      "reversed scan without turns",
      """
      func @step(%h: f64[2], %x: f64[2]) -> (f64[2], f64[2]) {
        %0: f64[2] = multiply(%h, %x)
        return %0, %h
      }
      func @main(%h: f64[2], %x: f64[0,2], %z: f64[2,2]) -> (f64[2], f64[0,2], f64[2], f64[2,2]) {
        %0: f64[2], %1: f64[0,2] = scan(%h, %x) {body = @step, carried = 1, length = 0}
        %2: f64[2], %3: f64[2,2] = scan(%h, %z) {body = @step, carried = 1, length = 2, reverse = true}
        return %0, %1, %2, %3
      }
      """),
    Program(
      "cond in scan",
      branches + """

        func @step(%x: f64[2], %p: bool[], %y: f64[2]) -> (f64[2], f64[]) {
          %0: f64[2], %1: f64[] = cond(%p, %x, %y) {then = @a, else = @b}
          return %0, %1
        }
        func @main(%x: f64[2], %p: bool[3], %y: f64[2]) -> (f64[2], f64[3]) {
          %0: f64[2], %1: f64[3] = scan(%x, %p, %y) {body = @step, carried = 1, captured = 1, length = 3}
          return %0, %1
        }
        """),
    Program(
      "checkpoint and barrier",
      """
      func @f(%x: f64[2], %w: f64[2]) -> (f64[2], f64[]) {
        %0: f64[2] = multiply(%x, %w)
        %1: f64[2] = sin(%0)
        %2: f64[] = reduce(%w) {kind = sum, axes = [0]}
        return %1, %2
      }
      func @main(%x: f64[2], %w: f64[2]) -> (f64[2], f64[]) {
        %0: f64[2], %1: f64[] = checkpoint(%x, %w) {callee = @f}
        %2: f64[2] = barrier(%0, %x, %1)
        return %2, %1
      }
      """),
    Program(
      "custom without rules",
      """
      func @f(%x: f64[2], %w: f64[2]) -> (f64[2]) {
        %0: f64[2] = multiply(%x, %w)
        %1: f64[2] = sin(%0)
        return %1
      }
      func @main(%x: f64[2], %w: f64[2]) -> (f64[2]) {
        %0: f64[2] = custom(%x, %w) {callee = @f, captured = 1}
        return %0
      }
      """),
    Program("custom with a pullback", custom("pullback = @pullback")),
    Program("custom with a tangent rule", custom("tangent = @tangent")),
    Program("custom with both", custom("pullback = @pullback, tangent = @tangent")),
  ]

  /// sin(x) y with the integer n along, with its own right derivative.
  static func custom(_ rules: String) -> String {
    """
    func @f(%x: f64[2], %n: i32[], %y: f64[2], %c: f64[2]) -> (f64[2], i32[]) {
      %0: f64[2] = sin(%x)
      %1: f64[2] = multiply(%0, %y)
      %2: f64[2] = multiply(%1, %c)
      return %2, %n
    }
    func @pullback(%x: f64[2], %n: i32[], %y: f64[2], %c: f64[2], %z: f64[2], %m: i32[], %ct: f64[2]) -> (f64[2], f64[2]) {
      %0: f64[2] = cos(%x)
      %1: f64[2] = multiply(%ct, %c)
      %2: f64[2] = multiply(%0, %y)
      %3: f64[2] = multiply(%2, %1)
      %4: f64[2] = sin(%x)
      %5: f64[2] = multiply(%4, %1)
      return %3, %5
    }
    func @tangent(%x: f64[2], %n: i32[], %y: f64[2], %c: f64[2], %z: f64[2], %m: i32[], %tx: f64[2], %ty: f64[2]) -> (f64[2]) {
      %0: f64[2] = cos(%x)
      %1: f64[2] = multiply(%0, %y)
      %2: f64[2] = multiply(%1, %tx)
      %3: f64[2] = sin(%x)
      %4: f64[2] = multiply(%3, %ty)
      %5: f64[2] = add(%2, %4)
      %6: f64[2] = multiply(%5, %c)
      return %6
    }
    func @main(%x: f64[2], %n: i32[], %y: f64[2]) -> (f64[2], i32[]) {
      %c: f64[2] = constant() {value = [2.0, -3.0]}
      %0: f64[2], %1: i32[] = custom(%x, %n, %y, %c) {callee = @f, \(rules), captured = 1}
      return %0, %1
    }
    """
  }

  private static func value(_ type: TensorType, _ random: inout SplitMix64) throws -> TensorValue {
    let count = type.shape.elementCount
    if type.dtype == .f64 {
      return try tensor((0..<count).map { _ in Double.random(in: 0.3...3, using: &random) }, type.shape.dimensions)
    }
    return try TensorValue(
      type, bits: (0..<count).map { _ in Scalar(type.dtype, Double(Int.random(in: 0...1, using: &random))).bits })
  }

  @Test("forward mode agrees with differences", arguments: programs)
  func forward(program: Program) throws {
    let module = try module(program.text)
    for seed in UInt64(1)...3 {
      var random = SplitMix64(seed: seed)
      let inputs = try (module["main"]?.parameters ?? []).map { try Self.value($0.type, &random) }
      try GradientCheck(module, inputs).expectForwardDerivative("\(program.name)")
    }
  }

  @Test("S5: vmap equals a loop for every combination of mapped operands", arguments: programs)
  func batching(program: Program) throws {
    let module = try module(program.text)
    let parameters = try #require(module["main"]).parameters
    var random = SplitMix64(seed: 9)
    for size in [1, 3] {
      let inputs = try parameters.map { parameter in
        try (0..<size).map { _ in try Self.value(parameter.type, &random) }
      }
      for subset in 1..<(1 << parameters.count) {
        let mapped = parameters.indices.filter { subset >> $0 & 1 == 1 }
        let reason = try BatchCheck(module, inputs, size: size).disagreement(mapped: mapped)
        #expect(reason == nil, "\(program.name): \(reason ?? "")")
      }
    }
  }

  @Test("S5: vmap of jvp, jvp of vmap, and vmap of vmap equal a loop", arguments: programs)
  func composed(program: Program) throws {
    let module = try module(program.text)
    let parameters = try #require(module["main"]).parameters
    let reals = parameters.indices.filter { parameters[$0].type.dtype == .f64 }
    var random = SplitMix64(seed: 10)
    let push = try Differentiation.jvp(of: "main", in: module, withRespectTo: reals)
    let all = try #require(push.module[push.name]).parameters
    let inputs = try all.map { parameter in try (0..<2).map { _ in try Self.value(parameter.type, &random) } }
    let reason = try BatchCheck(push.module, function: push.name, inputs, size: 2).disagreement(
      mapped: Array(all.indices))
    #expect(reason == nil, "\(program.name): \(reason ?? "")")

    // The tangent of the batched function is the batched tangent.
    let batched = try Batching.vmap(of: "main", in: module, size: 2, over: Array(parameters.indices))
    let pushed = try Differentiation.jvp(of: batched.name, in: batched.module, withRespectTo: reals)
    let mapped = try Batching.vmap(of: push.name, in: push.module, size: 2, over: Array(all.indices))
    let arguments = try inputs.map { try stacked($0, $0[0].type) }
    #expect(Verifier.diagnostics(for: pushed.module).isEmpty)
    let results = try pushed.module.run(pushed.name, arguments)
    let expected = try mapped.module.run(mapped.name, arguments)
    for (found, wanted) in zip(results, expected) {
      #expect(
        zip(found.doubles, wanted.doubles).allSatisfy { abs($0 - $1) <= 1e-13 * max(1, abs($1)) }, "\(program.name)")
    }

    let twice = arguments.prefix(parameters.count).map { [$0, $0] }
    let nested = try BatchCheck(batched.module, function: batched.name, twice, size: 2).disagreement(
      mapped: Array(parameters.indices.prefix(1)))
    #expect(nested == nil, "\(program.name): \(nested ?? "")")
  }

  /// A branch that only some examples take reads out of range, or never ends, for the others.
  static let guarded = """
    func @read(%x: f64[3], %i: i32[]) -> (f64[]) {
      %0: f64[] = gather(%x, %i) {axis = 0, bounds = check}
      return %0
    }
    func @zero(%x: f64[3], %i: i32[]) -> (f64[]) {
      %0: f64[] = constant() {value = -1.0}
      return %0
    }
    func @differs(%i: i32[], %n: i32[]) -> (bool[]) {
      %0: bool[] = notEqual(%i, %n)
      return %0
    }
    func @count(%i: i32[], %n: i32[]) -> (i32[]) {
      %0: i32[] = constant() {value = 1}
      %1: i32[] = add(%i, %0)
      return %1
    }
    func @upTo(%x: f64[3], %i: i32[]) -> (f64[]) {
      %n: i32[] = constant() {value = 2}
      %0: i32[] = while(%i, %n) {condition = @differs, body = @count, captured = 1}
      %1: f64[] = convert(%0)
      return %1
    }
    func @main(%x: f64[3], %i: i32[]) -> (f64[], f64[]) {
      %three: i32[] = constant() {value = 3}
      %0: bool[] = less(%i, %three)
      %1: f64[] = cond(%0, %x, %i) {then = @read, else = @zero}
      %2: f64[] = cond(%0, %x, %i) {then = @upTo, else = @zero}
      return %1, %2
    }
    """

  @Test("S5: what a branch not taken would find wrong is not found; what a branch taken finds is")
  func maskedFailures() throws {
    let module = try module(Self.guarded)
    let x = try tensor([5, 6, 7], [3])
    func i(_ number: Int32) throws -> TensorValue { try TensorValue([number], shape: []) }
    let inputs = [[x, x, x], [try i(2), try i(1000), try i(0)]]
    for mapped in [[0, 1], [1]] {
      let reason = try BatchCheck(module, inputs, size: 3).disagreement(mapped: mapped)
      #expect(reason == nil, "\(reason ?? "")")
    }
    let none = try BatchCheck(module, [[x, x], [try i(1000), try i(7)]], size: 2).disagreement(mapped: [1])
    #expect(none == nil, "\(none ?? "")")
    let batched = try Batching.vmap(of: "main", in: module, size: 2, over: [1])
    let indices = try stacked([i(-5), i(1)], TensorType(.i32, .scalar))
    let error = #expect(throws: KilnError.self) { try batched.module.run(batched.name, [x, indices]) }
    #expect(error?.diagnostics.first?.label == "gather.R1")
  }

  @Test("a derivative of a captured value of a custom function is refused by both modes")
  func capturedDerivative() throws {
    let text = Self.custom("pullback = @pullback")
      .replacingOccurrences(
        of: "%y: f64[2]) -> (f64[2], i32[]) {", with: "%y: f64[2], %c: f64[2]) -> (f64[2], i32[]) {"
      )
      .replacingOccurrences(of: "%c: f64[2] = constant() {value = [2.0, -3.0]}", with: "")
    let module = try module(text)
    #expect(module["main"]?.parameters.count == 4)
    for index in [0, 2] { _ = try Differentiation.vjp(of: "main", in: module, withRespectTo: [index]) }
    let reverse = #expect(throws: KilnError.self) {
      try Differentiation.vjp(of: "main", in: module, withRespectTo: [3])
    }
    let forward = #expect(throws: KilnError.self) {
      try Differentiation.jvp(of: "main", in: module, withRespectTo: [3])
    }
    #expect(reverse?.diagnostics.map(\.label) == ["differentiate.C2"])
    #expect(forward?.diagnostics.map(\.label) == ["differentiate.C2"])
  }

  static let wrong = """
    func @f(%x: f64[2]) -> (f64[2]) {
      %0: f64[2] = exp(%x)
      return %0
    }
    func @ones(%x: f64[2], %y: f64[2], %ct: f64[2]) -> (f64[2]) {
      %0: f64[2] = add(%ct, %ct)
      return %0
    }
    func @twice(%x: f64[2,2]) -> (f64[2,2]) {
      %0: f64[2,2] = add(%x, %x)
      return %0
    }
    func @main(%x: f64[2]) -> (f64[2]) {
      %0: f64[2] = custom(%x) {callee = @f, pullback = @ones, batching = @twice}
      return %0
    }
    """

  @Test("the user's rules are what is used: derivative in both modes and under vmap, batching for its size")
  func userRules() throws {
    let module = try module(Self.wrong)
    let (x, w) = (try tensor([1, 2], [2]), try tensor([3, 5], [2]))
    let pull = try Differentiation.vjp(of: "main", in: module, withRespectTo: [0])
    #expect(try pull.module.run(pull.name, [x, w])[1].doubles == [6, 10])
    let push = try Differentiation.jvp(of: "main", in: module, withRespectTo: [0])
    #expect(try push.module.run(push.name, [x, w])[1].doubles == [6, 10])
    let batched = try Batching.vmap(of: "main", in: module, size: 2, over: [0])
    let rows = try tensor([1, 2, 3, 4], [2, 2])
    #expect(try batched.module.run(batched.name, [rows])[0].doubles == [2, 4, 6, 8])
    let other = try Batching.vmap(of: "main", in: module, size: 1, over: [0])
    #expect(try other.module.run(other.name, [tensor([1, 2], [1, 2])])[0].doubles != [2, 4])
    let pulled = try Differentiation.vjp(of: batched.name, in: batched.module, withRespectTo: [0])
    #expect(try pulled.module.run(pulled.name, [rows, rows])[1].doubles == [2, 4, 6, 8])
  }
}

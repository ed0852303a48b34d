import KilnIR
import KilnPasses
import Testing

/// Whole functions, the order of additions, and what is said when there is no derivative.
@Suite struct DifferentiationTests {
  static let compositions: [GradientCase] = [
    GradientCase(
      "softmax", "%x: f64[2,5]", "f64[2,5]",
      """
      %m: f64[2] = reduce(%x) {kind = max, axes = [1]}
      %mb: f64[2,5] = broadcast(%m) {axes = [0]}
      %c: f64[2,5] = subtract(%x, %mb)
      %e: f64[2,5] = exp(%c)
      %s: f64[2] = reduce(%e) {kind = sum, axes = [1]}
      %sb: f64[2,5] = broadcast(%s) {axes = [0]}
      %y: f64[2,5] = divide(%e, %sb)
      return %y
      """),
    GradientCase(
      "logSumExp", "%x: f64[2,5]", "f64[2]",
      """
      %m: f64[2] = reduce(%x) {kind = max, axes = [1]}
      %k: f64[2] = stopGradient(%m)
      %kb: f64[2,5] = broadcast(%k) {axes = [0]}
      %c: f64[2,5] = subtract(%x, %kb)
      %e: f64[2,5] = exp(%c)
      %s: f64[2] = reduce(%e) {kind = sum, axes = [1]}
      %l: f64[2] = log(%s)
      %y: f64[2] = add(%l, %k)
      return %y
      """),
    GradientCase(
      "layer norm", "%x: f64[3,4], %scale: f64[4], %shift: f64[4]", "f64[3,4]",
      """
      %n: f64[3] = constant() {value = 4.0}
      %sum: f64[3] = reduce(%x) {kind = sum, axes = [1]}
      %mean: f64[3] = divide(%sum, %n)
      %meanb: f64[3,4] = broadcast(%mean) {axes = [0]}
      %c: f64[3,4] = subtract(%x, %meanb)
      %sq: f64[3,4] = multiply(%c, %c)
      %ss: f64[3] = reduce(%sq) {kind = sum, axes = [1]}
      %var: f64[3] = divide(%ss, %n)
      %eps: f64[3] = constant() {value = 0.00001}
      %ve: f64[3] = add(%var, %eps)
      %r: f64[3] = rsqrt(%ve)
      %rb: f64[3,4] = broadcast(%r) {axes = [0]}
      %normal: f64[3,4] = multiply(%c, %rb)
      %scaleb: f64[3,4] = broadcast(%scale) {axes = [1]}
      %shiftb: f64[3,4] = broadcast(%shift) {axes = [1]}
      %scaled: f64[3,4] = multiply(%normal, %scaleb)
      %y: f64[3,4] = add(%scaled, %shiftb)
      return %y
      """),
    GradientCase(
      "mlp with gelu and cross entropy", "%x: f64[3,4], %w: f64[4,5], %b: f64[5], %v: f64[5,2], hidden %c: f64[2]",
      "f64[]",
      """
      %0: f64[3,5] = dot(%x, %w) {batch = [], contract = [[1, 0]]}
      %1: f64[3,5] = broadcast(%b) {axes = [1]}
      %2: f64[3,5] = add(%0, %1)
      %3: f64[3,5] = constant() {value = 0.7071067811865476}
      %4: f64[3,5] = multiply(%2, %3)
      %5: f64[3,5] = erf(%4)
      %6: f64[3,5] = constant() {value = 1.0}
      %7: f64[3,5] = add(%5, %6)
      %8: f64[3,5] = multiply(%2, %7)
      %9: f64[3,2] = dot(%8, %v) {batch = [], contract = [[1, 0]]}
      %10: f64[3,2] = broadcast(%c) {axes = [1]}
      %11: f64[3,2] = add(%9, %10)
      %12: f64[3,2] = exp(%11)
      %13: f64[3] = reduce(%12) {kind = sum, axes = [1]}
      %14: f64[3] = log(%13)
      %15: i32[3] = constant() {value = [0, 1, 0]}
      %16: f64[3,2] = transpose(%11) {permutation = [0, 1]}
      %17: f64[6] = reshape(%16)
      %18: i32[3] = constant() {value = [0, 3, 4]}
      %19: f64[3] = gather(%17, %18) {axis = 0, bounds = check}
      %20: f64[3] = subtract(%14, %19)
      %21: f64[] = reduce(%20) {kind = sum, axes = [0]}
      %22: f64[] = constant() {value = 3.0}
      %23: f64[] = divide(%21, %22)
      return %23
      """),
  ]

  @Test("gradients of compositions agree with central differences", arguments: compositions)
  func agreesWithDifferences(check: GradientCase) throws {
    var program = try check.program()
    if check.name == "logSumExp" {
      // The shift cancels: the derivative passes through it on both sides or on neither.
      program = try Pipeline([.eraseStopGradient]).run(program)
    }
    try GradientCheck(program, check.inputs(program)).expectFirstDerivative("\(check.name)")
  }

  @Test("stopGradient in logSumExp does not change its gradient")
  func shiftCancels() throws {
    let check = Self.compositions[1]
    let stopped = try check.program()
    let open = try Pipeline([.eraseStopGradient]).run(stopped)
    let inputs = try check.inputs(stopped) + [tensor([1, 1], [2])]
    var found: [[Double]] = []
    for program in [stopped, open] {
      let derived = try Differentiation.vjp(of: "main", in: program, withRespectTo: [0])
      found.append(try derived.module.run(derived.name, inputs)[1].doubles)
    }
    for (a, b) in zip(found[0], found[1]) { #expect(abs(a - b) < 1e-12) }
  }

  @Test("the hessian of the mlp agrees with differences of its gradient")
  func secondDerivative() throws {
    let check = Self.compositions[3]
    let program = try check.program()
    try GradientCheck(program, check.inputs(program)).expectSecondDerivative("mlp")
  }

  @Test("the fourth derivative of sin is sin")
  func fourthDerivative() throws {
    var current = (
      module: try main("%x: f64[]", "f64[]", "%y: f64[] = sin(%x)\nreturn %y"), name: "main"
    )
    for _ in 0..<4 { current = try Differentiation.gradient(of: current.name, in: current.module, withRespectTo: [0]) }
    let found = try current.module.run(current.name, [tensor([0.7], [])])
    #expect(abs(found[0].doubles[0] - 0.644217687237691) < 1e-12)
  }

  static let quadratic = (
    "%a: f64[], %x: f64[], %b: f64[], %c: f64[]", "f64[]",
    """
    %0: f64[] = multiply(%a, %a)
    %1: f64[] = multiply(%0, %x)
    %2: f64[] = multiply(%b, %x)
    %3: f64[] = add(%1, %2)
    %4: f64[] = add(%3, %c)
    return %4
    """
  )

  @Test("valueAndGradient returns all results and then the gradients in the order asked for")
  func valueAndGradient() throws {
    let (parameters, results, body) = Self.quadratic
    let program = try main(parameters, results, body)
    let derived = try Differentiation.valueAndGradient(of: "main", in: program, withRespectTo: [2, 0, 3])
    let found = try derived.module.run(derived.name, [2, 1, 3, 4].map { try tensor([$0], []) })
    #expect(found.flatMap(\.doubles) == [11, 1, 4, 1])
    #expect(derived.module["main"] == program["main"])
  }

  @Test("a gradient of nothing is zero of the parameter's type")
  func independent() throws {
    let program = try main("%x: f64[2,3], %y: f64[]", "f64[]", "%z: f64[] = sin(%y)\nreturn %z")
    let derived = try Differentiation.gradient(of: "main", in: program, withRespectTo: [0])
    #expect(derived.module.ops(derived.name) == ["constant"])
    #expect(derived.module[derived.name]?.resultTypes == [TensorType(.f64, [2, 3])])
  }

  @Test("G1: cotangents are added left to right as the walk meets the uses, absent ones never")
  func orderOfAdditions() throws {
    let program = try main(
      "%x: f32[]", "f32[]",
      """
      %0: f32[] = exp(%x)
      %1: f32[] = sin(%x)
      %2: f32[] = multiply(%0, %1)
      %3: f32[] = multiply(%2, %x)
      return %3
      """)
    let derived = try Differentiation.gradient(of: "main", in: program, withRespectTo: [0])
    // The last user is multiply(%2, %x), then come sin and exp.
    let expected = try main(
      "%x: f32[]", "f32[]",
      """
      %0: f32[] = exp(%x)
      %1: f32[] = sin(%x)
      %2: f32[] = multiply(%0, %1)
      %one: f32[] = constant() {value = 1.0}
      %ct2: f32[] = multiply(%one, %x)
      %last: f32[] = multiply(%one, %2)
      %ct0: f32[] = multiply(%ct2, %1)
      %ct1: f32[] = multiply(%ct2, %0)
      %cos: f32[] = cos(%x)
      %fromSin: f32[] = multiply(%ct1, %cos)
      %partial: f32[] = add(%last, %fromSin)
      %fromExp: f32[] = multiply(%ct0, %0)
      %sum: f32[] = add(%partial, %fromExp)
      return %sum
      """)
    let text = try #require(derived.module[derived.name]).description
    #expect(text == expected["main"]?.description.replacing("@main", with: "@main_gradient"))
  }

  @Test("functions that are called are differentiated through, and stay in the module")
  func calls() throws {
    let program = try module(
      """
      func @cube(%x: f64[]) -> (f64[]) {
        %0: f64[] = multiply(%x, %x)
        %1: f64[] = multiply(%0, %x)
        return %1
      }
      func @main(%x: f64[], %y: f64[]) -> (f64[]) {
        %0: f64[] = call(%x) {callee = @cube}
        %1: f64[] = call(%y) {callee = @cube, captured = 1}
        %2: f64[] = multiply(%0, %1)
        return %2
      }
      """)
    let derived = try Differentiation.gradient(of: "main", in: program, withRespectTo: [0, 1])
    let found = try derived.module.run(derived.name, [tensor([2], []), tensor([3], [])])
    #expect(found.map(\.doubles) == [[324], [216]])
    #expect(derived.module.functions.map(\.name) == ["cube", "main", "main_gradient"])
    let again = try Differentiation.gradient(of: "main", in: derived.module, withRespectTo: [0])
    #expect(again.name == "main_gradient_1")
  }

  // MARK: - What is refused

  private func failure(_ parameters: String, _ results: String, _ body: String, _ indices: [Int]) throws -> KilnError? {
    let program = try main(parameters, results, body)
    do {
      _ = try Differentiation.gradient(of: "main", in: program, withRespectTo: indices)
      return nil
    } catch { return error }
  }

  @Test("gradient.C1: an index without a parameter")
  func gradient_C1() throws {
    for index in [-1, 1] {
      let error = try failure("%x: f64[]", "f64[]", "return %x", [index])
      #expect(error?.diagnostics.map(\.label) == ["gradient.C1"])
    }
  }

  @Test("gradient.C2: a result that is not a real scalar, at its line")
  func gradient_C2() throws {
    let vector = try failure("%x: f64[3]", "f64[3]", "%y: f64[3] = sin(%x)\nreturn %y", [0])
    #expect(vector?.diagnostics.first?.label == "gradient.C2")
    #expect(vector?.description.hasPrefix("test.kiln:2:") == true, "\(vector?.description ?? "")")
    let integer = try failure("%x: f64[]", "i32[]", "%y: i32[] = convert(%x)\nreturn %y", [0])
    #expect(integer?.diagnostics.first?.label == "gradient.C2")
  }

  @Test("gradient.C3: a parameter that is not real")
  func gradient_C3() throws {
    let error = try failure("%x: i32[]", "f64[]", "%y: f64[] = convert(%x)\nreturn %y", [0])
    #expect(error?.diagnostics.map(\.label) == ["gradient.C3"])
  }

  @Test("differentiate.C1: an op without a derivative, at its line, only where the gradient needs it")
  func differentiate_C1() throws {
    let body = """
      %n: f64[3] = negate(%x)
      %y: f64[3] = bitcast(%n)
      %s: f64[] = reduce(%y) {kind = sum, axes = [0]}
      return %s
      """
    let error = try failure("%x: f64[3]", "f64[]", body, [0])
    #expect(error?.diagnostics.map(\.label) == ["differentiate.C1"])
    #expect(error?.description.contains("bitcast") == true)
    #expect(error?.description.hasPrefix("test.kiln:3:") == true, "\(error?.description ?? "")")
    let other = try failure("%x: f64[3], %z: f64[]", "f64[]", body, [1])
    #expect(other == nil)
  }

  @Test("module.C2: the gradient of a function that is not there")
  func unknownFunction() throws {
    let program = try main("%x: f64[]", "f64[]", "return %x")
    let error = #expect(throws: KilnError.self) {
      try Differentiation.gradient(of: "f", in: program, withRespectTo: [0])
    }
    #expect(error?.diagnostics.map(\.label) == ["module.C2"])
  }
}

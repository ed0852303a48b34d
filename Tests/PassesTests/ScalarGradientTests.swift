import KilnIR
import KilnPasses
import Testing

/// Every elementwise function against central differences, away from kinks.
@Suite struct ScalarGradientTests {
  /// Operands at which each function is smooth; nil for functions without reals.
  static func operands(_ function: ScalarFunction) -> [[Double]]? {
    switch function {
    case .negate, .abs, .exp, .expMinusOne, .sin, .cos, .tanh, .erf, .sign, .floor, .ceil, .round, .truncate,
      .atan, .sinh, .cosh, .asinh, .exp2, .erfc:
      [[-2.3, -0.7, 0.2, 1.4]]
    case .tan: [[-2.3, -0.7, 0.2, 1.2]]
    case .asin, .acos, .atanh, .erfInverse: [[-0.8, -0.3, 0.1, 0.7]]
    case .acosh: [[1.3, 1.9, 3.1, 17.5]]
    case .cbrt: [[-2.3, -0.7, 0.6, 8.4]]
    case .log2: [[0.3, 0.9, 2.1, 7.5]]
    case .logGamma, .digamma, .trigamma: [[-2.6, -0.4, 0.7, 5.5]]
    case .atan2: [[-2.3, -0.7, 0.2, 1.4], [0.4, -1.7, 2.2, -0.9]]
    case .nextAfter: [[-2.3, -0.7, 0.2, 1.4], [0.4, -1.7, 2.2, -0.9]]
    case .log, .sqrt, .rsqrt: [[0.3, 0.9, 2.1, 7.5]]
    case .logOnePlus: [[-0.5, 0.1, 0.9, 7.5]]
    case .add, .subtract, .multiply, .maximum, .minimum: [[-2.3, -0.7, 0.2, 1.4], [0.4, -1.7, 2.2, -0.9]]
    case .divide: [[-2.3, -0.7, 0.2, 1.4], [0.4, -1.7, 2.2, -0.9]]
    case .remainder: [[5.3, -5.3, 0.7, 9.1], [1.7, 1.9, -1.3, -2.2]]
    case .power: [[0.4, 1.7, 2.2, 3.9], [2.3, -0.7, 3.0, 1.4]]
    case .fma: [[-2.3, -0.7, 0.2, 1.4], [0.4, -1.7, 2.2, -0.9], [1, 2, -3, 4.5]]
    case .clamp: [[-2.3, -0.7, 0.2, 1.4], [-1, -1, 0.5, -1], [1, 1, 2, 1]]
    case .select: [[-2.3, -0.7, 0.2, 1.4], [0.4, -1.7, 2.2, -0.9]]
    case .not, .and, .or, .xor, .shiftLeft, .shiftRight, .countLeadingZeros, .populationCount: nil
    case .isFinite, .isNaN, .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual: nil
    }
  }

  /// `main` applies the function; `select` gets a constant predicate.
  static func program(_ function: ScalarFunction, _ count: Int) throws -> Module {
    let names = (0..<count).map { "%x\($0)" }
    let parameters = names.map { "\($0): f64[4]" }.joined(separator: ", ")
    var operands = names.joined(separator: ", ")
    var body = ""
    if function == .select {
      body = "%p: bool[4] = constant() {value = [true, false, false, true]}\n"
      operands = "%p, " + operands
    }
    return try main(parameters, "f64[4]", "\(body)%y: f64[4] = \(function)(\(operands))\nreturn %y")
  }

  @Test("the scalar derivatives agree with central differences", arguments: ScalarFunction.allCases)
  func agreesWithDifferences(function: ScalarFunction) throws {
    guard let operands = Self.operands(function) else { return }
    let inputs = try operands.map { try tensor($0, [4]) }
    let program = try Self.program(function, operands.count)
    try GradientCheck(program, inputs).expectFirstDerivative("\(function)")
    // The gradient's own derivative, through a sum that makes it a scalar function.
    var builder = FunctionBuilder("sum", in: program)
    let parameters = inputs.enumerated().map { builder.addParameter("x\($0)", $1.type) }
    let y = try builder.emitOne(.control(.call(callee: "main", captured: 0)), parameters)
    let sum = try builder.emitOne(.reduction(.reduce(.sum, axes: [0])), [y])
    var whole = program
    try whole.append(builder.finish([sum]))
    try GradientCheck(whole, function: "sum", inputs).expectSecondDerivative("second derivative of \(function)")
  }

  @Test("functions of integers and bools, and predicates, have no cotangents", arguments: ScalarFunction.allCases)
  func coverage(function: ScalarFunction) throws {
    // Every function is either checked against differences or has no real result to differentiate.
    if Self.operands(function) == nil {
      let dtypes = [DType](repeating: .f64, count: function.arity)
      let result = try? function.resultDType(dtypes)
      #expect(result == nil || result == .bool, "\(function) has a real result and no gradient test")
    }
  }

  @Test("derivatives at arguments whose squares overflow or vanish")
  func extremeArguments() throws {
    for (name, x, expected) in [
      ("asinh", 1e200, 1e-200), ("asinh", -1e200, 1e-200), ("asinh", 0, 1), ("acosh", 1e200, 1e-200),
      ("atan", 1e200, 0),
      ("erfc", 1e200, 0), ("exp2", -1e200, 0), ("digamma", 1e200, 1e-200),
    ] {
      let program = try main("%x: f64[]", "f64[]", "%y: f64[] = \(name)(%x)\nreturn %y")
      let derived = try Differentiation.gradient(of: "main", in: program, withRespectTo: [0])
      let found = try derived.module.run(derived.name, [tensor([x], [])])[0].doubles[0]
      #expect(abs(found - expected) <= 1e-14 * expected, "\(name)'(\(x)) is \(found)")
    }
    let program = try main("%y: f64[], %x: f64[]", "f64[]", "%z: f64[] = atan2(%y, %x)\nreturn %z")
    let derived = try Differentiation.gradient(of: "main", in: program, withRespectTo: [0, 1])
    for (y, x, dy, dx) in [
      (1e200, 1e200, 5e-201, -5e-201), (1e-200, -1e-200, -5e199, -5e199), (3e200, 0, 0, -1e-200 / 3),
    ] {
      let found = try derived.module.run(derived.name, [tensor([y], []), tensor([x], [])]).map { $0.doubles[0] }
      #expect(abs(found[0] - dy) <= 1e-14 * abs(dy) && abs(found[1] - dx) <= 1e-14 * abs(dx), "\(found)")
    }
  }

  @Test("where trigamma takes the forward branch the reflection's pole gives no NaN")
  func trigammaAtIntegers() throws {
    let program = try main("%x: f64[]", "f64[]", "%y: f64[] = trigamma(%x)\nreturn %y")
    let first = try Differentiation.gradient(of: "main", in: program, withRespectTo: [0])
    let second = try Differentiation.gradient(of: first.name, in: first.module, withRespectTo: [0])
    // polygamma(2, 3) and polygamma(3, 3)
    let slopes = try (
      first.module.run(first.name, [tensor([3], [])]), second.module.run(second.name, [tensor([3], [])])
    )
    #expect(abs(slopes.0[0].doubles[0] + 0.15411380631918858) < 1e-14)
    #expect(abs(slopes.1[0].doubles[0] - 0.11893940226682914) < 1e-13)
  }

  @Test("maximum and minimum give half of the cotangent to each of equal operands")
  func ties() throws {
    for function in ["maximum", "minimum"] {
      let program = try main("%x: f64[], %y: f64[]", "f64[]", "%z: f64[] = \(function)(%x, %y)\nreturn %z")
      let derived = try Differentiation.gradient(of: "main", in: program, withRespectTo: [0, 1])
      let found = try derived.module.run(derived.name, [tensor([2], []), tensor([2], [])])
      #expect(found.map(\.doubles) == [[0.5], [0.5]])
    }
  }

  @Test("clamp gives the cotangent to exactly one operand, to x where it equals a bound")
  func clampAtBounds() throws {
    let program = try main(
      "%x: f64[], %low: f64[], %high: f64[]", "f64[]", "%z: f64[] = clamp(%x, %low, %high)\nreturn %z")
    let derived = try Differentiation.gradient(of: "main", in: program, withRespectTo: [0, 1, 2])
    let cases: [([Double], [Double])] = [
      ([0, -1, 1], [1, 0, 0]), ([-1, -1, 1], [1, 0, 0]), ([1, -1, 1], [1, 0, 0]), ([-2, -1, 1], [0, 1, 0]),
      ([2, -1, 1], [0, 0, 1]), ([0, 1, -1], [0, 0, 1]), ([5, 1, -1], [0, 0, 1]),
    ]
    for (inputs, expected) in cases {
      let found = try derived.module.run(derived.name, inputs.map { try tensor([$0], []) })
      #expect(found.flatMap(\.doubles) == expected, "\(inputs)")
    }
  }

  @Test("power has the derivatives 0 for the exponent 0 and for the base 0 in their directions")
  func powerAtZero() throws {
    let program = try main("%x: f64[3], %y: f64[3]", "f64[3]", "%z: f64[3] = power(%x, %y)\nreturn %z")
    let derived = try Differentiation.vjp(of: "main", in: program, withRespectTo: [0, 1])
    let ones = try tensor([1, 1, 1], [3])
    let found = try derived.module.run(derived.name, [tensor([0, 0, 3], [3]), tensor([0, 2, 0], [3]), ones])
    #expect(found[1].doubles == [0, 0, 0])
    #expect(found[2].doubles[1] == 0)
  }
}

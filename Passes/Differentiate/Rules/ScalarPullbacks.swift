import KilnIR

/// The scalar derivatives: for each elementwise function the cotangents of its operands. `ct` is the cotangent of the
/// result `y`. A function whose derivative is zero wherever it exists gives none.
extension Rewriter {
  mutating func scalarPullback(_ function: ScalarFunction, _ use: Use) throws(KilnError) -> [ValueID?] {
    let ct = use.cotangent
    let y = use.result
    let type = type(of: y)
    let x = use.operands[0]
    switch function {
    case .negate: return [try negate(ct)]
    case .abs: return [try multiply(ct, map(.sign, x))]
    case .exp: return [try multiply(ct, y)]
    // exp(x) and not y + 1, which cancels for x far below zero.
    case .expMinusOne: return [try multiply(ct, map(.exp, x))]
    case .log: return [try divide(ct, x)]
    case .logOnePlus: return [try divide(ct, add(constant(1, like: type), x))]
    case .sqrt: return [try divide(scale(ct, by: 0.5), y)]
    case .rsqrt: return [try divide(multiply(scale(ct, by: -0.5), y), x)]
    case .sin: return [try multiply(ct, map(.cos, x))]
    case .cos: return [try negate(multiply(ct, map(.sin, x)))]
    // (1 - y)(1 + y) and not 1 - y², which cancels near ±1.
    case .tanh:
      let one = try constant(1, like: type)
      return [try multiply(ct, multiply(subtract(one, y), add(one, y)))]
    // 2/√π · exp(-x²)
    case .erf: return [try multiply(ct, scale(bell(x), by: 1.1283791670955126))]
    case .tan: return [try multiply(ct, add(constant(1, like: type), multiply(y, y)))]
    case .asin: return [try divide(ct, rootOfOneMinusSquare(x))]
    case .acos: return [try negate(divide(ct, rootOfOneMinusSquare(x)))]
    case .atan:
      let held = try heldBelowSquareOverflow(x)
      return [try divide(ct, add(constant(1, like: type), multiply(held, held)))]
    case .sinh: return [try multiply(ct, map(.cosh, x))]
    case .cosh: return [try multiply(ct, map(.sinh, x))]
    case .asinh: return [try asinhPullback(ct, x)]
    case .acosh: return [try acoshPullback(ct, x)]
    case .atanh: return [try divide(ct, oneMinusSquare(x))]
    case .atan2: return try atan2Pullback(use)
    // Not by y², whose own derivative at 0 would be infinity times 0.
    case .cbrt: return [try divide(divide(scale(ct, by: 1.0 / 3), y), y)]
    case .exp2: return [try multiply(ct, scale(y, by: 0.6931471805599453))]
    case .log2: return [try divide(scale(ct, by: 1.4426950408889634), x)]
    // -2/√π · exp(-x²), √π/2 · exp(y²)
    case .erfc: return [try multiply(ct, scale(bell(x), by: -1.1283791670955126))]
    case .erfInverse: return [try multiply(ct, scale(map(.exp, multiply(y, y)), by: 0.886226925452758))]
    case .logGamma: return [try multiply(ct, map(.digamma, x))]
    case .digamma: return [try multiply(ct, map(.trigamma, x))]
    case .trigamma: return [try multiply(ct, tetragamma(x))]
    // A step of one place does not depend on where x is, but for the jumps.
    case .nextAfter: return [ct, nil]
    case .add: return [ct, ct]
    case .subtract: return [ct, use.needed[1] ? try negate(ct) : nil]
    case .multiply:
      return [
        use.needed[0] ? try multiply(ct, use.operands[1]) : nil, use.needed[1] ? try multiply(ct, x) : nil,
      ]
    case .divide:
      let quotient = try divide(ct, use.operands[1])
      return [quotient, use.needed[1] ? try negate(multiply(quotient, y)) : nil]
    // fmod(a, b) = a - trunc(a / b) · b
    case .remainder:
      let whole = try map(.truncate, divide(x, use.operands[1]))
      return [ct, try negate(multiply(ct, whole))]
    case .power: return try powerPullback(use)
    case .maximum: return try extremePullback(use, larger: x, smaller: use.operands[1])
    case .minimum: return try extremePullback(use, larger: use.operands[1], smaller: x)
    case .fma:
      return [
        use.needed[0] ? try multiply(ct, use.operands[1]) : nil, use.needed[1] ? try multiply(ct, x) : nil, ct,
      ]
    case .select:
      let zero = try zero(type)
      return [nil, try select(x, ct, zero), try select(x, zero, ct)]
    case .clamp: return try clampPullback(use)
    case .sign, .floor, .ceil, .round, .truncate, .not, .isFinite, .isNaN, .countLeadingZeros, .populationCount, .and,
      .or,
      .xor, .shiftLeft, .shiftRight, .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual:
      return []
    }
  }

  /// `b · a^(b-1)` and `log a · a^b`.
  ///
  /// The first is 0 where b is, also where 1 / a is not finite. There alone it is chosen by a mask: elsewhere its own
  /// derivative by b, 1 / a, is wanted. The second is 0 where a is, and where a is infinite and the power 0.
  private mutating func powerPullback(_ use: Use) throws(KilnError) -> [ValueID?] {
    let (a, b) = (use.operands[0], use.operands[1])
    let type = type(of: a)
    let zero = try zero(type)
    let one = try constant(1, like: type)
    var basePart: ValueID?
    if use.needed[0] {
      let hasReciprocal = try map(.isFinite, divide(one, a))
      let isFlat = try map(.and, equal(b, zero), map(.not, hasReciprocal))
      let exponent = try select(isFlat, one, subtract(b, one))
      let slope = try select(isFlat, zero, multiply(b, map(.power, a, exponent)))
      basePart = try multiply(use.cotangent, slope)
    }
    guard use.needed[1] else { return [basePart, nil] }
    let infinity = try constant(Double.infinity, like: type)
    let hasVanished = try map(.and, equal(a, infinity), equal(use.result, zero))
    let base = try select(map(.or, equal(a, zero), hasVanished), one, a)
    return [basePart, try multiply(use.cotangent, multiply(map(.log, base), use.result))]
  }

  /// `maximum` and `minimum`: the winner gets the cotangent, equal operands half of it each. `larger` and `smaller` say
  /// in which order the first operand would win.
  private mutating func extremePullback(
    _ use: Use, larger: ValueID, smaller: ValueID
  ) throws(KilnError) -> [ValueID?] {
    let (ct, x, y) = (use.cotangent, use.operands[0], use.operands[1])
    let tied = try select(equal(x, y), scale(ct, by: 0.5), zeroUnlessNaN(use.result))
    return [
      use.needed[0] ? try select(less(smaller, larger), ct, tied) : nil,
      use.needed[1] ? try select(less(larger, smaller), ct, tied) : nil,
    ]
  }

  /// The bound that took the place of `x` gets the cotangent, otherwise `x`, also where it equals a bound. Exactly one
  /// of the three gets it unless one is NaN.
  private mutating func clampPullback(_ use: Use) throws(KilnError) -> [ValueID?] {
    let (ct, x, low, high) = (use.cotangent, use.operands[0], use.operands[1], use.operands[2])
    let zero = try zeroUnlessNaN(use.result)
    let raised = try map(.maximum, x, low)
    let isBelowHigh = try map(.lessEqual, raised, high)
    let unclamped = try select(isBelowHigh, ct, zero)
    return [
      use.needed[0] ? try select(map(.lessEqual, low, x), unclamped, zero) : nil,
      use.needed[1] ? try select(less(x, low), unclamped, zero) : nil,
      use.needed[2] ? try select(less(high, raised), ct, zero) : nil,
    ]
  }

  /// What an operand gets that was not chosen: 0, but where the result is NaN, that, so that a NaN shows in the
  /// derivative.
  mutating func zeroUnlessNaN(_ result: ValueID) throws(KilnError) -> ValueID {
    let value = try emitOne(.control(.stopGradient), [result])
    return try select(map(.isNaN, value), value, zero(type(of: result)))
  }
}

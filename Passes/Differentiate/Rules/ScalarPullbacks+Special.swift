import KilnIR

/// Scalar derivatives of several steps. Sums of squares are scaled first, so that nothing overflows on the way; the
/// scale is any constant, so derivatives need none of it.
extension Rewriter {
  /// 1 - x², rounded once. As (1 - x)(1 + x) its derivative at ±1 would be infinity times 0.
  mutating func oneMinusSquare(_ x: ValueID) throws(KilnError) -> ValueID {
    try map(.fma, negate(x), x, constant(1, like: type(of: x)))
  }

  mutating func rootOfOneMinusSquare(_ x: ValueID) throws(KilnError) -> ValueID { try map(.sqrt, oneMinusSquare(x)) }

  /// exp(-x²). Past ±28 it is 0 in every dtype, and so are its derivatives, x being infinite or not.
  mutating func bell(_ x: ValueID) throws(KilnError) -> ValueID {
    let type = type(of: x)
    let held = try map(.clamp, x, constant(-28, like: type), constant(28, like: type))
    return try map(.exp, negate(multiply(held, held)))
  }

  /// `x` held where its square is infinite, so that what is divided by the square has derivatives 0 at infinity.
  mutating func heldBelowSquareOverflow(_ x: ValueID) throws(KilnError) -> ValueID {
    let type = type(of: x)
    let bound: Double =
      switch type.dtype {
      case .f16: 0x1p8
      case .f64: 0x1p512
      case .f32, .bf16, .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64: 0x1p64
      }
    return try map(.clamp, x, constant(-bound, like: type), constant(bound, like: type))
  }

  /// ct / sqrt(1 + x²), the root as m sqrt(1/m² + (x/m)²).
  mutating func asinhPullback(_ ct: ValueID, _ x: ValueID) throws(KilnError) -> ValueID {
    let one = try constant(1, like: type(of: x))
    let m = try emitOne(.control(.stopGradient), [map(.maximum, map(.abs, x), one)])
    let p = try divide(one, m)
    // Infinity over itself is 1.
    let q = try select(map(.isFinite, m), divide(x, m), one)
    return try divide(divide(ct, m), map(.sqrt, add(multiply(p, p), multiply(q, q))))
  }

  /// ct / sqrt(x² - 1) by two roots, for x² overflows.
  mutating func acoshPullback(_ ct: ValueID, _ x: ValueID) throws(KilnError) -> ValueID {
    let one = try constant(1, like: type(of: x))
    return try divide(divide(ct, map(.sqrt, subtract(x, one))), map(.sqrt, add(x, one)))
  }

  /// (ct x / (x² + y²), -ct y / (x² + y²)), both scaled by the larger of |x| and |y|.
  mutating func atan2Pullback(_ use: Use) throws(KilnError) -> [ValueID?] {
    let (ct, y, x) = (use.cotangent, use.operands[0], use.operands[1])
    let m = try emitOne(.control(.stopGradient), [map(.maximum, map(.abs, y), map(.abs, x))])
    // Where a coordinate is infinite both derivatives are 0, by any direction.
    let (isFinite, zero) = (try map(.isFinite, m), try zero(type(of: m)))
    let p = try select(isFinite, divide(y, m), zero)
    let q = try select(isFinite, divide(x, m), constant(1, like: type(of: m)))
    let part = try divide(divide(ct, m), add(multiply(p, p), multiply(q, q)))
    return [
      use.needed[0] ? try multiply(part, q) : nil, use.needed[1] ? try negate(multiply(part, p)) : nil,
    ]
  }

  /// The derivative of trigamma as ordinary ops, which have derivatives of any order themselves: ten steps of the
  /// recurrence, the asymptotic series, and below 0 the reflection.
  mutating func tetragamma(_ x: ValueID) throws(KilnError) -> ValueID {
    let type = type(of: x)
    let one = try constant(1, like: type)
    let isNegative = try less(x, zero(type))
    let y = try select(isNegative, subtract(one, x), x)
    // ψ₂(y) = -2 Σ 1/(y + k)³ + ψ₂(y + 10)
    let inverse = try divide(one, y)
    var sum = try multiply(multiply(inverse, inverse), inverse)
    for k in 1..<10 {
      let t = try divide(one, add(y, constant(Double(k), like: type)))
      sum = try add(sum, multiply(multiply(t, t), t))
    }
    // ψ₂(y) ~ -1/y² - 1/y³ - 1/y⁴ Σ (2k + 1) B₂ₖ / y^(2k-2)
    let t = try divide(one, add(y, constant(10, like: type)))
    let square = try multiply(t, t)
    var series = try constant(17.5, like: type)
    for coefficient in [-691.0 / 210, 5.0 / 6, -0.3, 1.0 / 6, -1.0 / 6, 0.5] {
      series = try add(multiply(series, square), constant(coefficient, like: type))
    }
    let tail = try multiply(square, add(add(one, t), multiply(square, series)))
    let forward = try negate(add(add(sum, sum), tail))
    // ψ₂(x) = ψ₂(1 - x) - 2 π³ cos(πx) / sin(πx)³. For x ≥ 0 any r will do that has no pole.
    let r = try select(isNegative, subtract(x, map(.round, x)), constant(0.25, like: type))
    let angle = try scale(r, by: Double.pi)
    let sine = try map(.sin, angle)
    let numerator = try scale(map(.cos, angle), by: 2 * Double.pi * Double.pi * Double.pi)
    let reflected = try subtract(forward, divide(numerator, multiply(multiply(sine, sine), sine)))
    return try select(isNegative, reflected, forward)
  }
}

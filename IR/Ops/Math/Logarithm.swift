/// log, log2 and log(1 + x): x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), log(1 + f) by a polynomial, plus e
/// ln 2.
extension ScalarProgram.Builder {
  mutating func log(_ x: ScalarID) -> ScalarID {
    let (significand, e) = splitExponent(x)
    let value = logOfReduced(subtract(significand, real(1, like: x)), low: nil, e)
    return logDomain(x, value, pole: 0)
  }

  mutating func logOnePlus(_ x: ScalarID) -> ScalarID {
    logDomain(x, logOnePlusFinite(x), pole: -1)
  }

  /// log(1 + x + low) + exponent ln 2 for finite x > -1; `low` is below the last place of x.
  mutating func logOnePlusFinite(_ x: ScalarID, low: ScalarID? = nil, exponent: ScalarID? = nil) -> ScalarID {
    let one = real(1, like: x)
    let k = binaryExponent(integerBits(add(one, x)), like: x)
    // f + lost = (1 + x) 2^-k - 1, whatever 1 + x lost.
    var e = convert(k, to: dtype(of: x))
    let inverse = scale(one, byPowerOfTwo: negate(e))
    let lead = subtract(inverse, one)
    let f = fma(x, inverse, lead)
    var lost = fma(x, inverse, subtract(lead, f))
    if let low { lost = fma(low, inverse, lost) }
    if let exponent { e = add(e, exponent) }
    let value = logOfReduced(f, low: lost, e)
    return select(equal(x, real(0, like: x)), x, value)
  }

  /// log2(x) as the sum of two parts; exact for powers of two.
  mutating func log2(_ x: ScalarID) -> ScalarID {
    let value = log2Pair(x)
    return logDomain(x, add(value.high, value.low), pole: 0)
  }

  /// (m, e) with x = m 2^e and m in [sqrt(1/2), sqrt(2)), for positive finite x, denormals included.
  mutating func splitExponent(_ x: ScalarID) -> (significand: ScalarID, exponent: ScalarID) {
    let dtype = self.dtype(of: x)
    let shift = dtype.precision - 1
    let isDenormal = less(x, real(dtype == .f32 ? 0x1p-126 : 0x1p-1022, like: x))
    let factor = Double(1 << Int64(shift))
    let bits = integerBits(select(isDenormal, multiply(x, real(factor, like: x)), x))
    let offset = select(isDenormal, real(-Double(shift), like: x), real(0, like: x))
    let k = binaryExponent(bits, like: x)
    let significand = bitcast(subtract(bits, shiftLeft(k, integer(Int64(shift), like: x))), to: dtype)
    return (significand, add(convert(k, to: dtype), offset))
  }

  /// The integer k with 2^-k times the real of these bits in [sqrt(1/2), sqrt(2)).
  private mutating func binaryExponent(_ bits: ScalarID, like x: ScalarID) -> ScalarID {
    let dtype = self.dtype(of: x)
    let rootHalf: Int64 = dtype == .f32 ? 0x3F35_04F3 : 0x3FE6_A09E_667F_3BCD
    return shiftRight(subtract(bits, integer(rootHalf, like: x)), integer(Int64(dtype.precision - 1), like: x))
  }

  /// log(1 + f + low) + e ln 2.
  private mutating func logOfReduced(_ f: ScalarID, low: ScalarID?, _ e: ScalarID) -> ScalarID {
    let high = coefficient(.ln2, 0, like: f)
    let ln2Low = coefficient(.ln2, 1, like: f)
    let small = low.map { fma(e, ln2Low, $0) } ?? multiply(e, ln2Low)
    if dtype(of: f) == .f32 {
      let tail = fma(f, polynomial(.log, f), real(-0.5, like: f))
      let rest = fma(multiply(f, f), tail, small)
      return fma(e, high, add(f, rest))
    }
    // With s = f / (2 + f): log(1 + f) = f - f^2 / 2 + s (f^2 / 2 + R(s^2)).
    let s = divide(f, add(f, real(2, like: f)))
    let square = multiply(s, s)
    let half = multiply(multiply(f, f), real(0.5, like: f))
    let tail = fma(square, polynomial(.log, square), half)
    let rest = subtract(fma(s, tail, small), half)
    return fma(e, high, add(f, rest))
  }

  /// `value` right of the pole; -infinity at it, NaN left of it, and infinity and NaN as they are.
  private mutating func logDomain(_ x: ScalarID, _ value: ScalarID, pole: Double) -> ScalarID {
    let pole = real(pole, like: x)
    let inside = select(less(x, real(.infinity, like: x)), value, x)
    let outside = select(equal(x, pole), real(-.infinity, like: x), real(.nan, like: x))
    return select(less(pole, x), inside, outside)
  }
}

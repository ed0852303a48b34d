/// x^y = 2^(y log2 |x|), the logarithm and the product in two parts, with the special values of IEEE 754-2019.
extension ScalarProgram.Builder {
  mutating func power(_ x: ScalarID, _ y: ScalarID) -> ScalarID {
    let magnitude = exp2(ofProduct: y, log2Pair(abs(x)))
    let (zero, one) = (real(0, like: x), real(1, like: x))
    let infinity = real(.infinity, like: x)

    // A negative x takes part with integers y only, and gives its sign to the odd ones.
    let half = multiply(y, real(0.5, like: y))
    let isInteger = equal(floor(y), y)
    let isOdd = and(isInteger, not(equal(floor(half), half)))
    let isNegative = less(integerBits(x), integer(0, like: x))
    let signed = select(and(isNegative, isOdd), negate(magnitude), magnitude)
    let isUndefined = and(and(less(x, zero), less(negate(infinity), x)), not(isInteger))
    let value = select(isUndefined, real(.nan, like: x), signed)
    // 1 to any power and anything to the power 0 are 1, also with NaN.
    return select(or(equal(x, one), equal(y, zero)), one, value)
  }

  /// 2^(y t).
  private mutating func exp2(ofProduct y: ScalarID, _ t: ScalarPair) -> ScalarID {
    let isSingle = dtype(of: y) == .f32
    // A finite y keeps 0 times it 0, so that (+-1)^(+-infinity) is 1; it is far beyond the range all the same.
    let greatest = isSingle ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
    let bounded = limit(limit(y, above: greatest), below: -greatest)
    let high = multiply(bounded, t.high)
    let low = fma(bounded, t.low, fma(bounded, t.high, negate(high)))
    // Past these bounds the result is 0 or infinity, and the low part means nothing.
    let bound: Double = isSingle ? 252 : 2044
    let exponent = limit(limit(high, above: bound), below: -bound)
    let n = round(exponent)
    let correction = select(equal(exponent, high), low, real(0, like: y))
    let f = add(subtract(exponent, n), correction)
    let value = fma(f, polynomial(.exp2, f), real(1, like: y))
    return scale(value, byPowerOfTwo: n)
  }
}

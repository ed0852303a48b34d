/// x^y = 2^(y log2 |x|), the logarithm and the product in two parts, with the special values of IEEE 754-2019.
extension ScalarProgram.Builder {
  /// A number as the sum of a leading part and a small one.
  private struct Pair {
    var high: ScalarID
    var low: ScalarID
  }

  mutating func power(_ x: ScalarID, _ y: ScalarID) -> ScalarID {
    let magnitude = exp2(ofProduct: y, log2(absolute(x)))
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

  /// log2(a) for a >= 0 to about 1.7 times the precision; -infinity at 0, infinity and NaN as they are.
  private mutating func log2(_ a: ScalarID) -> Pair {
    let one = real(1, like: a)
    let (m, e) = splitExponent(a)
    // s = (m - 1) / (m + 1) in two parts.
    let f = subtract(m, one)
    let g = add(m, one)
    let gLow = subtract(m, subtract(g, one))
    let inverse = divide(one, g)
    let s = multiply(f, inverse)
    let minus = negate(s)
    let sLow = multiply(fma(minus, gLow, fma(minus, g, f)), inverse)
    let square = multiply(s, s)
    let squareLow = fma(add(s, s), sLow, fma(s, s, negate(square)))
    // log2(m) = s (k1 + s^2 (k3 + s^2 q(s^2))), innermost first.
    let inner = addSmall(lead(2, like: a), multiply(square, polynomial(.log2Tail, square)))
    let middle = product(Pair(high: square, low: squareLow), inner)
    let outer = addSmall(lead(0, like: a), middle.high, middle.low)
    let fraction = product(Pair(high: s, low: sLow), outer)
    let sum = add(e, fraction.high)
    let low = add(add(subtract(e, sum), fraction.high), fraction.low)
    let atZero = select(equal(a, real(0, like: a)), real(-.infinity, like: a), sum)
    return Pair(high: select(less(a, real(.infinity, like: a)), atZero, a), low: low)
  }

  /// 2^(y t).
  private mutating func exp2(ofProduct y: ScalarID, _ t: Pair) -> ScalarID {
    let isSingle = dtype(of: y) == .f32
    // A finite y keeps 0 times it 0, so that (+-1)^(+-infinity) is 1; it is far beyond the range all the same.
    let greatest = isSingle ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
    let bounded = limit(limit(y, above: greatest), below: -greatest)
    let high = multiply(bounded, t.high)
    let low = fma(bounded, t.low, fma(bounded, t.high, negate(high)))
    // Past these bounds the result is 0 or infinity, and the low part means nothing.
    let bound: Double = isSingle ? 256 : 2048
    let exponent = limit(limit(high, above: bound), below: -bound)
    let n = roundToEven(exponent)
    let correction = select(equal(exponent, high), low, real(0, like: y))
    let f = add(subtract(exponent, n), correction)
    let value = fma(f, polynomial(.exp2, f), real(1, like: y))
    return scale(value, byPowerOfTwo: self.exponent(n))
  }

  private mutating func lead(_ index: Int, like x: ScalarID) -> Pair {
    Pair(high: coefficient(.log2Lead, index, like: x), low: coefficient(.log2Lead, index + 1, like: x))
  }

  /// `a` plus a smaller number, itself perhaps in two parts.
  private mutating func addSmall(_ a: Pair, _ b: ScalarID, _ bLow: ScalarID? = nil) -> Pair {
    let sum = add(a.high, b)
    let rest = bLow.map { add(a.low, $0) } ?? a.low
    return Pair(high: sum, low: add(add(subtract(a.high, sum), b), rest))
  }

  private mutating func product(_ a: Pair, _ b: Pair) -> Pair {
    let high = multiply(a.high, b.high)
    let error = fma(a.high, b.high, negate(high))
    return Pair(high: high, low: add(error, fma(a.high, b.low, multiply(a.low, b.high))))
  }
}

/// A number as the sum of a leading part and a small one.
struct ScalarPair {
  var high: ScalarID
  var low: ScalarID
}

/// Arithmetic in two parts, where one rounding would cost too much.
extension ScalarProgram.Builder {
  /// log2(a) for a >= 0 to about 1.7 times the precision; -infinity at 0, infinity and NaN as they are.
  mutating func log2Pair(_ a: ScalarID) -> ScalarPair {
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
    let middle = product(ScalarPair(high: square, low: squareLow), inner)
    let outer = addSmall(lead(0, like: a), middle.high, middle.low)
    let fraction = product(ScalarPair(high: s, low: sLow), outer)
    let sum = add(e, fraction.high)
    let low = add(add(subtract(e, sum), fraction.high), fraction.low)
    let atZero = select(equal(a, real(0, like: a)), real(-.infinity, like: a), sum)
    return ScalarPair(high: select(less(a, real(.infinity, like: a)), atZero, a), low: low)
  }

  /// log(a) for a >= 0 to about 1.7 times the precision; -infinity at 0.
  mutating func logPair(_ a: ScalarID) -> ScalarPair {
    let ln2 = ScalarPair(high: coefficient(.ln2, 0, like: a), low: coefficient(.ln2, 1, like: a))
    return product(log2Pair(a), ln2)
  }

  /// a + b exactly, for |a| >= |b|.
  mutating func sum(_ a: ScalarID, _ b: ScalarID) -> ScalarPair {
    let high = add(a, b)
    return ScalarPair(high: high, low: add(subtract(a, high), b))
  }

  /// a + b exactly, whichever is larger.
  mutating func anySum(_ a: ScalarID, _ b: ScalarID) -> ScalarPair {
    let high = add(a, b)
    let part = subtract(high, a)
    return ScalarPair(high: high, low: add(subtract(a, subtract(high, part)), subtract(b, part)))
  }

  /// sin(pi r) / pi in two parts for |r| <= 1/2.
  mutating func sinPiOverPi(_ r: ScalarID) -> ScalarPair {
    let z = multiply(r, r)
    let ratio = sum(real(1, like: r), multiply(z, polynomial(.sincPi, z)))
    let high = multiply(r, ratio.high)
    return ScalarPair(high: high, low: fma(r, ratio.low, fma(r, ratio.high, negate(high))))
  }

  private mutating func lead(_ index: Int, like x: ScalarID) -> ScalarPair {
    ScalarPair(high: coefficient(.log2Lead, index, like: x), low: coefficient(.log2Lead, index + 1, like: x))
  }

  /// `a` plus a smaller number, itself perhaps in two parts.
  private mutating func addSmall(_ a: ScalarPair, _ b: ScalarID, _ bLow: ScalarID? = nil) -> ScalarPair {
    let sum = add(a.high, b)
    let rest = bLow.map { add(a.low, $0) } ?? a.low
    return ScalarPair(high: sum, low: add(add(subtract(a.high, sum), b), rest))
  }

  mutating func product(_ a: ScalarPair, _ b: ScalarPair) -> ScalarPair {
    let high = multiply(a.high, b.high)
    let error = fma(a.high, b.high, negate(high))
    return ScalarPair(high: high, low: add(error, fma(a.high, b.low, multiply(a.low, b.high))))
  }
}

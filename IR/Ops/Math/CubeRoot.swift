/// The cube root of x = s 2^(3 q) with s in [sqrt(1/2), 4 sqrt(2)): a first guess, Halley's step, for f64 a step of
/// Newton's.
extension ScalarProgram.Builder {
  mutating func cbrt(_ x: ScalarID) -> ScalarID {
    let a = abs(x)
    let (zero, one, two) = (real(0, like: x), real(1, like: x), real(2, like: x))
    let (m, e) = splitExponent(a)
    // floor((e + 1/2) / 3): the half keeps the quotient away from integers.
    let third = real(Double(Float(1) / 3), like: x)
    let q = floor(multiply(add(e, real(0.5, like: x)), third))
    let rest = subtract(e, multiply(q, real(3, like: x)))
    let (isOne, isTwo) = (equal(rest, one), equal(rest, two))
    let factor = select(isOne, two, select(isTwo, real(4, like: x), one))
    let rootFactor = select(
      isOne, coefficient(.cbrtOfTwo, 0, like: x), select(isTwo, coefficient(.cbrtOfTwo, 1, like: x), one))
    let s = multiply(m, factor)

    var y = multiply(polynomial(.cbrt, m), rootFactor)
    // y (1 - (y^3 - s) / (2 y^3 + s)), the difference from exact products.
    let first = cubeMinus(s, y)
    y = fma(y, negate(divide(first.difference, fma(first.cube, two, s))), y)
    if dtype(of: x) == .f64 {
      let second = cubeMinus(s, y)
      y = fma(y, negate(divide(second.difference, multiply(second.cube, real(3, like: x)))), y)
    }
    let value = withSign(scale(y, byPowerOfTwo: q), of: x)
    return select(and(less(zero, a), less(a, real(.infinity, like: x))), value, x)
  }

  /// y^3, and y^3 - s with the errors of the two products.
  private mutating func cubeMinus(_ s: ScalarID, _ y: ScalarID) -> (cube: ScalarID, difference: ScalarID) {
    let square = multiply(y, y)
    let squareLow = fma(y, y, negate(square))
    let difference = fma(squareLow, y, fma(square, y, negate(s)))
    return (multiply(square, y), difference)
  }
}

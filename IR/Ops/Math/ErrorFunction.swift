extension ScalarProgram.Builder {
  /// Up to 1 an odd polynomial, from there 1 - exp(-p(|x|)) with p = -log(1 - erf); the sign is put on at the end.
  mutating func erf(_ x: ScalarID) -> ScalarID {
    let a = abs(x)
    let small = fma(a, polynomial(.erfSmall, multiply(a, a)), a)
    // From these bounds on the result is 1.
    let bounded = limit(a, above: dtype(of: x) == .f32 ? 3.9375 : 5.9375)
    let power = expWithShortReduction(negate(polynomial(.erfLarge, bounded)))
    let one = real(1, like: x)
    let large = subtract(one, power)
    return withSign(select(less(a, one), small, large), of: x)
  }

  /// 1 - erf(x): below 3/4 from the polynomial of erf, from there exp(-x^2) times a polynomial in (|x| - 2) / (|x| +
  /// 2), divided by 1 + 2 |x|; 2 minus that for negative x.
  mutating func erfc(_ x: ScalarID) -> ScalarID {
    let a = abs(x)
    let (one, two) = (real(1, like: x), real(2, like: x))
    let near = fma(negate(x), polynomial(.erfSmall, multiply(x, x)), subtract(one, x))

    // From these bounds on the result is 0.
    let bounded = limit(a, above: dtype(of: x) == .f32 ? 10.25 : 27.375)
    let q = divide(subtract(bounded, two), add(bounded, two))
    let p = polynomialPair(.erfcTail, q)
    let divisor = sum(add(bounded, bounded), one)
    let inverse = divide(one, divisor.high)
    let quotient = multiply(p.high, inverse)
    let minus = negate(quotient)
    let rest = fma(minus, divisor.low, fma(minus, divisor.high, p.high))
    let lost = multiply(add(rest, p.low), inverse)
    let power = expOfNegativeSquare(bounded)
    let far = scale(add(quotient, fma(quotient, power.rest, lost)), byPowerOfTwo: power.exponent)
    let signed = select(less(x, real(0, like: x)), subtract(two, far), far)
    return select(less(a, real(0.75, like: x)), near, signed)
  }

  /// x times a polynomial in w = -log(1 - x^2), and in sqrt(w) where w is large (Giles, 2010); infinity at 1, NaN past
  /// it.
  mutating func erfInverse(_ x: ScalarID) -> ScalarID {
    let isSingle = dtype(of: x) == .f32
    let (one, infinity) = (real(1, like: x), real(.infinity, like: x))
    let w = negate(log(fma(negate(x), x, one)))
    let root = sqrt(w)
    var p = polynomial(.erfInverseMiddle, subtract(root, real(isSingle ? 3 : 3.25, like: x)))
    if !isSingle {
      let high = polynomial(.erfInverseHigh, subtract(root, real(5, like: x)))
      p = select(less(real(4, like: x), root), high, p)
    }
    let low = polynomial(.erfInverseLow, subtract(w, real(isSingle ? 2.5 : 3.125, like: x)))
    p = select(lessEqual(w, real(isSingle ? 5 : 6.25, like: x)), low, p)
    let a = abs(x)
    let edge = select(equal(a, one), withSign(infinity, of: x), real(.nan, like: x))
    return select(less(a, one), multiply(x, p), edge)
  }
}

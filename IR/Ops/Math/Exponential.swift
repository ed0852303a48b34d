/// exp, exp(x) - 1 and relatives: x = n ln 2 + r with |r| <= ln 2 / 2, a polynomial in r, exact scaling by 2^n.
extension ScalarProgram.Builder {
  mutating func exp(_ x: ScalarID) -> ScalarID {
    // Past these bounds the result is 0 or infinity; inside them every step is finite.
    let isSingle = dtype(of: x) == .f32
    let bounded = limit(limit(x, above: isSingle ? 89 : 710), below: isSingle ? -104 : -746)
    let (n, r) = reduceByLn2(bounded)
    return scale(expOfReduced(r), byPowerOfTwo: n)
  }

  mutating func expMinusOne(_ x: ScalarID) -> ScalarID {
    let isSingle = dtype(of: x) == .f32
    let one = real(1, like: x)
    let bounded = limit(limit(x, above: isSingle ? 89 : 710), below: isSingle ? -18 : -38)
    let (n, r) = reduceByLn2(bounded)
    // 2^n ((exp(r) - 1) + (1 - 2^-n)): the second part is exact where it matters, and joins r before the only rounding.
    let inverse = scale(one, byPowerOfTwo: negate(n))
    let lead = subtract(r, subtract(inverse, one))
    let sum = fma(multiply(r, r), polynomial(.expMinusOne, r), lead)
    let value = scale(sum, byPowerOfTwo: n)
    return select(equal(x, real(0, like: x)), x, value)
  }

  /// 2^x: x = n + f with |f| <= 1/2, a polynomial in f, exact scaling by 2^n.
  mutating func exp2(_ x: ScalarID) -> ScalarID {
    // Past these bounds the result is 0 or infinity.
    let isSingle = dtype(of: x) == .f32
    let bounded = limit(limit(x, above: isSingle ? 129 : 1025), below: isSingle ? -151 : -1076)
    let n = round(bounded)
    let f = subtract(bounded, n)
    return scale(fma(f, polynomial(.exp2, f), real(1, like: x)), byPowerOfTwo: n)
  }

  /// exp(a) / 2 for a >= 0, which overflows only where the half does.
  mutating func halfExp(_ a: ScalarID) -> ScalarID {
    let (n, r) = reduceByLn2(limit(a, above: dtype(of: a) == .f32 ? 90 : 712))
    return scale(expOfReduced(r), byPowerOfTwo: subtract(n, real(1, like: a)))
  }

  /// exp(-a^2) = 2^n (1 + rest) for |a| at most about 28, as n and the rest.
  mutating func expOfNegativeSquare(_ a: ScalarID) -> (rest: ScalarID, exponent: ScalarID) {
    let square = negate(multiply(a, a))
    let low = fma(negate(a), a, negate(square))
    let (n, r) = reduceByLn2(square)
    let reduced = add(r, low)
    return (fma(multiply(reduced, reduced), polynomial(.exp, reduced), reduced), n)
  }

  /// (n, x - n ln 2) with n the integer nearest to x / ln 2.
  private mutating func reduceByLn2(_ x: ScalarID) -> (n: ScalarID, r: ScalarID) {
    let n = round(multiply(x, coefficient(.log2E, like: x)))
    let lead = fma(n, coefficient(.ln2, 0, negated: true, like: x), x)
    return (n, fma(n, coefficient(.ln2, 1, negated: true, like: x), lead))
  }

  /// exp(r) for |r| <= ln 2 / 2.
  private mutating func expOfReduced(_ r: ScalarID) -> ScalarID {
    let one = real(1, like: r)
    return fma(r, fma(r, polynomial(.exp, r), one), one)
  }

  /// exp(x) for moderate x where an absolute error of |x| times a rounding of ln 2 is harmless.
  mutating func expWithShortReduction(_ x: ScalarID) -> ScalarID {
    let n = round(multiply(x, coefficient(.log2E, like: x)))
    let r = fma(n, coefficient(.ln2, 0, negated: true, like: x), x)
    return scale(expOfReduced(r), byPowerOfTwo: n)
  }
}

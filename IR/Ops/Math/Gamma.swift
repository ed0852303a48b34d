/// log |Gamma(x)|: a polynomial around 2 and the recurrence up to 9/2, Stirling's formula from there, the reflection
/// below -5/2. Logarithms are taken in two parts, for their sums cancel.
extension ScalarProgram.Builder {
  mutating func logGamma(_ x: ScalarID) -> ScalarID {
    let a = abs(x)
    let (zero, infinity) = (real(0, like: x), real(.infinity, like: x))
    let isReflected = less(x, real(-2.5, like: x))
    let value = logGammaForward(select(isReflected, a, x))

    // log(pi / |x sin(pi x)|) - logGamma(|x|); at integers, of which all large x are, infinity.
    let r = abs(subtract(a, round(a)))
    let logarithm = log(multiply(a, sinPiOverPi(r).high))
    let reflected = select(less(zero, r), subtract(negate(logarithm), value), infinity)
    return select(isReflected, reflected, value)
  }

  /// log |Gamma(y)| for y >= -5/2.
  private mutating func logGammaForward(_ y: ScalarID) -> ScalarID {
    let one = real(1, like: y)
    let n = round(y)
    // logGamma(2 + d) and the product that the recurrence takes from 2 + d to y.
    let d = subtract(y, n)
    let slope = polynomialPair(.logGammaNearTwo, d)
    let base = multiply(d, slope.high)
    let baseLow = fma(d, slope.low, fma(d, slope.high, negate(base)))
    let second = fma(y, y, y)
    let third = multiply(second, add(y, real(2, like: y)))
    let fourth = multiply(third, add(y, real(3, like: y)))
    let before = subtract(y, one)
    var product = select(equal(n, real(2, like: y)), one, y)
    product = select(less(n, one), second, product)
    product = select(less(n, real(0, like: y)), third, product)
    product = select(less(n, real(-1, like: y)), fourth, product)
    product = select(equal(n, real(3, like: y)), before, product)
    product = select(equal(n, real(4, like: y)), multiply(before, subtract(y, real(2, like: y))), product)
    // From 5 on the product is y itself.
    let logarithm = logPair(abs(product))
    let isUp = less(real(2, like: y), n)
    let high = select(isUp, logarithm.high, negate(logarithm.high))
    let low = select(isUp, logarithm.low, negate(logarithm.low))
    let total = anySum(high, base)
    let finite = add(total.high, add(total.low, add(low, baseLow)))
    let isPole = equal(product, real(0, like: y))
    let near = select(isPole, real(.infinity, like: y), finite)

    // (y - 1/2) (log y - 1) + log(2 pi) / 2 - 1/2 + S(1 / y^2) / y
    let factor = sum(logarithm.high, real(-1, like: y))
    let main = multiply(y, factor.high)
    let mainLow = fma(y, add(factor.low, logarithm.low), fma(y, factor.high, negate(main)))
    let inverse = divide(one, y)
    let series = multiply(inverse, polynomial(.stirling, multiply(inverse, inverse)))
    let constant = fma(factor.high, real(-0.5, like: y), coefficient(.stirlingConstant, like: y))
    let far = add(main, add(add(constant, series), mainLow))
    let isFinite = less(main, real(.infinity, like: y))
    return select(less(real(4, like: y), n), select(isFinite, far, main), near)
  }
}

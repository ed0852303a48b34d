/// digamma and trigamma, the first two derivatives of logGamma: the recurrence, an asymptotic series from 4 on, and the
/// reflection below 0.
extension ScalarProgram.Builder {
  mutating func digamma(_ x: ScalarID) -> ScalarID {
    let (zero, one, two) = (real(0, like: x), real(1, like: x), real(2, like: x))
    let (half, four) = (real(0.5, like: x), real(4, like: x))
    let isNegative = less(x, zero)
    let y = select(isNegative, subtract(one, x), x)
    // What 1 - x lost, which counts near the root.
    let lost = select(isNegative, subtract(subtract(one, y), x), zero)

    // (t - root) Q(t) for t in [1, 2], which is y - m + 1, and the recurrence from t to y.
    let m = floor(y)
    let fraction = subtract(y, m)
    let rootHigh = subtract(coefficient(.digammaRoot, 0, like: x), one)
    let lead = subtract(fraction, rootHigh)
    let rootLow = (coefficient(.digammaRoot, 1, like: x), coefficient(.digammaRoot, 2, like: x))
    let distance = subtract(subtract(lead, rootLow.0), rootLow.1)
    let isOne = equal(m, one)
    let corrected = add(distance, select(isOne, lost, zero))
    let base = multiply(corrected, polynomial(.digammaNearRoot, subtract(fraction, half)))
    let before = subtract(y, one)
    let isFar = lessEqual(four, y)
    let (isZero, isTwo) = (equal(m, zero), equal(m, two))
    var numerator = select(isFar, real(-0.5, like: x), fma(y, two, real(-3, like: x)))
    numerator = select(isZero, negate(one), select(isOne, zero, select(isTwo, one, numerator)))
    var denominator = select(isFar, y, multiply(before, subtract(y, two)))
    denominator = select(isZero, y, select(isOne, one, select(isTwo, before, denominator)))
    let quotient = divide(numerator, denominator)
    // log y - 1 / (2 y) - T(1 / y^2) / y^2; the quotient is the middle term.
    let z = multiply(multiply(quotient, quotient), four)
    let far = add(log(y), fma(negate(z), polynomial(.digammaTail, z), quotient))
    let value = select(isFar, far, add(base, quotient))

    // digamma(1 - x) - pi cot(pi x); NaN at the negative integers.
    let r = subtract(x, round(x))
    // The zeros at the odd halves as a factor of their own.
    let factor = fma(multiply(r, real(-4, like: x)), r, one)
    let cotangent = divide(multiply(factor, polynomial(.cotPi, multiply(r, r))), r)
    let reflected = select(equal(r, zero), real(.nan, like: x), subtract(value, cotangent))
    return select(isNegative, reflected, value)
  }

  mutating func trigamma(_ x: ScalarID) -> ScalarID {
    let (zero, one, four) = (real(0, like: x), real(1, like: x), real(4, like: x))
    let isNegative = less(x, zero)
    let y = select(isNegative, subtract(one, x), x)
    let isFar = lessEqual(four, y)
    let inverse = divide(one, select(isFar, y, add(y, four)))
    let z = multiply(inverse, inverse)
    // 1 / y + 1 / (2 y^2) + T(1 / y^2) / y^3
    let tail = multiply(z, fma(inverse, polynomial(.trigammaTail, z), real(0.5, like: x)))
    let far = add(inverse, tail)
    let inverses = (0..<4).map { shift in divide(one, shift == 0 ? y : add(y, real(Double(shift), like: x))) }
    var near = far
    for term in inverses.reversed() { near = fma(term, term, near) }
    let value = select(isFar, far, near)

    // (pi / sin(pi x))^2 - trigamma(1 - x); infinity at the negative integers.
    let r = subtract(x, round(x))
    let sine = sinPiOverPi(r)
    let cosecant = divide(one, sine.high)
    let minus = negate(cosecant)
    // What the division lost; nothing where the square overflows.
    let lost = multiply(cosecant, fma(minus, sine.low, fma(minus, sine.high, one)))
    let correction = multiply(add(cosecant, cosecant), lost)
    let low = select(less(abs(cosecant), real(0x1p60, like: x)), correction, zero)
    let reflected = fma(cosecant, cosecant, subtract(low, value))
    return select(isNegative, reflected, value)
  }
}

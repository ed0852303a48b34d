/// sinh, cosh and the inverse hyperbolic functions.
extension ScalarProgram.Builder {
  /// Up to 1 an odd polynomial, from there exp(|x|) / 2 - exp(-|x|) / 2; the sign is put on at the end.
  mutating func sinh(_ x: ScalarID) -> ScalarID {
    let a = abs(x)
    let z = multiply(a, a)
    let small = fma(multiply(a, z), polynomial(.sinh, z), a)
    let power = halfExp(a)
    let large = subtract(power, divide(real(0.25, like: x), power))
    return withSign(select(less(a, real(1, like: x)), small, large), of: x)
  }

  mutating func cosh(_ x: ScalarID) -> ScalarID {
    let power = halfExp(abs(x))
    return add(power, divide(real(0.25, like: x), power))
  }

  /// log(|x| + sqrt(x^2 + 1)) as log(1 + w), w in two parts.
  mutating func asinh(_ x: ScalarID) -> ScalarID {
    let a = abs(x)
    let one = real(1, like: x)
    let square = multiply(a, a)
    let root = sqrt(fma(a, a, one))
    // sqrt(1 + a^2) - 1
    let rest = divide(square, add(one, root))
    return withSign(logOfDouble(a, sum(a, rest)), of: x)
  }

  /// log(x + sqrt(x^2 - 1)) as log(1 + w), w in two parts; NaN below 1.
  mutating func acosh(_ x: ScalarID) -> ScalarID {
    let one = real(1, like: x)
    let t = subtract(x, one)
    let root = sqrt(fma(t, t, add(t, t)))
    return select(lessEqual(one, x), logOfDouble(x, sum(root, t)), real(.nan, like: x))
  }

  /// Up to 1/2 an odd polynomial, from there log(1 + 2 a / (1 - a)) / 2; infinity at 1, NaN past it.
  mutating func atanh(_ x: ScalarID) -> ScalarID {
    let a = abs(x)
    let one = real(1, like: x)
    let z = multiply(a, a)
    let small = fma(multiply(a, z), polynomial(.atanh, z), a)
    let distance = subtract(one, a)
    let inverse = divide(one, distance)
    let twice = add(a, a)
    let quotient = multiply(twice, inverse)
    let lost = multiply(fma(negate(quotient), distance, twice), inverse)
    let logarithm = logOnePlusFinite(quotient, low: lost)
    let large = multiply(logarithm, real(0.5, like: x))
    let edge = select(equal(a, one), real(.infinity, like: x), real(.nan, like: x))
    let inside = select(less(a, real(0.5, like: x)), small, large)
    return withSign(select(less(a, one), inside, edge), of: x)
  }

  /// log(1 + w), and log(2 a) where a is so large that this is the same to all places; a itself if it is infinite or
  /// NaN.
  private mutating func logOfDouble(_ a: ScalarID, _ w: ScalarPair) -> ScalarID {
    let isLarge = lessEqual(real(dtype(of: a) == .f32 ? 0x1p13 : 0x1p28, like: a), a)
    let large = sum(a, real(-1, like: a))
    let high = select(isLarge, large.high, w.high)
    let low = select(isLarge, large.low, w.low)
    let doubling = select(isLarge, real(1, like: a), real(0, like: a))
    let value = logOnePlusFinite(high, low: low, exponent: doubling)
    return select(less(a, real(.infinity, like: a)), value, a)
  }
}

/// asin, acos, atan and atan2: odd polynomials in a reduced argument, and complements of pi / 2 and pi in two parts.
extension ScalarProgram.Builder {
  mutating func asin(_ x: ScalarID) -> ScalarID {
    let (s, tail, isSmall) = asinOfReduced(abs(x))
    // asin(a) = pi / 2 - 2 asin(sqrt((1 - a) / 2)); past 1 the root is NaN.
    let two = real(2, like: x)
    let rest = fma(tail, two, negate(piOverTwo(1, like: x)))
    let large = subtract(fma(negate(s), two, piOverTwo(0, like: x)), rest)
    return withSign(select(isSmall, add(s, tail), large), of: x)
  }

  mutating func acos(_ x: ScalarID) -> ScalarID {
    let (s, tail, isSmall) = asinOfReduced(abs(x))
    let value = add(s, tail)
    let signed = flippingSign(value, by: integerBits(x))
    let small = subtract(piOverTwo(0, like: x), subtract(signed, piOverTwo(1, like: x)))
    let double = add(value, value)
    let pi = (coefficient(.pi, 0, like: x), coefficient(.pi, 1, like: x))
    let large = select(less(x, real(0, like: x)), subtract(pi.0, subtract(double, pi.1)), double)
    return select(isSmall, small, large)
  }

  /// In two parts asin(a) for a <= 1/2, asin(sqrt((1 - a) / 2)) above.
  private mutating func asinOfReduced(_ a: ScalarID) -> (s: ScalarID, tail: ScalarID, isSmall: ScalarID) {
    let half = real(0.5, like: a)
    let isSmall = lessEqual(a, half)
    let rest = multiply(subtract(real(1, like: a), a), half)
    let root = sqrt(rest)
    // What the root lost: (rest - root^2) / (2 root); nothing where the root is 0.
    let lost = divide(fma(negate(root), root, rest), add(root, root))
    let low = select(less(real(0, like: a), root), lost, real(0, like: a))
    let z = select(isSmall, multiply(a, a), rest)
    let s = select(isSmall, a, root)
    let tail = multiply(multiply(s, z), polynomial(.asin, z))
    return (s, select(isSmall, tail, add(tail, low)), isSmall)
  }

  mutating func atan(_ x: ScalarID) -> ScalarID {
    let a = abs(x)
    let one = real(1, like: x)
    let isLarge = less(one, a)
    let value = atanOfReduced(divide(select(isLarge, one, a), select(isLarge, a, one)))
    let large = subtract(piOverTwo(0, like: x), subtract(value, piOverTwo(1, like: x)))
    return withSign(select(isLarge, large, value), of: x)
  }

  /// The angle of the point (x, y), with the signs of zeros and the infinities of IEEE 754.
  mutating func atan2(_ y: ScalarID, _ x: ScalarID) -> ScalarID {
    let (ay, ax) = (abs(y), abs(x))
    let zero = real(0, like: x)
    let isSteep = less(ax, ay)
    let isLeft = less(integerBits(x), integer(0, like: x))
    let upper = select(isSteep, ay, ax)
    let lower = select(isSteep, ax, ay)
    // 0 / 0 is read as 0, infinity / infinity as 1.
    let equalParts = select(equal(upper, zero), zero, real(1, like: x))
    let value = atanOfReduced(select(equal(lower, upper), equalParts, divide(lower, upper)))
    // From the nearest multiple of pi / 2, forward or back.
    let signed = select(xor(isSteep, isLeft), negate(value), value)
    let (pi, piLow) = (coefficient(.pi, 0, like: x), coefficient(.pi, 1, like: x))
    let high = select(isSteep, piOverTwo(0, like: x), select(isLeft, pi, zero))
    let low = select(isSteep, piOverTwo(1, like: x), select(isLeft, piLow, zero))
    let angle = withSign(abs(add(high, add(signed, low))), of: y)
    let isNumber = and(equal(x, x), equal(y, y))
    return select(isNumber, angle, real(.nan, like: x))
  }

  /// atan(a) for a <= 1.
  private mutating func atanOfReduced(_ a: ScalarID) -> ScalarID {
    let z = multiply(a, a)
    return fma(multiply(a, z), polynomial(.atan, z), a)
  }

  private mutating func piOverTwo(_ part: Int, like x: ScalarID) -> ScalarID {
    coefficient(.piOverTwo, part, like: x)
  }
}

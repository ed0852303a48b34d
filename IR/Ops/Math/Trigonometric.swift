/// sin, cos and tan of every finite argument: |x| = n pi / 2 + r + low with |r| about pi / 4 at most, then polynomials
/// in r.
extension ScalarProgram.Builder {
  /// A reduced argument: the real parts, and the quadrant n as an integer of which the last two bits count.
  private struct Reduced {
    var r: ScalarID
    var low: ScalarID
    var quadrant: ScalarID
  }

  mutating func sin(_ x: ScalarID) -> ScalarID {
    let reduced = reduceByPiOverTwo(abs(x))
    // sin is odd: the sign of x joins the sign of the quadrant.
    return trigonometric(x, reduced, quadrant: reduced.quadrant, sign: integerBits(x))
  }

  mutating func cos(_ x: ScalarID) -> ScalarID {
    let reduced = reduceByPiOverTwo(abs(x))
    let next = add(reduced.quadrant, integer(1, like: x))
    return trigonometric(x, reduced, quadrant: next, sign: integer(0, like: x))
  }

  /// tan of the reduced argument, or -1 / tan in the odd quadrants; NaN unless x is finite.
  mutating func tan(_ x: ScalarID) -> ScalarID {
    let reduced = reduceByPiOverTwo(abs(x))
    let (r, low) = (reduced.r, reduced.low)
    let square = multiply(r, r)
    let cube = multiply(r, square)
    let tail = polynomial(.tan, square)
    // tan(r + low) = tan(r) + low (1 + tan(r)^2)
    let first = fma(cube, tail, r)
    let tangent = sum(r, fma(cube, tail, fma(multiply(first, first), low, low)))
    // -1 / (t + l) from q = -1 / t: q + q (1 + q (t + l)).
    let one = real(1, like: x)
    let quotient = divide(negate(one), tangent.high)
    let error = fma(quotient, tangent.low, fma(quotient, tangent.high, one))
    let cotangent = fma(quotient, error, quotient)
    let isOdd = equal(and(reduced.quadrant, integer(1, like: x)), integer(1, like: x))
    let value = flippingSign(select(isOdd, cotangent, tangent.high), by: integerBits(x))
    return select(less(abs(x), real(.infinity, like: x)), value, real(.nan, like: x))
  }

  /// sin of the reduced argument in the quadrant, with the sign bit of `sign` on top; NaN unless x is finite.
  private mutating func trigonometric(
    _ x: ScalarID, _ reduced: Reduced, quadrant: ScalarID, sign: ScalarID
  ) -> ScalarID {
    let (r, low) = (reduced.r, reduced.low)
    let square = multiply(r, r)
    let sine = add(r, fma(multiply(r, square), polynomial(.sin, square), low))
    // cos(r + low) = 1 + (-r^2 / 2 + r^4 C(r^2) - r low)
    let tail = fma(square, polynomial(.cos, square), real(-0.5, like: x))
    let cosine = add(real(1, like: x), fma(square, tail, negate(multiply(r, low))))
    let isOdd = equal(and(quadrant, integer(1, like: x)), integer(1, like: x))
    let value = select(isOdd, cosine, sine)
    let half = shiftLeft(quadrant, integer(Int64(dtype(of: x).bitWidth - 2), like: x))
    let signed = flippingSign(value, by: xor(half, sign))
    return select(less(abs(x), real(.infinity, like: x)), signed, real(.nan, like: x))
  }

  private mutating func reduceByPiOverTwo(_ a: ScalarID) -> Reduced {
    let near = reduceNear(a)
    let far = reduceFar(a)
    // Up to here n is small enough for three parts of pi / 2.
    let isNear = less(a, real(dtype(of: a) == .f32 ? 0x1p15 : 0x1p28, like: a))
    return Reduced(
      r: select(isNear, near.r, far.r), low: select(isNear, near.low, far.low),
      quadrant: select(isNear, near.quadrant, far.quadrant))
  }

  /// Cody and Waite: n pi / 2 in three parts. The first difference is exact; the second is taken with its error, which
  /// is exact too, for `lead` is a multiple of the last place of `product`.
  private mutating func reduceNear(_ a: ScalarID) -> Reduced {
    let n = round(multiply(a, coefficient(.twoOverPi, like: a)))
    let lead = fma(n, coefficient(.piOverTwo, 0, negated: true, like: a), a)
    let second = coefficient(.piOverTwo, 1, like: a)
    let product = multiply(n, second)
    let productLow = fma(n, second, negate(product))
    let r = subtract(lead, product)
    let lost = subtract(subtract(subtract(lead, r), product), productLow)
    let low = fma(n, coefficient(.piOverTwo, 2, negated: true, like: a), lost)
    return Reduced(r: r, low: low, quadrant: convert(n, to: dtype(of: n).signedIntegerOfSameWidth))
  }

  /// Payne and Hanek in integers: a = m 2^(e - precision + 1), times the words of 2 / pi that decide a / (pi / 2)
  /// modulo 4.
  private mutating func reduceFar(_ a: ScalarID) -> Reduced {
    let real = dtype(of: a)
    let signed = real.signedIntegerOfSameWidth
    let word: DType = real == .f32 ? .u32 : .u64
    let width = word.bitWidth
    let half = constant(word, UInt64(width / 2))
    let halfMask = constant(word, 1 << UInt64(width / 2) - 1)

    let bits = bitcast(a, to: word)
    let fractionWidth = UInt64(real.precision - 1)
    let bias: UInt64 = real == .f32 ? 127 : 1023
    let e = subtract(shiftRight(bits, constant(word, fractionWidth)), constant(word, bias))
    let hidden = constant(word, 1 << fractionWidth)
    let m = or(and(bits, constant(word, 1 << fractionWidth - 1)), hidden)

    // 96 (192) bits of 2 / pi from bit e on: whole words by selects, the rest by shifts.
    var window = Coefficients.twoOverPiWords.bits(real).map { constant(word, $0) }
    var step = real == .f32 ? 2 : 8
    while step > 0 {
      let flag = constant(word, UInt64(step * width))
      let isSet = equal(and(e, flag), flag)
      window = (0..<min(window.count - step, 3 + step)).map { select(isSet, window[$0 + step], window[$0]) }
      step /= 2
    }
    let shift = and(e, constant(word, UInt64(width - 1)))
    let back = subtract(constant(word, UInt64(width)), shift)
    let parts = (0..<3).map { or(shiftLeft(window[$0], shift), shiftRight(window[$0 + 1], back)) }

    // m times the window, modulo 4 quarter turns: two words, the upper with two bits before the point.
    let (m0, m1) = (and(m, halfMask), shiftRight(m, half))
    let (b0, b1) = (and(parts[1], halfMask), shiftRight(parts[1], half))
    let (c0, c1) = (and(parts[2], halfMask), shiftRight(parts[2], half))
    let lower = add(multiply(m1, b0), shiftRight(multiply(m0, b0), half))
    let middle = add(multiply(m0, b1), and(lower, halfMask))
    let carried = add(multiply(m1, b1), add(shiftRight(lower, half), shiftRight(middle, half)))
    // The upper word of m times the third part; two units in its last place are dropped.
    let third = add(multiply(m1, c1), add(shiftRight(multiply(m0, c1), half), shiftRight(multiply(m1, c0), half)))
    let low = add(multiply(m, parts[1]), third)
    let carry = convert(less(low, third), to: word)
    let high = add(multiply(m, parts[0]), add(carried, carry))

    // The nearest quarter turn, and what is left as a signed fraction in two words.
    let point = constant(word, UInt64(width - 2))
    let quadrant = shiftRight(add(high, constant(word, 1 << UInt64(width - 3))), point)
    let rest = bitcast(subtract(high, shiftLeft(quadrant, point)), to: signed)
    let lead = convert(rest, to: real)
    let lost = convert(subtract(rest, convert(lead, to: signed)), to: real)
    let lowBits = convert(bitcast(shiftRight(low, constant(word, 1)), to: signed), to: real)
    let tail = fma(lowBits, self.real(real == .f32 ? 0x1p-31 : 0x1p-63, like: a), lost)

    // To radians: (lead + tail) pi / 2 2^-(width - 2).
    let unit = Int64(2 - width)
    let toRadians = scaledCoefficient(.piOverTwo, 0, by: unit, like: a)
    let product = multiply(lead, toRadians)
    let error = fma(lead, toRadians, negate(product))
    let correction = fma(tail, toRadians, fma(lead, scaledCoefficient(.piOverTwo, 1, by: unit, like: a), error))
    let r = add(product, correction)
    return Reduced(r: r, low: add(subtract(product, r), correction), quadrant: bitcast(quadrant, to: signed))
  }

  private mutating func constant(_ dtype: DType, _ bits: UInt64) -> ScalarID { constant(Scalar(dtype, bits: bits)) }

  /// A table entry times 2^n, exactly.
  private mutating func scaledCoefficient(
    _ table: Coefficients, _ index: Int, by n: Int64, like x: ScalarID
  ) -> ScalarID {
    let dtype = self.dtype(of: x)
    let value = Scalar(dtype, bits: table.bits(dtype)[index]).doubleValue
    return real(value.scaled(byPowerOfTwo: n), like: x)
  }
}

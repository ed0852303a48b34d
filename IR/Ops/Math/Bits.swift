/// Functions of the bits: nextAfter on every real dtype, counts of bits on integers.
extension ScalarProgram.Builder {
  /// The next number of the dtype after `x` in the direction of `y`: `y` where the two are equal, NaN where one is NaN.
  mutating func nextAfter(_ x: ScalarID, _ y: ScalarID) -> ScalarID {
    let dtype = self.dtype(of: x)
    // f16 and bf16 compare as f32, exactly.
    let computing: DType = dtype == .f64 ? .f64 : .f32
    let (a, b) = (convert(x, to: computing), convert(y, to: computing))
    let zero = constant(.zero(computing))
    let bits = integerBits(x)
    let isGrowing = equal(less(a, b), less(zero, a))
    let one = integer(1, like: x)
    let neighbour = bitcast(add(bits, select(isGrowing, one, integer(-1, like: x))), to: dtype)
    let least = withSign(bitcast(one, to: dtype), of: y)
    let moved = select(equal(a, zero), least, neighbour)
    let value = select(equal(a, b), y, moved)
    return select(equal(a, a), select(equal(b, b), value, y), x)
  }

  /// The number of bits that are 1, in the dtype of `x`.
  mutating func populationCount(_ x: ScalarID) -> ScalarID {
    bitcast(unsignedPopulationCount(unsigned(x)), to: dtype(of: x))
  }

  /// The number of bits above the highest 1: the width for 0.
  mutating func countLeadingZeros(_ x: ScalarID) -> ScalarID {
    var filled = unsigned(x)
    var distance: UInt64 = 1
    while distance < UInt64(dtype(of: x).bitWidth) {
      filled = or(filled, shiftRight(filled, word(distance, like: filled)))
      distance *= 2
    }
    return bitcast(unsignedPopulationCount(not(filled)), to: dtype(of: x))
  }

  /// Sums of neighbouring fields of 1, 2 and 4 bits, then all bytes by one product.
  private mutating func unsignedPopulationCount(_ x: ScalarID) -> ScalarID {
    let width = dtype(of: x).bitWidth
    func repeated(_ byte: UInt64) -> UInt64 { byte &* 0x0101_0101_0101_0101 }
    let odd = word(repeated(0x55), like: x)
    let pairs = subtract(x, and(shiftRight(x, word(1, like: x)), odd))
    let mask = word(repeated(0x33), like: x)
    let nibbles = add(and(pairs, mask), and(shiftRight(pairs, word(2, like: x)), mask))
    let bytes = and(add(nibbles, shiftRight(nibbles, word(4, like: x))), word(repeated(0x0F), like: x))
    if width == 8 { return bytes }
    return shiftRight(multiply(bytes, word(repeated(0x01), like: x)), word(UInt64(width - 8), like: x))
  }

  /// `x` with its bits read as an unsigned integer.
  private mutating func unsigned(_ x: ScalarID) -> ScalarID {
    let dtype = self.dtype(of: x)
    let unsigned = dtype.unsignedIntegerOfSameWidth
    return dtype == unsigned ? x : bitcast(x, to: unsigned)
  }

  private mutating func word(_ bits: UInt64, like x: ScalarID) -> ScalarID {
    let dtype = self.dtype(of: x)
    return constant(Scalar(dtype, bits: bits & dtype.bitMask))
  }
}

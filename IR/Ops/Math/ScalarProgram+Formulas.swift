/// The parts from which the function tables are written. All of them work on `f32` and `f64`.
extension ScalarProgram.Builder {
  /// An exactly representable real constant.
  mutating func real(_ value: Double, like x: ScalarID) -> ScalarID { constant(Scalar(dtype(of: x), value)) }

  /// An integer of the width of `x`, with a sign.
  mutating func integer(_ value: Int64, like x: ScalarID) -> ScalarID {
    constant(Scalar(dtype(of: x).signedIntegerOfSameWidth, bits: UInt64(bitPattern: value)))
  }

  /// Entry `index` of a table, with the sign changed where `negated`.
  mutating func coefficient(
    _ table: Coefficients, _ index: Int = 0, negated: Bool = false, like x: ScalarID
  ) -> ScalarID {
    let dtype = self.dtype(of: x)
    let sign: UInt64 = negated ? 1 << UInt64(dtype.bitWidth - 1) : 0
    return constant(Scalar(dtype, bits: table.bits(dtype)[index] ^ sign))
  }

  /// The polynomial with these coefficients, lowest power first, by Horner's rule with fused steps; divided by x^first
  /// and without the lower powers for another `first`.
  mutating func polynomial(_ table: Coefficients, _ x: ScalarID, from first: Int = 0) -> ScalarID {
    let count = table.bits(dtype(of: x)).count
    var value = coefficient(table, count - 1, like: x)
    for index in (first..<count - 1).reversed() { value = fma(value, x, coefficient(table, index, like: x)) }
    return value
  }

  /// The polynomial in two parts: the last sum with its error. The constant is the greatest term.
  mutating func polynomialPair(_ table: Coefficients, _ x: ScalarID) -> ScalarPair {
    let rest = multiply(x, polynomial(table, x, from: 1))
    return sum(coefficient(table, 0, like: x), rest)
  }

  /// `x`, or `bound` where x > bound; a NaN stays.
  mutating func limit(_ x: ScalarID, above bound: Double) -> ScalarID {
    let bound = real(bound, like: x)
    return select(less(bound, x), bound, x)
  }

  /// `x`, or `bound` where x < bound; a NaN stays.
  mutating func limit(_ x: ScalarID, below bound: Double) -> ScalarID {
    let bound = real(bound, like: x)
    return select(less(x, bound), bound, x)
  }

  /// The bits of a real as an integer with a sign.
  mutating func integerBits(_ x: ScalarID) -> ScalarID { bitcast(x, to: dtype(of: x).signedIntegerOfSameWidth) }

  /// `magnitude`, which has no sign bit, with the sign bit of `x`.
  mutating func withSign(_ magnitude: ScalarID, of x: ScalarID) -> ScalarID {
    let mask = constant(signBit(of: dtype(of: x)))
    return bitcast(or(integerBits(magnitude), and(integerBits(x), mask)), to: dtype(of: x))
  }

  /// `x` with its sign bit changed where `sign`, an integer, has it set.
  mutating func flippingSign(_ x: ScalarID, by sign: ScalarID) -> ScalarID {
    let mask = constant(signBit(of: dtype(of: x)))
    return bitcast(xor(integerBits(x), and(sign, mask)), to: dtype(of: x))
  }

  private func signBit(of dtype: DType) -> Scalar {
    Scalar(dtype.signedIntegerOfSameWidth, bits: 1 << UInt64(dtype.bitWidth - 1))
  }
}

extension DType {
  /// Bits of the significand of a computing real, with the leading one.
  var precision: Int { self == .f32 ? 24 : 53 }
}

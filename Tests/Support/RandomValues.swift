public import KilnIR

extension SplitMix64 {
  /// One number of `dtype`: mostly ordinary ones, but also zeros of both signs, denormals, infinities, NaN, values near
  /// overflow and random bits (Numerics.md W4).
  public mutating func scalar(_ dtype: DType) -> Scalar {
    if dtype == .bool { return Scalar(oneIn(2)) }
    if dtype.isInteger {
      return oneIn(6) ? Scalar(dtype, bits: next()) : Scalar(Int64(index(below: 12)) - 4).converted(to: dtype)
    }
    switch index(below: 24) {
    case 0: return special(dtype)
    case 1: return Scalar(dtype, bits: next())
    case 2: return Scalar(dtype, oneIn(2) ? 0.0 : -0.0)
    default:
      let value = Double.random(in: -2...2, using: &self)
      return Scalar(dtype, oneIn(4) ? value * 16 : value)
    }
  }

  /// A real number that rewrites get wrong.
  public mutating func special(_ dtype: DType) -> Scalar {
    let infinity = Scalar(dtype, Double.infinity).bits
    let sign = UInt64(1) << UInt64(dtype.bitWidth - 1)
    // The least and the greatest denormal, the least normal, the greatest finite number, infinity, NaN.
    let exponentStep = infinity & (~infinity + 1)
    let bits = pick([1, exponentStep - 1, exponentStep, infinity - 1, infinity, infinity | (exponentStep >> 1)])
    return Scalar(dtype, bits: oneIn(2) ? bits : bits | sign)
  }

  /// A tensor of such numbers.
  public mutating func tensor(_ type: TensorType) throws(ConstraintFailure) -> TensorValue {
    var bits: [UInt64] = []
    for _ in 0..<type.shape.elementCount { bits.append(scalar(type.dtype).bits) }
    return try TensorValue(type, bits: bits)
  }

  /// A tensor of integers in `range`, which may be empty if the tensor is.
  mutating func indices(_ type: TensorType, in range: Range<Int>) throws(ConstraintFailure) -> TensorValue {
    var bits: [UInt64] = []
    for _ in 0..<type.shape.elementCount {
      let index = Int.random(in: range, using: &self)
      bits.append(Scalar(Int64(index)).converted(to: type.dtype).bits)
    }
    return try TensorValue(type, bits: bits)
  }
}

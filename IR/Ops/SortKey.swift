extension ScalarProgram {
  /// The unsigned integer by which sorting compares a value of `dtype`: `u64` for 64-bit dtypes, else `u32`. It grows
  /// with the value (falls, if the order is descending), is equal for -0 and +0, and greatest for NaN (Numerics.md E9).
  package static func sortKey(_ dtype: DType, isDescending: Bool) -> ScalarProgram {
    var builder = Builder(parameters: [dtype])
    let key = builder.sortKey(builder.parameter(0), isDescending: isDescending)
    return builder.build(result: key)
  }
}

extension DType {
  /// The dtype of a sort key.
  package var sortKey: DType { bitWidth == 64 ? .u64 : .u32 }
}

extension ScalarProgram.Builder {
  fileprivate mutating func sortKey(_ x: ScalarID, isDescending: Bool) -> ScalarID {
    let dtype = dtype(of: x)
    let key = dtype.sortKey
    guard dtype.isReal else {
      var word: ScalarID
      if dtype.isSignedInteger {
        let signed = convert(x, to: key == .u64 ? .i64 : .i32)
        word = xor(bitcast(signed, to: key), constant(Scalar(key, bits: 1 << UInt64(key.bitWidth - 1))))
      } else {
        word = convert(x, to: key)
      }
      return isDescending ? not(word) : word
    }
    let real = convert(x, to: key == .u64 ? .f64 : .f32)
    let zero = constant(.zero(self.dtype(of: real)))
    let sign = constant(Scalar(key, bits: 1 << UInt64(key.bitWidth - 1)))
    // Adding +0 makes -0 +0 and changes nothing else.
    let bits = bitcast(add(real, zero), to: key)
    let isNegative = less(real, zero)
    let word = select(isNegative, not(bits), or(bits, sign))
    let ordered = isDescending ? not(word) : word
    return select(equal(real, real), ordered, constant(Scalar(key, bits: key.bitMask)))
  }
}

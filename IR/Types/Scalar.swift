/// One number of some dtype, kept as its bits (zero extended to 64). Equality is equality of bits.
public struct Scalar: Hashable, Sendable {
  public let dtype: DType
  public let bits: UInt64

  public init(_ dtype: DType, bits: UInt64) {
    self.dtype = dtype
    self.bits = bits & dtype.bitMask
  }

  public init(_ value: Bool) { self.init(.bool, bits: value ? 1 : 0) }
  public init(_ value: Float) { self.init(.f32, bits: UInt64(value.bitPattern)) }
  public init(_ value: Double) { self.init(.f64, bits: value.bitPattern) }
  public init(_ value: Int32) { self.init(.i32, bits: UInt64(UInt32(bitPattern: value))) }
  public init(_ value: Int64) { self.init(.i64, bits: UInt64(bitPattern: value)) }
}

extension Scalar: CustomStringConvertible {
  /// The exact text: the shortest decimal that reads back as the same bits, `nan`, `inf`, `-inf`, `true`, `false`.
  public var description: String {
    switch dtype {
    case .bool: bits == 0 ? "false" : "true"
    case .i8, .i16, .i32, .i64: String(signed)
    case .u8, .u16, .u32, .u64: String(bits)
    case .f16: Self.text(Float(Float16(bitPattern: UInt16(bits))))
    case .bf16: Self.text(Float(bitPattern: UInt32(bits) << 16))
    case .f32: Self.text(Float(bitPattern: UInt32(bits)))
    case .f64: Self.text(Double(bitPattern: bits))
    }
  }

  /// The value sign-extended, for signed integer types.
  public var signed: Int64 {
    let unused = UInt64(64 - dtype.bitWidth)
    return Int64(bitPattern: bits << unused) >> Int64(unused)
  }

  private static func text<Real: BinaryFloatingPoint & LosslessStringConvertible>(_ value: Real) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    return value.description
  }

  /// Reads a number of type `dtype`. Integers may be written for real types; a number that does not fit gives nil.
  public init?(_ dtype: DType, text: String) {
    switch dtype {
    case .bool:
      guard text == "true" || text == "false" else { return nil }
      self.init(text == "true")
    case .i8, .i16, .i32, .i64:
      guard let value = Int64(text), Scalar(dtype, bits: UInt64(bitPattern: value)).signed == value else { return nil }
      self.init(dtype, bits: UInt64(bitPattern: value))
    case .u8, .u16, .u32, .u64:
      guard let value = UInt64(text), value <= dtype.bitMask else { return nil }
      self.init(dtype, bits: value)
    case .f16:
      guard Self.isNumber(text), let value = Float16(text) else { return nil }
      self.init(.f16, bits: UInt64(value.bitPattern))
    case .bf16:
      // Every bfloat16 is exactly a float, so its own text takes this way without a second rounding.
      guard Self.isNumber(text), let value = Float(text) else { return nil }
      let pattern = value.bitPattern
      let rounded = value.isNaN ? pattern >> 16 | 0x40 : (pattern + 0x7FFF + ((pattern >> 16) & 1)) >> 16
      self.init(.bf16, bits: UInt64(rounded))
    case .f32:
      guard Self.isNumber(text), let value = Float(text) else { return nil }
      self.init(value)
    case .f64:
      guard Self.isNumber(text), let value = Double(text) else { return nil }
      self.init(value)
    }
  }

  private static func isNumber(_ text: String) -> Bool {
    text == "nan" || text == "inf" || text == "-inf"
      || text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "+-.eE".utf8.contains($0) }
  }
}

/// The element type of a tensor.
///
/// The raw value is stable: it is part of cache keys.
public enum DType: UInt8, CaseIterable, Hashable, Sendable {
  case bool = 0
  case i8, i16, i32, i64
  case u8, u16, u32, u64
  case f16, bf16, f32, f64

  /// Bytes of one element in a buffer (`bool` takes one byte, 0 or 1).
  public var byteCount: Int {
    switch self {
    case .bool, .i8, .u8: 1
    case .i16, .u16, .f16, .bf16: 2
    case .i32, .u32, .f32: 4
    case .i64, .u64, .f64: 8
    }
  }

  /// Bits of one element.
  public var bitWidth: Int { self == .bool ? 1 : byteCount * 8 }

  public var isReal: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64: true
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64: false
    }
  }

  public var isSignedInteger: Bool {
    switch self {
    case .i8, .i16, .i32, .i64: true
    case .bool, .u8, .u16, .u32, .u64, .f16, .bf16, .f32, .f64: false
    }
  }

  public var isUnsignedInteger: Bool {
    switch self {
    case .u8, .u16, .u32, .u64: true
    case .bool, .i8, .i16, .i32, .i64, .f16, .bf16, .f32, .f64: false
    }
  }

  public var isInteger: Bool { isSignedInteger || isUnsignedInteger }

  /// The mask of the bits that a value of this type may set.
  public var bitMask: UInt64 { bitWidth == 64 ? .max : (1 << UInt64(bitWidth)) - 1 }

  /// The integer type of the same width with a sign, for shifts and bit casts of real types.
  public var signedIntegerOfSameWidth: DType {
    switch byteCount {
    case 1: .i8
    case 2: .i16
    case 4: .i32
    default: .i64
    }
  }

  /// The integer type of the same width without a sign.
  public var unsignedIntegerOfSameWidth: DType {
    switch byteCount {
    case 1: .u8
    case 2: .u16
    case 4: .u32
    default: .u64
    }
  }
}

extension DType: CustomStringConvertible {
  public var description: String {
    switch self {
    case .bool: "bool"
    case .i8: "i8"
    case .i16: "i16"
    case .i32: "i32"
    case .i64: "i64"
    case .u8: "u8"
    case .u16: "u16"
    case .u32: "u32"
    case .u64: "u64"
    case .f16: "f16"
    case .bf16: "bf16"
    case .f32: "f32"
    case .f64: "f64"
    }
  }

  /// The dtype spelled `spelling`, as in the text of the IR.
  public init?(spelling: some StringProtocol) {
    guard let match = Self.allCases.first(where: { $0.description == spelling }) else { return nil }
    self = match
  }
}

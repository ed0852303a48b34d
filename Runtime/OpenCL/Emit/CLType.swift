import KilnIR

/// How the dtypes are written in OpenCL C. In registers `bool` is an `int` 0 or 1 and 16-bit reals are `ushort` bits;
/// in memory `bool` is a byte.
extension DType {
  /// The type of a register.
  var clRegister: String {
    switch self {
    case .bool, .i32: "int"
    case .i8: "char"
    case .i16: "short"
    case .i64: "long"
    case .u8: "uchar"
    case .u16, .f16, .bf16: "ushort"
    case .u32: "uint"
    case .u64: "ulong"
    case .f32: "float"
    case .f64: "double"
    }
  }

  /// The type of an element in memory.
  var clMemory: String { self == .bool ? "uchar" : clRegister }

  /// The unsigned integer type of at least 32 bits in which integer arithmetic wraps.
  var clCarrier: String { byteCount == 8 ? "ulong" : "uint" }

  /// The unsigned type of the same width.
  var clUnsigned: String {
    switch byteCount {
    case 1: "uchar"
    case 2: "ushort"
    case 4: "uint"
    default: "ulong"
    }
  }
}

extension Scalar {
  /// The value as a constant expression of the register type, by its bits.
  var clConstant: String {
    let hexadecimal = "0x" + String(bits, radix: 16)
    switch dtype {
    case .bool: return bits == 0 ? "0" : "1"
    case .f32: return "as_float(\(hexadecimal)u)"
    case .f64: return "as_double(\(hexadecimal)ul)"
    case .i8, .i16, .i32, .u8, .u16, .u32, .f16, .bf16: return "(\(dtype.clRegister))\(hexadecimal)u"
    case .i64, .u64: return "(\(dtype.clRegister))\(hexadecimal)ul"
    }
  }
}

extension DType {
  func clReal(_ value: Double) -> String { Scalar(self, value).clConstant }
}

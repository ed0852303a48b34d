import KilnIR

/// Writes primitives as OpenCL C expressions of one operation each (Numerics.md B4), and collects the helpers they
/// need.
struct CLOperations {
  /// The device contracts a product and a sum even where it must not: products pass through an exclusive or with an
  /// argument that is 0 (B5).
  let correctsProducts: Bool
  private(set) var helpers: Set<CLHelper> = []

  init(correctsProducts: Bool) { self.correctsProducts = correctsProducts }

  mutating func call(_ helper: CLHelper, _ arguments: [String]) -> String {
    helpers.insert(helper)
    return "\(helper.name)(\(arguments.joined(separator: ", ")))"
  }

  /// - Parameters:
  ///   - operands: names or constants.
  ///   - operand: the dtype of the last operand.
  ///   - dtype: the dtype of the result.
  mutating func expression(_ primitive: Primitive, _ operands: [String], operand: DType, dtype: DType) -> String {
    let a = operands[0]
    let b = operands.count > 1 ? operands[1] : a
    let isReal = operand.isReal
    func wrap(_ sign: String) -> String {
      "(\(operand.clRegister))((\(operand.clCarrier))\(a) \(sign) (\(operand.clCarrier))\(b))"
    }
    switch primitive {
    case .add: return isReal ? "\(a) + \(b)" : wrap("+")
    case .subtract: return isReal ? "\(a) - \(b)" : wrap("-")
    case .multiply: return isReal ? product(a, b, operand) : wrap("*")
    case .divide: return isReal ? "\(a) / \(b)" : call(.divide(operand), [a, b])
    case .remainder: return call(.remainder(operand), [a, b])
    case .negate:
      return isReal
        ? signed(a, operand, "^ \(operand.clSign)")
        : "(\(operand.clRegister))((\(operand.clCarrier))0 - (\(operand.clCarrier))\(a))"
    case .abs:
      if isReal { return signed(a, operand, "& ~\(operand.clSign)") }
      guard operand.isSignedInteger else { return a }
      return "\(a) < 0 ? (\(operand.clRegister))((\(operand.clCarrier))0 - (\(operand.clCarrier))\(a)) : \(a)"
    case .maximum: return call(.extremum(isMaximum: true, operand), [a, b])
    case .minimum: return call(.extremum(isMaximum: false, operand), [a, b])
    case .sqrt: return "sqrt(\(a))"
    case .fma: return "fma(\(a), \(b), \(operands[2]))"
    case .floor: return call(.rounding(.floor, operand), [a])
    case .ceil: return call(.rounding(.ceil, operand), [a])
    case .truncate: return call(.rounding(.trunc, operand), [a])
    case .round: return call(.rounding(.rint, operand), [a])
    case .scaleByPowerOfTwo: return keep(call(.scale(dtype), [a, b]), dtype)
    case .and: return "(\(dtype.clRegister))(\(a) & \(b))"
    case .or: return "(\(dtype.clRegister))(\(a) | \(b))"
    case .xor: return "(\(dtype.clRegister))(\(a) ^ \(b))"
    case .not: return operand == .bool ? "\(a) ^ 1" : "(\(operand.clRegister))~\(a)"
    case .shiftLeft, .shiftRight: return shift(primitive == .shiftLeft, a, b, operand)
    case .equal: return "\(a) == \(b)"
    case .less: return "\(a) < \(b)"
    case .lessEqual: return "\(a) <= \(b)"
    case .select: return "\(a) != 0 ? \(b) : \(operands[2])"
    case .convert: return convert(a, from: operand, to: dtype)
    case .bitcast: return bitcast(a, from: operand, to: dtype)
    }
  }

  /// a · b, safe from contraction with a later sum.
  func product(_ a: String, _ b: String, _ dtype: DType) -> String { keep("\(a) * \(b)", dtype) }

  /// Keeps the compiler from looking through a product.
  private func keep(_ expression: String, _ dtype: DType) -> String {
    guard correctsProducts else { return expression }
    return dtype == .f32 ? "as_float(as_uint(\(expression)) ^ z)" : "as_double(as_ulong(\(expression)) ^ (ulong)z)"
  }

  private func signed(_ a: String, _ dtype: DType, _ change: String) -> String {
    dtype == .f32 ? "as_float(as_uint(\(a)) \(change))" : "as_double(as_ulong(\(a)) \(change))"
  }

  /// E8: by the width and more, 0 or (shifting right) the sign.
  private func shift(_ left: Bool, _ a: String, _ b: String, _ dtype: DType) -> String {
    let width = dtype.bitWidth
    let amount = "(\(dtype.clUnsigned))\(b)"
    let type = dtype.clRegister
    if left {
      return "\(amount) < \(width) ? (\(type))((\(dtype.clCarrier))\(a) << (\(amount) & \(width - 1))) : (\(type))0"
    }
    if dtype.isSignedInteger {
      return "(\(type))(\(a) >> (\(amount) < \(width) ? \(amount) : (\(dtype.clUnsigned))\(width - 1)))"
    }
    return "\(amount) < \(width) ? (\(type))(\(a) >> (\(amount) & \(width - 1))) : (\(type))0"
  }

  private func bitcast(_ a: String, from source: DType, to target: DType) -> String {
    // A real of 16 bits is an unsigned integer in registers.
    let (from, to) = (source.clRegister, target.clRegister)
    return from == to ? a : "as_\(to)(\(a))"
  }

  // MARK: - Conversions (E6, E7)

  mutating func convert(_ a: String, from source: DType, to target: DType) -> String {
    if source == target { return a }
    switch source {
    case .f16: return convert(call(.wideFromHalf, [a]), from: .f32, to: target)
    case .bf16: return convert("as_float((uint)\(a) << 16)", from: .f32, to: target)
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f32, .f64: break
    }
    let type = target.clRegister
    switch target {
    case .bool: return "\(a) != 0"
    case .f16, .bf16: return small(a, from: source, to: target)
    case .f32, .f64: return "(\(type))\(a)"
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64:
      return source.isReal ? call(.toInteger(target, from: source), [a]) : "(\(type))\(a)"
    }
  }

  private mutating func small(_ a: String, from source: DType, to target: DType) -> String {
    switch source {
    case .f32: return call(target == .f16 ? .halfFromFloat : .brainFromFloat, [a])
    case .f64: return call(.round16FromDouble(target), [a])
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f16, .bf16:
      let (fraction, bias) = target.smallReal
      guard source.isSignedInteger else { return call(.round16, ["(ulong)\(a)", "0", "\(fraction)", "\(bias)"]) }
      let magnitude = "(\(a) < 0 ? (ulong)0 - (ulong)(long)\(a) : (ulong)\(a))"
      let rounded = call(.round16, [magnitude, "0", "\(fraction)", "\(bias)"])
      return "(ushort)(\(rounded) | (\(a) < 0 ? 0x8000 : 0))"
    }
  }
}

extension DType {
  /// The sign bit of a real.
  var clSign: String { self == .f32 ? "0x80000000u" : "0x8000000000000000ul" }
}

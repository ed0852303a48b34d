import KilnIR

/// Rewrites of elementwise ops. Real identities are those that hold for ±0, infinities and NaN; `x + 0`, `x · 0`,
/// `x - x` and `x / x` are not identities for reals (Numerics.md W3).
extension Simplifier {
  static let algebraRules: [RewriteRule] = [
    addNeutral, subtractZero, multiplyByOne, divideByOne, negateNegate, divideByPowerOfTwo, selectConstant, selectSame,
    identityConvert,
  ]

  /// `x + (-0)` and `(-0) + x` on reals, `x + 0` and `0 + x` on integers.
  static let addNeutral = RewriteRule("x + (-0)") { rewriter, op, operands throws(KilnError) in
    guard op == .map(.add) else { return nil }
    if rewriter.isSplat(operands[1], { $0.isNegativeZero || $0.isIntegerZero }) { return operands[0] }
    if rewriter.isSplat(operands[0], { $0.isNegativeZero || $0.isIntegerZero }) { return operands[1] }
    return nil
  }

  /// `x - (+0)`; the zero of integers has one sign.
  static let subtractZero = RewriteRule("x - (+0)") { rewriter, op, operands throws(KilnError) in
    guard op == .map(.subtract), rewriter.isSplat(operands[1], { $0.bits == 0 }) else { return nil }
    return operands[0]
  }

  static let multiplyByOne = RewriteRule("x · 1") { rewriter, op, operands throws(KilnError) in
    guard op == .map(.multiply) else { return nil }
    if rewriter.isSplat(operands[1], \.isOne) { return operands[0] }
    if rewriter.isSplat(operands[0], \.isOne) { return operands[1] }
    return nil
  }

  static let divideByOne = RewriteRule("x / 1") { rewriter, op, operands throws(KilnError) in
    guard op == .map(.divide), rewriter.isSplat(operands[1], \.isOne) else { return nil }
    return operands[0]
  }

  static let negateNegate = RewriteRule("--x") { rewriter, op, operands throws(KilnError) in
    guard op == .map(.negate), let inner = rewriter.definition(of: operands[0]), inner.op == .map(.negate) else {
      return nil
    }
    return inner.operands[0]
  }

  /// `x / c` for c = ±2^k is `x · (1/c)`: both round the same real number.
  static let divideByPowerOfTwo = RewriteRule("x / ±2^k") { rewriter, op, operands throws(KilnError) in
    guard op == .map(.divide), let divisor = rewriter.splat(operands[1]), let reciprocal = divisor.exactReciprocal
    else {
      return nil
    }
    let factor = try rewriter.constant(reciprocal, rewriter.type(of: operands[1]).shape)
    return try rewriter.multiply(operands[0], factor)
  }

  static let selectConstant = RewriteRule("select with a constant predicate") {
    rewriter, op, operands throws(KilnError) in
    guard op == .map(.select), let predicate = rewriter.splat(operands[0]) else { return nil }
    return operands[predicate.bits != 0 ? 1 : 2]
  }

  static let selectSame = RewriteRule("select between equal values") { _, op, operands throws(KilnError) in
    guard op == .map(.select), operands[1] == operands[2] else { return nil }
    return operands[1]
  }

  static let identityConvert = RewriteRule("convert to the same dtype") { rewriter, op, operands throws(KilnError) in
    switch op {
    case .type(.convert(let dtype)), .type(.bitcast(let dtype)):
      rewriter.type(of: operands[0]).dtype == dtype ? operands[0] : nil
    case .source, .map, .movement, .reduction, .contraction, .indexing, .control: nil
    }
  }
}

extension Rewriter {
  /// Whether `value` is a constant with equal elements of which `predicate` holds.
  func isSplat(_ value: ValueID, _ predicate: (Scalar) -> Bool) -> Bool { splat(value).map(predicate) ?? false }
}

extension Scalar {
  var isNegativeZero: Bool { dtype.isReal && bits == 1 << UInt64(dtype.bitWidth - 1) }
  var isIntegerZero: Bool { dtype.isInteger && bits == 0 }
  var isOne: Bool { dtype.isReal ? self == .one(dtype) : dtype.isInteger && bits == 1 }

  /// `1 / self` for ±2^k if it is a normal number of the same dtype, f32 or f64.
  var exactReciprocal: Scalar? {
    switch dtype {
    case .f32:
      let value = Float(bitPattern: UInt32(bits))
      let reciprocal = 1 / value
      return value.isFinite && value.significand == 1 && reciprocal.isNormal ? Scalar(reciprocal) : nil
    case .f64:
      let value = Double(bitPattern: bits)
      let reciprocal = 1 / value
      return value.isFinite && value.significand == 1 && reciprocal.isNormal ? Scalar(reciprocal) : nil
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f16, .bf16: return nil
    }
  }
}

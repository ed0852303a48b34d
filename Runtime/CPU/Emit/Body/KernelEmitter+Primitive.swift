import KilnIR

/// A primitive on `lanes` lanes: the instructions that Numerics.md allows, and no others.
extension KernelEmitter {
  /// - Parameters:
  ///   - operand: the dtype of the last operand.
  ///   - dtype: the dtype of the result.
  func apply(_ primitive: Primitive, _ operands: [LLVMValue], operand: DType, dtype: DType, lanes: Int) -> LLVMValue {
    let a = operands[0]
    let b = operands.count > 1 ? operands[1] : a
    let isReal = operand.isReal
    switch primitive {
    case .add: return module.binary(isReal ? .fadd : .add, a, b)
    case .subtract: return module.binary(isReal ? .fsub : .sub, a, b)
    case .multiply: return module.binary(isReal ? .fmul : .mul, a, b)
    case .divide: return isReal ? module.binary(.fdiv, a, b) : divide(a, b, operand, lanes, remainder: false)
    case .remainder:
      return isReal ? exactRemainder(a, b, operand, lanes) : divide(a, b, operand, lanes, remainder: true)
    case .negate:
      return isReal ? module.fneg(a) : module.binary(.sub, module.zero(registerType(operand, lanes)), a)
    case .abs: return abs(a, operand, lanes)
    case .maximum, .minimum: return extremum(primitive == .maximum, a, b, operand, lanes)
    case .sqrt: return unary("llvm.sqrt", a)
    case .fma: return module.intrinsic("llvm.fma", [module.type(of: a)], operands)
    case .floor: return unary("llvm.floor", a)
    case .ceil: return unary("llvm.ceil", a)
    case .truncate: return unary("llvm.trunc", a)
    case .round: return unary("llvm.roundeven", a)
    case .scaleByPowerOfTwo: return scale(a, b, dtype, lanes)
    case .and: return module.binary(.and, a, b)
    case .or: return module.binary(.or, a, b)
    case .xor: return module.binary(.xor, a, b)
    case .not: return module.binary(.xor, a, integer(-1, operand, lanes))
    case .shiftLeft, .shiftRight: return shift(primitive == .shiftLeft, a, b, operand, lanes)
    case .equal: return isReal ? module.compare(.oeq, a, b) : module.compare(.eq, a, b)
    case .less: return less(a, b, operand)
    case .lessEqual:
      if isReal { return module.compare(.ole, a, b) }
      return module.compare(operand.isSignedInteger ? .sle : .ule, a, b)
    case .select: return module.select(a, b, operands[2])
    case .convert: return convert(a, from: operand, to: dtype, lanes)
    case .bitcast:
      return operand == dtype ? a : module.cast(.bitcast, a, to: registerType(dtype, lanes))
    }
  }

  func less(_ a: LLVMValue, _ b: LLVMValue, _ dtype: DType) -> LLVMValue {
    if dtype.isReal { return module.compare(.olt, a, b) }
    return module.compare(dtype.isSignedInteger ? .slt : .ult, a, b)
  }

  private func unary(_ name: String, _ a: LLVMValue) -> LLVMValue { module.intrinsic(name, [module.type(of: a)], [a]) }

  /// E8: x / 0 has all bits one, x mod 0 = x, min / -1 = min, min mod -1 = 0. A divisor that would trap becomes 1.
  private func divide(_ a: LLVMValue, _ b: LLVMValue, _ dtype: DType, _ lanes: Int, remainder: Bool) -> LLVMValue {
    let isSigned = dtype.isSignedInteger
    let byZero = module.compare(.eq, b, integer(0, dtype, lanes))
    var isSpecial = byZero
    if isSigned {
      let least = integer(1 << (dtype.bitWidth - 1), dtype, lanes)
      let overflows = module.binary(
        .and, module.compare(.eq, a, least), module.compare(.eq, b, integer(-1, dtype, lanes)))
      isSpecial = module.binary(.or, byZero, overflows)
    }
    let divisor = module.select(isSpecial, integer(1, dtype, lanes), b)
    if remainder {
      return module.select(byZero, a, module.binary(isSigned ? .srem : .urem, a, divisor))
    }
    return module.select(byZero, integer(-1, dtype, lanes), module.binary(isSigned ? .sdiv : .udiv, a, divisor))
  }

  private func abs(_ a: LLVMValue, _ dtype: DType, _ lanes: Int) -> LLVMValue {
    if dtype.isReal { return unary("llvm.fabs", a) }
    guard dtype.isSignedInteger else { return a }
    let zero = integer(0, dtype, lanes)
    return module.select(module.compare(.slt, a, zero), module.binary(.sub, zero, a), a)
  }

  /// E4 for reals: NaN if either is NaN, -0 < +0.
  func extremum(_ isMaximum: Bool, _ a: LLVMValue, _ b: LLVMValue, _ dtype: DType, _ lanes: Int) -> LLVMValue {
    guard dtype.isReal else {
      let first = isMaximum ? less(b, a, dtype) : less(a, b, dtype)
      return module.select(first, a, b)
    }
    let unordered = module.compare(.uno, a, b)
    return module.select(unordered, module.binary(.fadd, a, b), orderedExtremum(isMaximum, a, b, dtype, lanes))
  }

  private func orderedExtremum(_ isMaximum: Bool, _ a: LLVMValue, _ b: LLVMValue, _ dtype: DType, _ lanes: Int)
    -> LLVMValue
  {
    let width = 64 / dtype.byteCount
    if compiler.features.vectorClass == .bits512, isX86, lanes.isMultiple(of: width) {
      // vrangeps: the larger or smaller with its own sign, zeros ordered by sign.
      let suffix = dtype == .f32 ? "ps" : "pd"
      let operation = module.constant(isMaximum ? 0b0101 : 0b0100, module.int32)
      return inPieces([a, b], lanes: lanes, width: width) { pieces in
        module.intrinsic(
          "llvm.x86.avx512.mask.range.\(suffix).512", [],
          [pieces[0], pieces[1], operation, module.zero(registerType(dtype, width)), fullMask(width), currentRounding])
      }
    }
    // Both orders of the instruction that takes its second operand on ties: they differ for zeros of unlike sign only.
    let predicate: LLVMRealPredicate = isMaximum ? .ogt : .olt
    let bits = integerType(dtype, lanes)
    func bitsOf(_ value: LLVMValue) -> LLVMValue { module.cast(.bitcast, value, to: bits) }
    let first = bitsOf(module.select(module.compare(predicate, a, b), a, b))
    let second = bitsOf(module.select(module.compare(predicate, b, a), b, a))
    return module.cast(
      .bitcast, module.binary(isMaximum ? .and : .or, first, second), to: registerType(dtype, lanes))
  }

  /// x · 2ⁿ in the domain of the primitive.
  private func scale(_ x: LLVMValue, _ n: LLVMValue, _ dtype: DType, _ lanes: Int) -> LLVMValue {
    let width = 64 / dtype.byteCount
    if compiler.features.vectorClass == .bits512, isX86, lanes.isMultiple(of: width) {
      let suffix = dtype == .f32 ? "ps" : "pd"
      return inPieces([x, n], lanes: lanes, width: width) { pieces in
        module.intrinsic(
          "llvm.x86.avx512.mask.scalef.\(suffix).512", [],
          [pieces[0], pieces[1], module.zero(registerType(dtype, width)), fullMask(width), currentRounding])
      }
    }
    // x · 2^⌊n/2⌋ · 2^(n-⌊n/2⌋). A sum past the whole numbers leaves n in the low bits of its word.
    let integerDType = dtype.signedIntegerOfSameWidth
    let fraction = dtype == .f32 ? 23 : 52
    let past: Double = dtype == .f32 ? 1.5 * 0x1p23 + 256 : 1.5 * 0x1p52 + 2048
    func bits(_ value: Int) -> LLVMValue { integer(value, integerDType, lanes) }
    func real(_ bits: LLVMValue) -> LLVMValue { module.cast(.bitcast, bits, to: registerType(dtype, lanes)) }
    let sum = module.binary(.fadd, n, constant(Scalar(dtype, past), lanes))
    let word = module.cast(.bitcast, sum, to: registerType(integerDType, lanes))
    let whole = module.binary(.shl, word, bits(fraction))
    let half = module.binary(.and, module.binary(.lshr, whole, bits(1)), bits(-1 << fraction))
    let rest = module.binary(.sub, whole, half)
    let one = bits(1 << fraction)
    let first = module.binary(.fmul, x, real(module.binary(.sub, half, one)))
    return module.binary(.fmul, first, real(module.binary(.sub, rest, one)))
  }

  /// E8: by the width and more, 0 or (shifting right) the sign.
  private func shift(_ left: Bool, _ a: LLVMValue, _ amount: LLVMValue, _ dtype: DType, _ lanes: Int) -> LLVMValue {
    let inside = module.compare(.ult, amount, integer(dtype.bitWidth, dtype, lanes))
    if !left && dtype.isSignedInteger {
      let most = integer(dtype.bitWidth - 1, dtype, lanes)
      return module.binary(.ashr, a, module.select(inside, amount, most))
    }
    let zero = integer(0, dtype, lanes)
    let shifted = module.binary(left ? .shl : .lshr, a, module.select(inside, amount, zero))
    return module.select(inside, shifted, zero)
  }

  var isX86: Bool {
    #if arch(x86_64)
      true
    #else
      false
    #endif
  }

  private func fullMask(_ width: Int) -> LLVMValue { module.constant(-1, module.integer(width)) }
  /// The rounding operand that means: as the control register says.
  private var currentRounding: LLVMValue { module.constant(4, module.int32) }
}

import KilnIR

/// Conversions between dtypes (Numerics.md E6, E7). 16-bit reals are integers here and are converted by integer
/// arithmetic.
extension KernelEmitter {
  func convert(_ a: LLVMValue, from source: DType, to target: DType, _ lanes: Int) -> LLVMValue {
    if source == target { return a }
    if source == .f16 || source == .bf16 {
      return convert(widened(a, source, lanes), from: .f32, to: target, lanes)
    }
    switch target {
    case .bool:
      let zero = module.zero(registerType(source, lanes))
      return source.isReal ? module.compare(.une, a, zero) : module.compare(.ne, a, zero)
    case .f16, .bf16:
      switch source {
      case .f32: return narrowed(a, target, lanes)
      case .f64: return narrowed(roundedToOdd(a, lanes), target, lanes)
      case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f16, .bf16:
        let wide = convert(jammed(a, source, lanes), from: source, to: .f64, lanes)
        return narrowed(roundedToOdd(wide, lanes), target, lanes)
      }
    case .f32, .f64:
      if source.isReal { return module.cast(source == .f32 ? .fpext : .fptrunc, a, to: registerType(target, lanes)) }
      return module.cast(source.isSignedInteger ? .sitofp : .uitofp, a, to: registerType(target, lanes))
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64:
      if source.isReal { return saturated(a, source, target, lanes) }
      if target.bitWidth < source.bitWidth { return module.cast(.trunc, a, to: registerType(target, lanes)) }
      if target.bitWidth == source.bitWidth { return a }
      return module.cast(source.isSignedInteger ? .sext : .zext, a, to: registerType(target, lanes))
    }
  }

  /// E6: toward zero, outside the range the nearest end, NaN is 0. LLVM's conversion sees only what it defines.
  private func saturated(_ a: LLVMValue, _ source: DType, _ target: DType, _ lanes: Int) -> LLVMValue {
    let isSigned = target.isSignedInteger
    let power = isSigned ? target.bitWidth - 1 : target.bitWidth
    let above = Double(sign: .plus, exponent: power, significand: 1)
    let tooLarge = module.compare(.oge, a, real(above, source, lanes))
    let tooSmall = module.compare(isSigned ? .olt : .ole, a, real(isSigned ? -above : -1, source, lanes))
    let isOutside = module.binary(
      .or, module.compare(.uno, a, a), module.binary(.or, tooLarge, tooSmall))
    let safe = module.select(isOutside, module.zero(registerType(source, lanes)), a)
    // Through 32 bits at least: narrower conversions are legalised less well.
    let carrier: DType = target.bitWidth < 32 ? .i32 : target
    var result = module.cast(carrier.isSignedInteger ? .fptosi : .fptoui, safe, to: registerType(carrier, lanes))
    if carrier.bitWidth != target.bitWidth { result = module.cast(.trunc, result, to: registerType(target, lanes)) }
    let most = isSigned ? Int(bitPattern: UInt(1) << UInt(target.bitWidth - 1) &- 1) : -1
    let least = isSigned ? Int(bitPattern: UInt(1) << UInt(target.bitWidth - 1)) : 0
    result = module.select(tooLarge, integer(most, target, lanes), result)
    return module.select(tooSmall, integer(least, target, lanes), result)
  }

  // MARK: - 16-bit reals

  /// f16 or bf16 as f32, exactly.
  private func widened(_ a: LLVMValue, _ source: DType, _ lanes: Int) -> LLVMValue {
    let bits = module.cast(.zext, a, to: registerType(.u32, lanes))
    func word(_ value: Int) -> LLVMValue { integer(value, .u32, lanes) }
    func float(_ value: LLVMValue) -> LLVMValue { module.cast(.bitcast, value, to: registerType(.f32, lanes)) }
    if source == .bf16 { return float(module.binary(.shl, bits, word(16))) }
    let magnitude = module.binary(.shl, module.binary(.and, bits, word(0x7fff)), word(13))
    let exponent = module.binary(.and, magnitude, word(0x7c00 << 13))
    let rebiased = add(magnitude, word((127 - 15) << 23))
    let infinite = add(rebiased, word((128 - 16) << 23))
    let scaled = module.binary(.fsub, float(add(rebiased, word(1 << 23))), float(word(113 << 23)))
    let denormal = module.cast(.bitcast, scaled, to: registerType(.u32, lanes))
    var result = module.select(module.compare(.eq, exponent, word(0x7c00 << 13)), infinite, rebiased)
    result = module.select(module.compare(.eq, exponent, word(0)), denormal, result)
    let sign = module.binary(.shl, module.binary(.and, bits, word(0x8000)), word(16))
    return float(module.binary(.or, result, sign))
  }

  /// f32 to the nearest f16 or bf16, ties to even.
  private func narrowed(_ a: LLVMValue, _ target: DType, _ lanes: Int) -> LLVMValue {
    func word(_ value: Int) -> LLVMValue { integer(value, .u32, lanes) }
    func shifted(_ value: LLVMValue, _ by: Int) -> LLVMValue { module.binary(.lshr, value, word(by)) }
    let bits = module.cast(.bitcast, a, to: registerType(.u32, lanes))
    let magnitude = module.binary(.and, bits, word(0x7fff_ffff))
    let sign = module.binary(.and, shifted(bits, 16), word(0x8000))
    let isNaN = module.compare(.uno, a, a)
    var result: LLVMValue
    if target == .bf16 {
      let odd = module.binary(.and, shifted(magnitude, 16), word(1))
      result = shifted(add(add(magnitude, word(0x7fff)), odd), 16)
      result = module.select(isNaN, word(0x7fc0), result)
    } else {
      let odd = module.binary(.and, shifted(magnitude, 13), word(1))
      let normal = shifted(add(add(magnitude, word(((15 - 127) << 23) + 0xfff)), odd), 13)
      // Adding one half leaves a denormal's digits, rounded, at the end of the sum.
      let half = module.cast(.bitcast, magnitude, to: registerType(.f32, lanes))
      let sum = module.binary(.fadd, half, real(0.5, .f32, lanes))
      let denormal = module.binary(
        .sub, module.cast(.bitcast, sum, to: registerType(.u32, lanes)), word(126 << 23))
      result = module.select(module.compare(.ult, magnitude, word(113 << 23)), denormal, normal)
      result = module.select(module.compare(.uge, magnitude, word(143 << 23)), word(0x7c00), result)
      result = module.select(isNaN, word(0x7e00), result)
    }
    return module.cast(.trunc, module.binary(.or, result, sign), to: registerType(.u16, lanes))
  }

  /// f64 to f32 so that a later rounding to 16 bits is the only one: inexact results become the neighbour whose last
  /// bit is set.
  private func roundedToOdd(_ a: LLVMValue, _ lanes: Int) -> LLVMValue {
    let nearest = module.cast(.fptrunc, a, to: registerType(.f32, lanes))
    let back = module.cast(.fpext, nearest, to: registerType(.f64, lanes))
    let isInexact = module.compare(.one, back, a)
    let type = registerType(.f64, lanes)
    let isLarger = module.compare(
      .ogt, module.intrinsic("llvm.fabs", [type], [back]), module.intrinsic("llvm.fabs", [type], [a]))
    let bits = module.cast(.bitcast, nearest, to: registerType(.u32, lanes))
    let towardZero = module.select(isLarger, module.binary(.sub, bits, integer(1, .u32, lanes)), bits)
    let odd = module.binary(.or, towardZero, integer(1, .u32, lanes))
    return module.cast(.bitcast, module.select(isInexact, odd, bits), to: registerType(.f32, lanes))
  }

  /// A 64-bit integer with its last bits joined into one, so that f64 holds it and no rounding to 16 bits sees it.
  private func jammed(_ a: LLVMValue, _ source: DType, _ lanes: Int) -> LLVMValue {
    guard source.bitWidth == 64 else { return a }
    func word(_ value: Int) -> LLVMValue { integer(value, .i64, lanes) }
    let low = module.binary(.and, a, word(2047))
    let sticky = module.select(module.compare(.ne, low, word(0)), word(2048), word(0))
    let jammed = module.binary(.or, module.binary(.and, a, word(~2047)), sticky)
    // Where f64 holds the integer exactly it stays as it is.
    let shift = source == .i64 ? 1 << 52 : 0
    let isExact = module.compare(.ule, module.binary(.add, a, word(shift)), word(1 << 53))
    return module.select(isExact, a, jammed)
  }
}

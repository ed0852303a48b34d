import KilnIR

/// The exact remainder of reals (Numerics.md E9), by integer arithmetic: there is no call into libm.
extension KernelEmitter {
  func exactRemainder(_ a: LLVMValue, _ b: LLVMValue, _ dtype: DType, _ lanes: Int) -> LLVMValue {
    let helper = remainderFunction()
    guard lanes > 1 else { return remainder(a, b, dtype, helper) }
    return (0..<lanes).reduce(module.poison(registerType(dtype, lanes))) { vector, lane in
      let value = remainder(module.extract(a, lane: lane), module.extract(b, lane: lane), dtype, helper)
      return module.insert(value, into: vector, lane: lane)
    }
  }

  /// The remainder of two f32 has at most 24 significant bits, so f64's is exact for them too.
  private func remainder(_ a: LLVMValue, _ b: LLVMValue, _ dtype: DType, _ helper: LLVMFunction) -> LLVMValue {
    guard dtype == .f32 else { return module.call(helper, [a, b]) }
    let wide = [a, b].map { module.cast(.fpext, $0, to: module.double) }
    return module.cast(.fptrunc, module.call(helper, wide), to: module.float)
  }

  /// significand(a) · 2^shift mod significand(b), eleven bits a step: significands have 53 bits.
  private func remainderFunction() -> LLVMFunction {
    helper("remainder", [module.double, module.double], module.double, emitRemainder)
  }

  private func emitRemainder(_ helper: LLVMFunction) {
    let (a, b) = (helper.parameters[0], helper.parameters[1])
    func bits(_ value: LLVMValue) -> LLVMValue {
      module.binary(.and, module.cast(.bitcast, value, to: module.int64), module.index(Int.max))
    }
    func word(_ value: Int) -> LLVMValue { module.index(value) }
    /// A finite number as significand · 2^exponent, the exponents counted from the least.
    func parts(_ bits: LLVMValue) -> (significand: LLVMValue, exponent: LLVMValue) {
      let field = module.binary(.lshr, bits, word(52))
      let fraction = module.binary(.and, bits, word(1 << 52 - 1))
      let isDenormal = module.compare(.eq, field, word(0))
      return (
        module.select(isDenormal, fraction, module.binary(.or, fraction, word(1 << 52))),
        module.select(isDenormal, word(0), module.binary(.sub, field, word(1)))
      )
    }
    let (bitsA, bitsB) = (bits(a), bits(b))
    let infinity = word(0x7ff << 52)
    let isUndefined = module.binary(
      .or, module.compare(.uge, bitsA, infinity),
      module.binary(.or, module.compare(.ugt, bitsB, infinity), module.compare(.eq, bitsB, word(0))))
    let isSmaller = module.compare(.ult, bitsA, bitsB)
    let isSpecial = module.binary(.or, isUndefined, isSmaller)
    let (dividend, unit) = (parts(bitsA), parts(bitsB))
    let divisor = module.select(isSpecial, word(1), unit.significand)
    let shift = module.select(isSpecial, word(0), module.binary(.sub, dividend.exponent, unit.exponent))
    let start = module.binary(.urem, dividend.significand, divisor)
    let rest = module.loop(in: helper, from: word(0), to: shift, step: word(11), carrying: [start]) { done, carried in
      let left = module.binary(.sub, shift, done)
      let step = module.select(module.compare(.slt, left, word(11)), left, word(11))
      return [module.binary(.urem, module.binary(.shl, carried[0], step), divisor)]
    }
    let magnitude = module.cast(.uitofp, rest[0], to: module.double)
    let exponent = module.cast(.sitofp, module.binary(.sub, unit.exponent, word(1074)), to: module.double)
    let scaled = apply(.scaleByPowerOfTwo, [magnitude, exponent], operand: .f64, dtype: .f64, lanes: 1)
    let sign = module.binary(.and, module.cast(.bitcast, a, to: module.int64), word(Int.min))
    let signed = module.binary(.or, module.cast(.bitcast, scaled, to: module.int64), sign)
    let result = module.select(isSmaller, a, module.cast(.bitcast, signed, to: module.double))
    module.return(module.select(isUndefined, module.double(bits: 0x7ff8_0000_0000_0000), result))
  }
}

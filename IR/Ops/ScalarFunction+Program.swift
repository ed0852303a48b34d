import Synchronization

extension ScalarFunction {
  private struct Key: Hashable {
    let function: ScalarFunction
    let operands: [DType]
  }

  private static let programs = Mutex<[Key: ScalarProgram]>([:])

  /// The function on these dtypes as data: its definition (Numerics.md section 2).
  ///
  /// The dtypes fit the function: `resultDType(operands)` does not throw.
  public func program(for operands: [DType]) -> ScalarProgram {
    let key = Key(function: self, operands: operands)
    if let known = Self.programs.withLock({ $0[key] }) { return known }
    let program = makeProgram(operands)
    Self.programs.withLock { $0[key] = program }
    return program
  }

  private func makeProgram(_ operands: [DType]) -> ScalarProgram {
    let result: DType
    do {
      result = try resultDType(operands)
    } catch {
      preconditionFailure(error.description)
    }
    var builder = ScalarProgram.Builder(parameters: operands)
    let values = operands.indices.map { ScalarID($0) }
    let isStored = operands[operands.count - 1] == .f16 || operands[operands.count - 1] == .bf16
    // `select` copies bits and `nextAfter` counts the numbers of the dtype itself.
    if isStored, self != .select, self != .nextAfter {
      // Exactly to f32, the f32 function, one rounding back (E7).
      let widened = values.map { builder.convert($0, to: .f32) }
      let value = builder.inline(program(for: operands.map { _ in .f32 }), widened)
      let stored = isPredicate ? value : builder.convert(value, to: result)
      return builder.build(result: stored)
    }
    return builder.build(result: expand(values, &builder))
  }

  /// Emits the function on operands of a dtype in which primitives compute (`select`, `nextAfter`: of any).
  private func expand(_ x: [ScalarID], _ b: inout ScalarProgram.Builder) -> ScalarID {
    let dtype = b.dtype(of: x[x.count - 1])
    switch self {
    case .negate: return b.negate(x[0])
    case .abs: return b.abs(x[0])
    case .sign: return b.sign(x[0])
    case .floor: return b.floor(x[0])
    case .ceil: return b.emit(.ceil, x[0])
    case .round: return b.round(x[0])
    case .truncate: return b.emit(.truncate, x[0])
    case .exp: return b.exp(x[0])
    case .expMinusOne: return b.expMinusOne(x[0])
    case .log: return b.log(x[0])
    case .logOnePlus: return b.logOnePlus(x[0])
    case .sin: return b.sin(x[0])
    case .cos: return b.cos(x[0])
    case .tanh: return b.tanh(x[0])
    case .erf: return b.erf(x[0])
    case .power: return b.power(x[0], x[1])
    case .sqrt: return b.sqrt(x[0])
    case .rsqrt: return b.divide(b.constant(.one(dtype)), b.sqrt(x[0]))
    case .not: return b.not(x[0])
    case .isFinite: return b.less(b.abs(x[0]), b.constant(Scalar(dtype, .infinity)))
    case .add: return b.add(x[0], x[1])
    case .subtract: return b.subtract(x[0], x[1])
    case .multiply: return b.multiply(x[0], x[1])
    case .divide: return b.divide(x[0], x[1])
    case .remainder: return b.emit(.remainder, x[0], x[1])
    case .maximum: return b.maximum(x[0], x[1])
    case .minimum: return b.minimum(x[0], x[1])
    case .and: return b.and(x[0], x[1])
    case .or: return b.or(x[0], x[1])
    case .xor: return b.xor(x[0], x[1])
    case .shiftLeft: return b.shiftLeft(x[0], x[1])
    case .shiftRight: return b.shiftRight(x[0], x[1])
    case .equal: return b.equal(x[0], x[1])
    case .notEqual: return b.not(b.equal(x[0], x[1]))
    case .less: return b.less(x[0], x[1])
    case .lessEqual: return b.lessEqual(x[0], x[1])
    case .greater: return b.less(x[1], x[0])
    case .greaterEqual: return b.lessEqual(x[1], x[0])
    case .select: return b.select(x[0], x[1], x[2])
    case .clamp: return b.minimum(b.maximum(x[0], x[1]), x[2])
    case .fma: return b.fma(x[0], x[1], x[2])
    case .tan: return b.tan(x[0])
    case .asin: return b.asin(x[0])
    case .acos: return b.acos(x[0])
    case .atan: return b.atan(x[0])
    case .sinh: return b.sinh(x[0])
    case .cosh: return b.cosh(x[0])
    case .asinh: return b.asinh(x[0])
    case .acosh: return b.acosh(x[0])
    case .atanh: return b.atanh(x[0])
    case .cbrt: return b.cbrt(x[0])
    case .exp2: return b.exp2(x[0])
    case .log2: return b.log2(x[0])
    case .erfc: return b.erfc(x[0])
    case .erfInverse: return b.erfInverse(x[0])
    case .logGamma: return b.logGamma(x[0])
    case .digamma: return b.digamma(x[0])
    case .trigamma: return b.trigamma(x[0])
    case .isNaN: return b.not(b.equal(x[0], x[0]))
    case .countLeadingZeros: return b.countLeadingZeros(x[0])
    case .populationCount: return b.populationCount(x[0])
    case .atan2: return b.atan2(x[0], x[1])
    case .nextAfter: return b.nextAfter(x[0], x[1])
    }
  }
}

extension ScalarProgram.Builder {
  /// -1, 0 or 1; of a real ±0 and NaN it is the operand.
  fileprivate mutating func sign(_ x: ScalarID) -> ScalarID {
    let dtype = self.dtype(of: x)
    let zero = constant(.zero(dtype))
    let one = constant(.one(dtype))
    let positive = select(less(zero, x), one, x)
    return dtype.isUnsignedInteger ? positive : select(less(x, zero), negate(one), positive)
  }
}

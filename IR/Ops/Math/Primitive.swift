/// The scalar operations that the interpreters evaluate and the back ends emit.
///
/// Every elementwise function is a `ScalarProgram` of these. Reals are `f32` and `f64`; `f16` and `bf16` are storage
/// types and take part in `convert`, `bitcast` and `select` only (Numerics.md E7).
public enum Primitive: String, Hashable, Sendable, CaseIterable {
  /// Reals: correctly rounded (E1). Integers wrap (E8).
  case add, subtract, multiply
  /// Reals: correctly rounded. Integers truncate; x / 0 has all bits one, min / -1 = min (E8).
  case divide
  /// Reals: exact fmod (E9). Integers: the sign of the dividend; x mod 0 = x, min mod -1 = 0 (E8).
  case remainder
  /// Reals flip the sign bit; integers wrap.
  case negate
  /// Reals clear the sign bit; signed integers wrap, so |min| = min.
  case abs
  /// IEEE 754-2019: NaN if either operand is NaN, -0 < +0 (E4).
  case maximum, minimum
  case sqrt
  /// a * b + c with one rounding.
  case fma
  case floor, ceil, truncate
  /// To the nearest integer, ties to even.
  case round
  /// x * 2^n with one rounding, for whole n in -252 ... 253 (f64: -2044 ... 2045) where x * 2^floor(n / 2) is exact, or
  /// for a NaN x. Function tables use it within this domain only, which lets a back end scale in two steps.
  case scaleByPowerOfTwo
  /// Bitwise on integers, logical on `bool`.
  case and, or, xor, not
  /// The amount is unsigned; from the width on the result is 0 (E8).
  case shiftLeft
  /// Arithmetic for signed types, logical for unsigned; from the width on the sign, or 0 (E8).
  case shiftRight
  /// Ordered comparisons: false with a NaN (E9).
  case equal, less, lessEqual
  /// (condition, a, b): a where the condition holds, else b; bits are copied.
  case select
  /// To the dtype of the instruction (E6).
  case convert
  /// The bits as another dtype of the same width.
  case bitcast
}

extension Primitive {
  /// The name in printed programs.
  public var spelling: String { rawValue }

  /// The number of operands.
  public var arity: Int {
    switch self {
    case .negate, .abs, .sqrt, .floor, .ceil, .truncate, .round, .not, .convert, .bitcast: 1
    case .add, .subtract, .multiply, .divide, .remainder, .maximum, .minimum, .scaleByPowerOfTwo, .and, .or, .xor,
      .shiftLeft, .shiftRight, .equal, .less, .lessEqual:
      2
    case .fma, .select: 3
    }
  }

  /// Whether the operands (the first two of `fma`) may be exchanged.
  public var isCommutative: Bool {
    switch self {
    case .add, .multiply, .maximum, .minimum, .fma, .and, .or, .xor, .equal: true
    case .subtract, .divide, .remainder, .negate, .abs, .sqrt, .floor, .ceil, .truncate, .round,
      .scaleByPowerOfTwo, .not, .shiftLeft, .shiftRight, .less, .lessEqual, .select, .convert, .bitcast:
      false
    }
  }

  /// The dtype of the result.
  ///
  /// - Parameters:
  ///   - operands: the dtypes of the operands.
  ///   - target: the dtype asked for; `convert` and `bitcast` need it, the others ignore it.
  /// - Throws: the constraint that is broken: `<spelling>.C0` the number of operands, `.C1` dtypes that must agree,
  ///   `.C2` a dtype for which the operation is not defined, `.C3` a missing or unfit target.
  public func resultDType(operands: [DType], target: DType? = nil) throws(ConstraintFailure) -> DType {
    guard operands.count == arity else {
      throw failure(0, "takes \(arity) operands, found \(operands.count)")
    }
    let dtype = operands[operands.count - 1]
    switch self {
    case .add, .subtract, .multiply, .divide, .remainder, .negate, .abs, .maximum, .minimum:
      try requireOne(operands)
      try require(dtype.isInteger || dtype.isComputingReal, dtype, "an integer, f32 or f64")
      return dtype
    case .sqrt, .fma, .floor, .ceil, .truncate, .round, .scaleByPowerOfTwo:
      try requireOne(operands)
      try require(dtype.isComputingReal, dtype, "f32 or f64")
      return dtype
    case .and, .or, .xor, .not:
      try requireOne(operands)
      try require(dtype.isInteger || dtype == .bool, dtype, "an integer or bool")
      return dtype
    case .shiftLeft, .shiftRight:
      try requireOne(operands)
      try require(dtype.isInteger, dtype, "an integer")
      return dtype
    case .equal:
      try requireOne(operands)
      try require(dtype.isInteger || dtype.isComputingReal || dtype == .bool, dtype, "bool, an integer, f32 or f64")
      return .bool
    case .less, .lessEqual:
      try requireOne(operands)
      try require(dtype.isInteger || dtype.isComputingReal, dtype, "an integer, f32 or f64")
      return .bool
    case .select:
      try require(operands[0] == .bool, operands[0], "bool for the condition")
      try requireOne([operands[1], operands[2]])
      return dtype
    case .convert:
      guard let target else { throw failure(3, "needs the dtype to convert to") }
      return target
    case .bitcast:
      guard let target else { throw failure(3, "needs the dtype to cast to") }
      guard target.bitWidth == dtype.bitWidth else {
        throw failure(3, "\(dtype) has \(dtype.bitWidth) bits, \(target) has \(target.bitWidth)")
      }
      return target
    }
  }

  private func failure(_ number: Int, _ message: String) -> ConstraintFailure {
    ConstraintFailure("\(spelling).C\(number)", message)
  }

  private func requireOne(_ operands: [DType]) throws(ConstraintFailure) {
    guard operands.allSatisfy({ $0 == operands[0] }) else {
      throw failure(1, "operands have one dtype, found \(operands.map(\.description).joined(separator: ", "))")
    }
  }

  private func require(_ holds: Bool, _ found: DType, _ expected: String) throws(ConstraintFailure) {
    if !holds { throw failure(2, "takes \(expected), found \(found)") }
  }
}

extension DType {
  /// `f32` or `f64`: the reals in which arithmetic happens.
  public var isComputingReal: Bool { self == .f32 || self == .f64 }
}

/// The elementwise functions: the rows of the `map` op.
///
/// What each means on a dtype is its `program(for:)`.
public enum ScalarFunction: String, Hashable, Sendable, CaseIterable {
  case negate, abs, sign, floor, ceil
  /// To the nearest integer, ties to even.
  case round
  case truncate
  case exp, expMinusOne, log, logOnePlus, sqrt
  /// 1 / sqrt(x), two roundings (E3).
  case rsqrt
  case sin, cos, tanh, erf, not
  case tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh
  case cbrt, exp2, log2
  /// 1 - erf(x), and the x with erf(x) given.
  case erfc, erfInverse
  /// log |Gamma(x)| and its first two derivatives.
  case logGamma, digamma, trigamma
  /// To `bool`: neither infinite nor NaN.
  case isFinite
  /// To `bool`.
  case isNaN
  /// Of integers: the bits above the highest 1, and the bits that are 1.
  case countLeadingZeros, populationCount
  /// (y, x): the angle of the point (x, y).
  case atan2
  /// (x, y): the next number after x in the direction of y.
  case nextAfter
  case add, subtract, multiply, divide, remainder, power, maximum, minimum
  case and, or, xor, shiftLeft, shiftRight
  case equal, notEqual, less, lessEqual, greater, greaterEqual
  /// (condition, a, b).
  case select
  /// (x, low, high): minimum(maximum(x, low), high) (E4).
  case clamp
  /// a * b + c with one rounding.
  case fma
}

extension ScalarFunction {
  /// The name in the text of the IR.
  public var spelling: String { rawValue }

  public init?(spelling: some StringProtocol) { self.init(rawValue: String(spelling)) }

  /// The number of operands.
  public var arity: Int {
    switch self {
    case .negate, .abs, .sign, .floor, .ceil, .round, .truncate, .exp, .expMinusOne, .log, .logOnePlus, .sqrt, .rsqrt,
      .sin, .cos, .tanh, .erf, .not, .isFinite, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .cbrt,
      .exp2, .log2, .erfc, .erfInverse, .logGamma, .digamma, .trigamma, .isNaN, .countLeadingZeros, .populationCount:
      1
    case .add, .subtract, .multiply, .divide, .remainder, .power, .maximum, .minimum, .and, .or, .xor, .shiftLeft,
      .shiftRight, .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual, .atan2, .nextAfter:
      2
    case .select, .clamp, .fma: 3
    }
  }

  /// Whether exchanging the operands (the first two of `fma`) keeps the bits (Numerics.md W2).
  public var isCommutative: Bool {
    switch self {
    case .add, .multiply, .maximum, .minimum, .and, .or, .xor, .equal, .notEqual, .fma: true
    case .negate, .abs, .sign, .floor, .ceil, .round, .truncate, .exp, .expMinusOne, .log, .logOnePlus, .sqrt, .rsqrt,
      .sin, .cos, .tanh, .erf, .not, .isFinite, .subtract, .divide, .remainder, .power, .shiftLeft, .shiftRight, .less,
      .lessEqual, .greater, .greaterEqual, .select, .clamp, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh,
      .atanh, .cbrt, .exp2, .log2, .erfc, .erfInverse, .logGamma, .digamma, .trigamma, .isNaN, .countLeadingZeros,
      .populationCount, .atan2, .nextAfter:
      false
    }
  }

  /// The approximate work on one f32 element, in additions, for the decisions of fusion.
  public var cost: Int {
    switch self {
    case .negate, .abs, .floor, .ceil, .round, .truncate, .not, .add, .subtract, .multiply, .and, .or, .xor, .shiftLeft,
      .shiftRight, .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual, .select, .fma:
      1
    case .maximum, .minimum, .isFinite, .isNaN: 2
    case .clamp, .sign: 4
    case .divide, .sqrt: 14
    case .rsqrt: 28
    case .exp: 28
    case .expMinusOne: 34
    case .log: 38
    case .logOnePlus: 38
    case .tanh, .erf: 54
    case .remainder: 60
    case .sin, .cos: 100
    case .power: 110
    case .exp2: 14
    case .populationCount: 13
    case .countLeadingZeros: 24
    case .nextAfter: 16
    case .asin, .acos, .atan, .atanh: 60
    case .atan2, .sinh, .cosh, .cbrt: 70
    case .log2, .asinh, .acosh: 80
    case .erfc, .erfInverse: 110
    case .tan, .trigamma, .digamma: 150
    case .logGamma: 180
    }
  }
}

extension ScalarFunction: CustomStringConvertible {
  public var description: String { spelling }
}

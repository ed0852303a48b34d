extension ScalarFunction {
  /// The operand dtypes for which a function is defined.
  private enum Domain {
    case numbers, reals, integers, integersAndBool, everything

    func contains(_ dtype: DType) -> Bool {
      switch self {
      case .numbers: dtype != .bool
      case .reals: dtype.isReal
      case .integers: dtype.isInteger
      case .integersAndBool: dtype.isInteger || dtype == .bool
      case .everything: true
      }
    }

    var text: String {
      switch self {
      case .numbers: "a number"
      case .reals: "a real"
      case .integers: "an integer"
      case .integersAndBool: "an integer or bool"
      case .everything: "any dtype"
      }
    }
  }

  private var domain: Domain {
    switch self {
    case .negate, .abs, .sign, .add, .subtract, .multiply, .divide, .remainder, .maximum, .minimum, .less, .lessEqual,
      .greater, .greaterEqual, .clamp:
      .numbers
    case .floor, .ceil, .round, .truncate, .exp, .expMinusOne, .log, .logOnePlus, .sqrt, .rsqrt, .sin, .cos, .tanh,
      .erf, .isFinite, .power, .fma, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .cbrt, .exp2,
      .log2,
      .erfc, .erfInverse, .logGamma, .digamma, .trigamma, .isNaN, .atan2, .nextAfter:
      .reals
    case .shiftLeft, .shiftRight, .countLeadingZeros, .populationCount: .integers
    case .not, .and, .or, .xor: .integersAndBool
    case .equal, .notEqual, .select: .everything
    }
  }

  /// Whether the result is `bool` whatever the operands are.
  public var isPredicate: Bool {
    switch self {
    case .isFinite, .isNaN, .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual: true
    case .negate, .abs, .sign, .floor, .ceil, .round, .truncate, .exp, .expMinusOne, .log, .logOnePlus, .sqrt, .rsqrt,
      .sin, .cos, .tanh, .erf, .not, .add, .subtract, .multiply, .divide, .remainder, .power, .maximum, .minimum, .and,
      .or, .xor, .shiftLeft, .shiftRight, .select, .clamp, .fma, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh,
      .acosh,
      .atanh, .cbrt, .exp2, .log2, .erfc, .erfInverse, .logGamma, .digamma, .trigamma, .countLeadingZeros,
      .populationCount, .atan2, .nextAfter:
      false
    }
  }

  /// The dtype of the result.
  ///
  /// - Throws: `<spelling>.C0` a wrong number of operands, `.C1` operands of several dtypes (those after the condition,
  ///   for `select`), `.C2` a dtype for which the function is not defined, `.C3` a condition of `select` that is not
  ///   `bool`.
  public func resultDType(_ operands: [DType]) throws(ConstraintFailure) -> DType {
    guard operands.count == arity else {
      throw ConstraintFailure("\(spelling).C0", "\(spelling) takes \(arity) operands, found \(operands.count)")
    }
    var values = operands
    if self == .select {
      let condition = values.removeFirst()
      guard condition == .bool else {
        throw ConstraintFailure("select.C3", "the condition of select is bool, found \(condition)")
      }
    }
    let dtype = values[0]
    guard values.allSatisfy({ $0 == dtype }) else {
      let found = values.map(\.description).joined(separator: ", ")
      throw ConstraintFailure("\(spelling).C1", "operands of \(spelling) have one dtype, found \(found)")
    }
    guard domain.contains(dtype) else {
      throw ConstraintFailure("\(spelling).C2", "\(spelling) takes \(domain.text), found \(dtype)")
    }
    return isPredicate ? .bool : dtype
  }
}

/// Columns of words on which a primitive is evaluated: operands, result, and the number of elements.
struct ScalarColumns {
  let operands: [UnsafePointer<UInt64>]
  let result: UnsafeMutablePointer<UInt64>
  let count: Int

  @inline(__always) func unary<A: ScalarWord, R: ScalarWord>(_ f: (A) -> R) {
    let a = operands[0]
    for i in 0..<count { result[i] = f(A(word: a[i])).word }
  }

  @inline(__always) func binary<A: ScalarWord, R: ScalarWord>(_ f: (A, A) -> R) {
    let (a, b) = (operands[0], operands[1])
    for i in 0..<count { result[i] = f(A(word: a[i]), A(word: b[i])).word }
  }

  @inline(__always) func compare<A: ScalarWord>(_ f: (A, A) -> Bool) {
    let (a, b) = (operands[0], operands[1])
    for i in 0..<count { result[i] = f(A(word: a[i]), A(word: b[i])) ? 1 : 0 }
  }

  @inline(__always) func ternary<A: ScalarWord, R: ScalarWord>(_ f: (A, A, A) -> R) {
    let (a, b, c) = (operands[0], operands[1], operands[2])
    for i in 0..<count { result[i] = f(A(word: a[i]), A(word: b[i]), A(word: c[i])).word }
  }

  /// (condition, a, b) on bits.
  func select() {
    let (condition, a, b) = (operands[0], operands[1], operands[2])
    for i in 0..<count { result[i] = condition[i] != 0 ? a[i] : b[i] }
  }

  func convert(from source: DType, to target: DType) {
    let a = operands[0]
    switch (source, target) {
    case (.f32, .f64): unary { (a: Float) in Double(a) }
    case (.f64, .f32): unary { (a: Double) in Float(a) }
    case (.i32, .f32): unary { (a: Int32) in Float(a) }
    case (.i64, .f64): unary { (a: Int64) in Double(a) }
    case (.f32, .i32):
      for i in 0..<count { result[i] = ScalarConversion.saturated(Double(Float(word: a[i])), Int32.self) }
    case (.f64, .i64):
      for i in 0..<count { result[i] = ScalarConversion.saturated(Double(word: a[i]), Int64.self) }
    // Every other pair goes the general way; a missing case above is slower, not different.
    case (_, _):
      for i in 0..<count { result[i] = ScalarConversion.convert(a[i], from: source, to: target) }
    }
  }
}

extension Primitive {
  /// The value of the primitive on scalars, exactly as Numerics.md defines it.
  ///
  /// The operands fit the primitive (`resultDType` does not throw for them).
  /// - Parameter dtype: the dtype of the result, which `convert` and `bitcast` aim at.
  public func evaluate(_ operands: [Scalar], dtype: DType) -> Scalar {
    let words = operands.map(\.bits)
    var result: UInt64 = 0
    words.withUnsafeBufferPointer { words in
      guard let base = words.baseAddress else { return }
      withUnsafeMutablePointer(to: &result) { result in
        let columns = ScalarColumns(operands: words.indices.map { base + $0 }, result: result, count: 1)
        evaluate(columns, operand: operands[operands.count - 1].dtype, result: dtype)
      }
    }
    return Scalar(dtype, bits: result)
  }

  /// Evaluates elementwise. `operand` is the dtype of the last operand.
  func evaluate(_ columns: ScalarColumns, operand: DType, result: DType) {
    switch self {
    case .select:
      columns.select()
      return
    case .convert:
      columns.convert(from: operand, to: result)
      return
    case .bitcast:
      columns.unary { (a: UInt64) in a }
      return
    case .add, .subtract, .multiply, .divide, .remainder, .negate, .abs, .maximum, .minimum, .sqrt,
      .fma, .floor, .ceil, .truncate, .round, .scaleByPowerOfTwo, .and, .or, .xor, .not,
      .shiftLeft,
      .shiftRight, .equal, .less, .lessEqual:
      break
    }
    switch operand {
    case .bool: evaluateBool(columns)
    case .i8: evaluateInteger(columns, Int8.self)
    case .i16: evaluateInteger(columns, Int16.self)
    case .i32: evaluateInteger(columns, Int32.self)
    case .i64: evaluateInteger(columns, Int64.self)
    case .u8: evaluateInteger(columns, UInt8.self)
    case .u16: evaluateInteger(columns, UInt16.self)
    case .u32: evaluateInteger(columns, UInt32.self)
    case .u64: evaluateInteger(columns, UInt64.self)
    case .f32: evaluateReal(columns, Float.self)
    case .f64: evaluateReal(columns, Double.self)
    case .f16, .bf16: preconditionFailure("\(spelling) is not defined on \(operand)")
    }
  }

  /// Words of `bool` are 0 and 1.
  private func evaluateBool(_ columns: ScalarColumns) {
    switch self {
    case .and: columns.binary { (a: UInt64, b: UInt64) in a & b }
    case .or: columns.binary { (a: UInt64, b: UInt64) in a | b }
    case .xor: columns.binary { (a: UInt64, b: UInt64) in a ^ b }
    case .not: columns.unary { (a: UInt64) in a ^ 1 }
    case .equal: columns.binary { (a: UInt64, b: UInt64) in a ^ b ^ 1 }
    case .add, .subtract, .multiply, .divide, .remainder, .negate, .abs, .maximum, .minimum, .sqrt,
      .fma, .floor, .ceil, .truncate, .round, .scaleByPowerOfTwo, .shiftLeft, .shiftRight, .less,
      .lessEqual, .select, .convert, .bitcast:
      preconditionFailure("\(spelling) is not defined on bool")
    }
  }

  private func evaluateInteger<T: FixedWidthInteger & ScalarWord>(_ columns: ScalarColumns, _: T.Type) {
    switch self {
    case .add: columns.binary { (a: T, b: T) in a &+ b }
    case .subtract: columns.binary { (a: T, b: T) in a &- b }
    case .multiply: columns.binary { (a: T, b: T) in a &* b }
    case .divide: columns.binary { (a: T, b: T) in b == 0 ? ~0 : a.dividedReportingOverflow(by: b).partialValue }
    case .remainder:
      columns.binary { (a: T, b: T) in b == 0 ? a : a.remainderReportingOverflow(dividingBy: b).partialValue }
    case .negate: columns.unary { (a: T) in 0 &- a }
    case .abs: columns.unary { (a: T) in a < 0 ? 0 &- a : a }
    case .maximum: columns.binary { (a: T, b: T) in a < b ? b : a }
    case .minimum: columns.binary { (a: T, b: T) in b < a ? b : a }
    case .and: columns.binary { (a: T, b: T) in a & b }
    case .or: columns.binary { (a: T, b: T) in a | b }
    case .xor: columns.binary { (a: T, b: T) in a ^ b }
    case .not: columns.unary { (a: T) in ~a }
    case .shiftLeft: columns.binary { (a: T, b: T) in b.word >= UInt64(T.bitWidth) ? 0 : a &<< b }
    case .shiftRight:
      columns.binary { (a: T, b: T) in b.word >= UInt64(T.bitWidth) ? (a < 0 ? ~0 : 0) : a &>> b }
    case .equal: columns.compare { (a: T, b: T) in a == b }
    case .less: columns.compare { (a: T, b: T) in a < b }
    case .lessEqual: columns.compare { (a: T, b: T) in a <= b }
    case .sqrt, .fma, .floor, .ceil, .truncate, .round, .scaleByPowerOfTwo, .select,
      .convert,
      .bitcast:
      preconditionFailure("\(spelling) is not defined on integers")
    }
  }

  private func evaluateReal<T: RealWord>(_ columns: ScalarColumns, _: T.Type) {
    switch self {
    case .add: columns.binary { (a: T, b: T) in a + b }
    case .subtract: columns.binary { (a: T, b: T) in a - b }
    case .multiply: columns.binary { (a: T, b: T) in a * b }
    case .divide: columns.binary { (a: T, b: T) in a / b }
    case .remainder: columns.binary { (a: T, b: T) in a.exactRemainder(dividingBy: b) }
    case .negate: columns.unary { (a: T) in -a }
    case .abs: columns.unary { (a: T) in a.magnitude }
    case .maximum: columns.binary { (a: T, b: T) in Self.ordered(a, b, { a in a.sign == .plus }, { a, b in a > b }) }
    case .minimum: columns.binary { (a: T, b: T) in Self.ordered(a, b, { a in a.sign == .minus }, { a, b in a < b }) }
    case .sqrt: columns.unary { (a: T) in a.squareRoot() }
    case .fma: columns.ternary { (a: T, b: T, c: T) in c.addingProduct(a, b) }
    case .floor: columns.unary { (a: T) in a.rounded(.down) }
    case .ceil: columns.unary { (a: T) in a.rounded(.up) }
    case .truncate: columns.unary { (a: T) in a.rounded(.towardZero) }
    case .round: columns.unary { (a: T) in a.rounded(.toNearestOrEven) }
    case .scaleByPowerOfTwo: columns.binary { (x: T, n: T) in x.scaled(byPowerOfTwo: Int64(exactly: n) ?? 0) }
    case .equal: columns.compare { (a: T, b: T) in a == b }
    case .less: columns.compare { (a: T, b: T) in a < b }
    case .lessEqual: columns.compare { (a: T, b: T) in a <= b }
    case .and, .or, .xor, .not, .shiftLeft, .shiftRight, .select, .convert, .bitcast:
      preconditionFailure("\(spelling) is not defined on reals")
    }
  }

  /// The IEEE 754-2019 maximum or minimum: `first` says whether a zero comes first, `before` orders other numbers (E4).
  @inline(__always) private static func ordered<T: RealWord>(
    _ a: T, _ b: T, _ first: (T) -> Bool, _ before: (T, T) -> Bool
  ) -> T {
    if a.isNaN || b.isNaN { return a + b }
    if a == b { return first(a) ? a : b }
    return before(a, b) ? a : b
  }
}

extension ReferenceInterpreter {
  /// The results of one op, by the definitions of Numerics.md.
  ///
  /// The op infers `resultTypes` from the types of the operands. An op that runs functions needs a
  /// module: `run` does it.
  /// - Throws: `run.C3` for a result too large to compute, `run.C4` for an op that runs functions, `gather.R1` and
  ///   `scatter.R1` for an index out of range; each at `location`.
  public static func evaluate(
    op: Op, operands: [TensorValue], resultTypes: [TensorType], location: SourceLocation
  ) throws(KilnError) -> [TensorValue] {
    try requireComputable(op, resultTypes, at: location)
    do throws(ConstraintFailure) {
      switch op {
      case .source(let op): return [evaluate(op, operands)]
      case .map(let function):
        return [evaluate(function.program(for: operands.map(\.type.dtype)), operands, resultTypes[0])]
      case .type(let op): return [evaluate(op, operands, resultTypes[0])]
      case .movement(let op): return [evaluate(op, operands, resultTypes[0])]
      case .reduction(let op): return [evaluate(op, operands[0], resultTypes[0])]
      case .contraction(let op): return [evaluate(op, operands, resultTypes[0])]
      case .indexing(let op): return [try evaluate(op, operands, resultTypes[0])]
      case .control(.stopGradient): return operands
      case .control(.barrier): return [operands[0]]
      case .control(.call), .control(.custom), .control(.checkpoint), .control(.cond), .control(.while),
        .control(.scan):
        throw ConstraintFailure(
          "run.C4",
          "\(op.spelling) of @\(op.callees.joined(separator: ", @")) is run with its module, not evaluated alone")
      }
    } catch {
      throw KilnError(error, at: location)
    }
  }

  /// - Throws: `run.C3`.
  static func requireComputable(
    _ op: Op, _ resultTypes: [TensorType], at location: SourceLocation
  ) throws(KilnError) {
    for type in resultTypes where type.byteCount > maximumByteCount {
      throw KilnError(
        "run.C3",
        "\(op.spelling) gives \(type) of \(type.byteCount) bytes; the reference computes at most "
          + "\(maximumByteCount)", at: location)
    }
  }

  private static func evaluate(_ op: SourceOp, _ operands: [TensorValue]) -> TensorValue {
    switch op {
    case .constant(let literal): return TensorValue(literal)
    case .iota(let type, let axis):
      let extent = UInt64(type.shape[axis].staticSize)
      let column = converted(Array(0..<extent), from: .u64, to: type.dtype)
      let line = TensorValue(TensorType(type.dtype, [column.count])) { column.store($0, type.dtype) }
      var strides = [Int](repeating: 0, count: type.rank)
      strides[axis] = 1
      return line.gathered(StridedElements(strides: strides), as: type)
    case .dimensionSize(let axis):
      let size = UInt64(operands[0].type.shape[axis].staticSize)
      return TensorValue(TensorType(.i64, .scalar)) { [size].store($0, .i64) }
    }
  }

  private static func evaluate(_ op: TypeOp, _ operands: [TensorValue], _ type: TensorType) -> TensorValue {
    switch op {
    case .convert(let dtype):
      let words = converted(operands[0].bits, from: operands[0].type.dtype, to: dtype)
      return TensorValue(type) { words.store($0, dtype) }
    case .bitcast: return operands[0].reinterpreted(as: type)
    }
  }

  private static func converted(_ words: [UInt64], from source: DType, to target: DType) -> [UInt64] {
    let program = ScalarProgram(.convert, parameters: [source], dtype: target)
    return program.evaluate(columns: [words], count: words.count)
  }

  /// A scalar program on every element.
  private static func evaluate(
    _ program: ScalarProgram, _ operands: [TensorValue], _ type: TensorType
  ) -> TensorValue {
    let words = program.evaluate(columns: operands.map(\.bits), count: type.shape.elementCount)
    return TensorValue(type) { words.store($0, type.dtype) }
  }
}

extension ReferenceInterpreter {
  static func evaluate(_ op: ReductionOp, _ operand: TensorValue, _ type: TensorType) -> TensorValue {
    let dtype = operand.type.dtype
    let words: [UInt64]
    switch op {
    case .reduce(let kind, let axes):
      let (rows, count) = reducedLast(operand, axes)
      words = RowReduction.reduce(rows.bits, rows: type.shape.elementCount, count: count, kind, dtype)
    case .argReduce(let kind, let axis):
      let (rows, count) = reducedLast(operand, [axis])
      words = RowReduction.argReduce(rows.bits, rows: type.shape.elementCount, count: count, kind, dtype)
    }
    return TensorValue(type) { words.store($0, type.dtype) }
  }

  /// The operand with the reduced axes last, in listed order, and how many elements they have together.
  private static func reducedLast(_ operand: TensorValue, _ axes: [Int]) -> (rows: TensorValue, count: Int) {
    let kept = (0..<operand.type.rank).filter { !axes.contains($0) }
    return (operand.transposed(kept + axes), axes.reduce(1) { $0 * operand.type.shape[$1].staticSize })
  }
}

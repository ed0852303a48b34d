extension ReferenceInterpreter {
  static func evaluate(_ op: ReductionOp, _ operand: TensorValue, _ type: TensorType) -> TensorValue {
    let dtype = operand.type.dtype
    switch op {
    case .reduce(let kind, let axes):
      let (rows, count) = reducedLast(operand, axes)
      let words = RowReduction.reduce(rows.bits, rows: type.shape.elementCount, count: count, kind, dtype)
      return TensorValue(type) { words.store($0, type.dtype) }
    case .argReduce(let kind, let axis):
      let (rows, count) = reducedLast(operand, [axis])
      let words = RowReduction.argReduce(rows.bits, rows: type.shape.elementCount, count: count, kind, dtype)
      return TensorValue(type) { words.store($0, type.dtype) }
    case .scanReduce(let kind, let axis, let isReversed):
      let ordered = isReversed ? evaluate(.reverse(axes: [axis]), [operand], type) : operand
      let result = mappingLines(of: ordered, axis, to: type) { words, rows, count in
        RowReduction.scan(words, rows: rows, count: count, kind, dtype)
      }
      return isReversed ? evaluate(.reverse(axes: [axis]), [result], type) : result
    }
  }

  /// The tensor of `type`, with the operand's shape, whose lines along `axis` are made of the operand's by `change`: it
  /// takes the words of all lines, line after line, how many lines there are, and how many words each has.
  static func mappingLines(
    of operand: TensorValue, _ axis: Int, to type: TensorType, _ change: ([UInt64], Int, Int) -> [UInt64]
  ) -> TensorValue {
    let (lines, count) = reducedLast(operand, [axis])
    let words = change(lines.bits, count == 0 ? 0 : operand.type.shape.elementCount / count, count)
    let lineType = TensorType(type.dtype, lines.type.shape)
    let changed = TensorValue(lineType) { words.store($0, type.dtype) }
    var back = Array(0..<type.rank - 1)
    back.insert(type.rank - 1, at: axis)
    return changed.transposed(back)
  }

  /// The operand with the reduced axes last, in listed order, and how many elements they have together.
  private static func reducedLast(_ operand: TensorValue, _ axes: [Int]) -> (rows: TensorValue, count: Int) {
    let kept = (0..<operand.type.rank).filter { !axes.contains($0) }
    return (operand.transposed(kept + axes), axes.reduce(1) { $0 * operand.type.shape[$1].staticSize })
  }
}

import KilnIR

/// `gather` and `scatter` are each other's pullbacks. An index that is dropped forward is dropped backward.
extension Rewriter {
  mutating func indexingPullback(_ op: IndexingOp, _ use: Use) throws(KilnError) -> [ValueID?] {
    switch op {
    case .gather(let axis, let bounds):
      let type = type(of: use.operands[0])
      let zero = try zero(TensorType(type.dtype.accumulator, type.shape))
      let cotangent = try convert(use.cotangent, to: type.dtype.accumulator)
      let sum = try scatter(zero, use.operands[1], cotangent, axis: axis, combiner: .add, bounds: bounds)
      return [try convert(sum, to: type.dtype), nil]
    case .scatter(let axis, let combiner, let bounds):
      switch combiner {
      case .add:
        let updates = use.needed[2] ? try gather(use.cotangent, use.operands[1], axis: axis, bounds: bounds) : nil
        return [use.cotangent, nil, updates]
      case .replace: return try replacePullback(use, axis, bounds)
      case .maximum, .minimum: return try extremeScatterPullback(use, axis, bounds)
      case .multiply: throw noDerivative(of: "scatter multiply", "the other factors of an element are not at hand")
      }
    }
  }

  /// The last update of a slice gets its cotangent, the operand gets those that no update replaced.
  private mutating func replacePullback(_ use: Use, _ axis: Int, _ bounds: IndexBounds) throws(KilnError) -> [ValueID?]
  {
    let indices = use.operands[1]
    let indexShape = type(of: indices).shape
    let type = type(of: use.result)
    let numbers = try iota(TensorType(.i64, [indexShape.elementCount]), axis: 0)
    let number = try reshape(numbers, indexShape)
    let none = try constant(Scalar(Int64(-1)), [type.shape[axis]])
    let winner = try scatter(none, indices, number, axis: 0, combiner: .replace, bounds: bounds)

    let zeroes = try zero(type)
    let first = try constant(Scalar(Int64(0)), [type.shape[axis]])
    let isKept = try broadcast(less(winner, first), type.shape, axes: [axis])
    let operandPart = try select(isKept, use.cotangent, zeroes)
    guard use.needed[2] else { return [operandPart, nil, nil] }

    let winnerThere = try gather(winner, indices, axis: 0, bounds: bounds)
    let updateType = self.type(of: use.operands[2])
    let isLast = try broadcast(
      equal(winnerThere, number), updateType.shape, axes: Array(axis..<axis + indexShape.rank))
    let cotangents = try gather(use.cotangent, indices, axis: axis, bounds: bounds)
    let zero = try zero(updateType)
    return [operandPart, nil, try select(isLast, cotangents, zero)]
  }

  /// The operand's element and the updates that are equal to the extreme share its cotangent equally.
  private mutating func extremeScatterPullback(
    _ use: Use, _ axis: Int, _ bounds: IndexBounds
  ) throws(KilnError) -> [ValueID?] {
    let (operand, indices, updates) = (use.operands[0], use.operands[1], use.operands[2])
    let (type, updateType) = (type(of: operand), type(of: updates))
    let extremeThere = try gather(use.result, indices, axis: axis, bounds: bounds)
    let operandWins = try equal(operand, use.result)
    let updateWins = try equal(updates, extremeThere)
    let operandCount = try convert(operandWins, to: type.dtype)
    let updateCount = try convert(updateWins, to: type.dtype)
    let count = try scatter(operandCount, indices, updateCount, axis: axis, combiner: .add, bounds: bounds)
    let share = try divide(use.cotangent, count)
    let shareThere = try gather(share, indices, axis: axis, bounds: bounds)
    let zero = try zero(type)
    let updateZero = try self.zero(updateType)
    return [try select(operandWins, share, zero), nil, try select(updateWins, shareThere, updateZero)]
  }
}

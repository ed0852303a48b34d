import KilnIR

/// `gather` and `scatter` are each other's pullbacks. An index that is dropped forward is dropped backward.
extension Rewriter {
  mutating func indexingPullback(_ op: IndexingOp, _ use: Use) throws(KilnError) -> [ValueID?] {
    switch op {
    case .gather(let indexed, let bounds):
      let type = type(of: use.operands[0])
      let zero = try zero(TensorType(type.dtype.accumulator, type.shape))
      let cotangent = try convert(use.cotangent, to: type.dtype.accumulator)
      let sum = try scatter(zero, use.operands[1], cotangent, indexed, combiner: .add, bounds: bounds)
      return [try convert(sum, to: type.dtype), nil]
    case .scatter(let indexed, let combiner, let bounds):
      switch combiner {
      case .add:
        let updates = use.needed[2] ? try gather(use.cotangent, use.operands[1], indexed, bounds: bounds) : nil
        return [use.cotangent, nil, updates]
      case .replace: return try replacePullback(use, indexed, bounds)
      case .maximum, .minimum: return try extremeScatterPullback(use, indexed, bounds)
      case .multiply: return try productScatterPullback(use, indexed, bounds)
      }
    case .dynamicSlice(_, let bounds):
      let zero = try zero(type(of: use.operands[0]))
      return [try updateSlice(zero, use.cotangent, Array(use.operands.dropFirst()), bounds: bounds)]
    case .dynamicUpdateSlice(let bounds):
      let starts = Array(use.operands.dropFirst(2))
      let updateType = type(of: use.operands[1])
      let sizes = Array(updateType.shape)
      var operandPart: ValueID?
      if use.needed[0] {
        operandPart = try updateSlice(use.cotangent, zero(updateType), starts, bounds: bounds)
      }
      return [operandPart, use.needed[1] ? try slice(use.cotangent, starts, sizes: sizes, bounds: bounds) : nil]
    case .argSort: return []
    }
  }

  /// The last update of a slice gets its cotangent, the operand gets those that no update replaced.
  private mutating func replacePullback(
    _ use: Use, _ indexed: IndexedAxes, _ bounds: IndexBounds
  ) throws(KilnError) -> [ValueID?] {
    let (indices, type) = (use.operands[1], type(of: use.result))
    let updateType = self.type(of: use.operands[2])
    let slices = ScatteredSlices(indexed, operand: type.shape, indices: self.type(of: indices).shape, updateType.shape)
    let numbers = try iota(TensorType(.i64, Shape([slices.updateShape.size])), axis: 0)
    let number = try reshape(numbers, slices.updateShape)
    let none = try constant(Scalar(Int64(-1)), slices.shape)
    let winner = try scatter(none, indices, number, slices.indexed, combiner: .replace, bounds: bounds)

    let zeroes = try zero(type)
    let first = try constant(Scalar(Int64(0)), slices.shape)
    let isKept = try broadcast(less(winner, first), type.shape, axes: slices.axes)
    let operandPart = try select(isKept, use.cotangent, zeroes)
    guard use.needed[2] else { return [operandPart, nil, nil] }

    let winnerThere = try gather(winner, indices, slices.indexed, bounds: bounds)
    let isLast = try broadcast(equal(winnerThere, number), updateType.shape, axes: slices.updateAxes)
    let cotangents = try gather(use.cotangent, indices, indexed, bounds: bounds)
    let zero = try zero(updateType)
    return [operandPart, nil, try select(isLast, cotangents, zero)]
  }

  /// The operand's element and the updates that are equal to the extreme share its cotangent equally.
  private mutating func extremeScatterPullback(
    _ use: Use, _ indexed: IndexedAxes, _ bounds: IndexBounds
  ) throws(KilnError) -> [ValueID?] {
    let (operand, indices, updates) = (use.operands[0], use.operands[1], use.operands[2])
    let type = type(of: operand)
    let extremeThere = try gather(use.result, indices, indexed, bounds: bounds)
    let operandWins = try equal(operand, use.result)
    let updateWins = try equal(updates, extremeThere)
    let operandCount = try convert(operandWins, to: type.dtype)
    let updateCount = try convert(updateWins, to: type.dtype)
    let count = try scatter(operandCount, indices, updateCount, indexed, combiner: .add, bounds: bounds)
    let share = try divide(use.cotangent, count)
    let shareThere = try gather(share, indices, indexed, bounds: bounds)
    let (others, otherUpdates) = (try zeroUnlessNaN(use.result), try zeroUnlessNaN(extremeThere))
    return [try select(operandWins, share, others), nil, try select(updateWins, shareThere, otherUpdates)]
  }
}

extension IndexedAxes {
  /// The same with other numbers for the axes of the operand.
  func renumbered(_ number: (Int) -> Int) -> IndexedAxes {
    var result = self
    result.axes = axes.map(number)
    result.batch = batch.map { AxisPair(number($0.lhs), $0.rhs) }
    return result
  }
}

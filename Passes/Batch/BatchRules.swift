import KilnIR

/// The batching rule of each op: the op on all examples, for every choice of operands that have a batch axis.
extension BatchWalk {
  /// The results of an instruction. One without mapped operands stays as it is.
  /// - Throws: `vmap.C3` when the op cannot be batched.
  mutating func batch(_ op: Op, _ operands: [BatchedValue]) throws(KilnError) -> [BatchedValue] {
    guard operands.contains(where: \.isMapped) else { return try batchShared(op, operands) }
    if let mask, operands.contains(where: isSharedDifferentiable) { return try batchGuarded(op, operands, mask) }
    return try batchMapped(op, operands)
  }

  mutating func batchMapped(_ op: Op, _ operands: [BatchedValue]) throws(KilnError) -> [BatchedValue] {
    switch op {
    // No other source has operands; all examples have one shape.
    case .source(.dimensionSize(let axis)):
      return [BatchedValue(try emit(.source(.dimensionSize(axis: axis + 1)), [operands[0].value]), isMapped: false)]
    case .source, .map, .type: return [try mapped(op, allMapped(operands))]
    case .movement(let op): return [try batch(op, operands)]
    case .reduction(let op): return [try mapped(.reduction(batch(op)), [operands[0].value])]
    case .contraction(let op): return [try batch(op, operands)]
    case .indexing(let op): return [try batch(op, operands)]
    case .control(let op): return try batch(op, operands)
    }
  }

  /// An instruction whose operands all examples share: done once. In a branch or a loop that only some examples are in,
  /// it may fail only if one is.
  private mutating func batchShared(_ op: Op, _ operands: [BatchedValue]) throws(KilnError) -> [BatchedValue] {
    if let mask {
      if case .indexing(let indexing) = op, indexing.isChecked {
        var operands = operands
        for index in indexing.checkedOperands(of: operands.count) {
          operands[index].value = try masked(operands[index].value, mask.any)
        }
        return [BatchedValue(try emit(op, operands.map(\.value)), isMapped: false)]
      }
      if case .control(let control) = op, control.callees.contains(where: { rewriter.module.canFail($0) }) {
        return try batch(control, operands)
      }
    }
    return try build { rewriter throws(KilnError) in
      try rewriter.emit(op, operands.map(\.value)).map { BatchedValue($0, isMapped: false) }
    }
  }

  // MARK: - Help

  mutating func emit(_ op: Op, _ operands: [ValueID]) throws(KilnError) -> ValueID {
    try build { rewriter throws(KilnError) in try rewriter.emitOne(op, operands) }
  }

  mutating func mapped(_ op: Op, _ operands: [ValueID]) throws(KilnError) -> BatchedValue {
    BatchedValue(try emit(op, operands), isMapped: true)
  }

  /// `x` where the predicate holds, zero elsewhere; the predicate is a scalar or has the leading axis of `x`.
  mutating func masked(_ x: ValueID, _ predicate: ValueID) throws(KilnError) -> ValueID {
    try build { rewriter throws(KilnError) in
      let type = rewriter.type(of: x)
      let axes = Array(0..<rewriter.type(of: predicate).rank)
      let condition = try rewriter.broadcast(predicate, type.shape, axes: axes)
      return try rewriter.select(condition, x, rewriter.zero(type))
    }
  }

  // MARK: - Movement

  private mutating func batch(_ op: MovementOp, _ operands: [BatchedValue]) throws(KilnError) -> BatchedValue {
    if case .pad(let low, let high, let interior) = op { return try batchPad(operands, low, high, interior) }
    return try mapped(.movement(batched(op)), allMapped(operands))
  }

  /// The same movement of each example.
  private func batched(_ op: MovementOp) -> MovementOp {
    switch op {
    case .reshape(let shape): .reshape(withBatchAxis(shape))
    case .broadcast(let shape, let axes): .broadcast(withBatchAxis(shape), axes: [0] + axes.map { $0 + 1 })
    case .transpose(let permutation): .transpose(permutation: [0] + permutation.map { $0 + 1 })
    case .slice(let start, let limit, let stride):
      .slice(start: [0] + start, limit: [size] + limit, stride: [1] + stride)
    case .pad(let low, let high, let interior): .pad(low: [0] + low, high: [0] + high, interior: [0] + interior)
    case .reverse(let axes): .reverse(axes: axes.map { $0 + 1 })
    case .concatenate(let axis): .concatenate(axis: axis + 1)
    case .windows(let axes, let sizes, let strides, let dilations):
      .windows(axes: axes.map { $0 + 1 }, sizes: sizes, strides: strides, dilations: dilations)
    case .overlapAdd(let shape, let axes, let strides, let dilations):
      .overlapAdd(withBatchAxis(shape), axes: axes.map { $0 + 1 }, strides: strides, dilations: dilations)
    }
  }

  private func withBatchAxis(_ shape: Shape) -> Shape { Shape([size] + Array(shape)) }

  /// `pad` takes one padding value; where each example has its own it is put in its place afterwards.
  private mutating func batchPad(
    _ operands: [BatchedValue], _ low: [Dimension], _ high: [Dimension], _ interior: [Int]
  ) throws(KilnError) -> BatchedValue {
    let pad = MovementOp.pad(low: low, high: high, interior: interior)
    let batchedPad = Op.movement(batched(pad))
    let (operand, padding) = (try mapped(operands[0]), operands[1])
    if !padding.isMapped { return try mapped(batchedPad, [operand, padding.value]) }
    let shape = exampleType(operands[0]).shape
    let result = try build { rewriter throws(KilnError) in
      let dtype = rewriter.type(of: operand).dtype
      let padded = try rewriter.emitOne(batchedPad, [operand, rewriter.zero(TensorType(dtype, .scalar))])
      let inside = try rewriter.constant(Scalar(false), shape)
      let isPadding = try rewriter.move(pad, inside, rewriter.constant(Scalar(true)))
      let type = rewriter.type(of: padded)
      let condition = try rewriter.broadcast(isPadding, type.shape, axes: Array(1..<type.rank))
      return try rewriter.select(condition, rewriter.broadcast(padding.value, type.shape, axes: [0]), padded)
    }
    return BatchedValue(result, isMapped: true)
  }

  // MARK: - Sums

  private func batch(_ op: ReductionOp) -> ReductionOp {
    switch op {
    case .reduce(let kind, let axes): .reduce(kind, axes: axes.map { $0 + 1 })
    case .argReduce(let kind, let axis): .argReduce(kind, axis: axis + 1)
    case .scanReduce(let kind, let axis, let isReversed): .scanReduce(kind, axis: axis + 1, isReversed: isReversed)
    }
  }

  private mutating func batch(_ op: ContractionOp, _ operands: [BatchedValue]) throws(KilnError) -> BatchedValue {
    switch op {
    case .dot(let batch, let contract): try batchDot(operands, batch, contract)
    case .convolution(let convolution): try batchConvolution(operands, convolution)
    }
  }

  /// Two batch axes are a batch pair; one alone is a free axis of its operand, moved to the front of the result.
  private mutating func batchDot(
    _ operands: [BatchedValue], _ batch: [AxisPair], _ contract: [AxisPair]
  ) throws(KilnError) -> BatchedValue {
    let (left, right) = (operands[0], operands[1])
    func shifted(_ pair: AxisPair) -> AxisPair {
      AxisPair(pair.lhs + (left.isMapped ? 1 : 0), pair.rhs + (right.isMapped ? 1 : 0))
    }
    let (batchPairs, contractPairs) = (batch.map(shifted), contract.map(shifted))
    if left.isMapped && right.isMapped {
      let op = ContractionOp.dot(batch: [AxisPair(0, 0)] + batchPairs, contract: contractPairs)
      return try mapped(.contraction(op), [left.value, right.value])
    }
    let product = try emit(
      .contraction(.dot(batch: batchPairs, contract: contractPairs)), [left.value, right.value])
    let leftFree = exampleType(left).rank - batch.count - contract.count
    return try movedToFront(product, axis: batch.count + (left.isMapped ? 0 : leftFree))
  }

  /// As for `dot`: two batch axes are a batch pair, one alone is a free axis, which the order of the result puts in
  /// front.
  private mutating func batchConvolution(
    _ operands: [BatchedValue], _ convolution: Convolution
  ) throws(KilnError) -> BatchedValue {
    let (left, right) = (operands[0], operands[1])
    func shifted(_ pair: AxisPair) -> AxisPair {
      AxisPair(pair.lhs + (left.isMapped ? 1 : 0), pair.rhs + (right.isMapped ? 1 : 0))
    }
    let batch = convolution.batch.map(shifted)
    let windows = convolution.windows.map { window in
      var window = window
      window.axes = shifted(window.axes)
      return window
    }
    let axes = convolution.resultAxes(lhsRank: exampleType(left).rank, rhsRank: exampleType(right).rank)
    let order = convolution.result.isEmpty ? Array(axes.indices) : convolution.result
    // Where the batch axis stands among the axes of the result before they are put in order.
    let place: Int
    switch (left.isMapped, right.isMapped) {
    case (true, true): place = 0
    case (true, false), (false, false): place = batch.count
    case (false, true): place = axes.count { if case .rhs = $0 { false } else { true } }
    }
    let batched = Convolution(
      batch: (left.isMapped && right.isMapped ? [AxisPair(0, 0)] : []) + batch,
      contract: convolution.contract.map(shifted), windows: windows,
      result: [place] + order.map { $0 < place ? $0 : $0 + 1 })
    return try mapped(.contraction(.convolution(batched)), [left.value, right.value])
  }

  mutating func movedToFront(_ value: ValueID, axis: Int) throws(KilnError) -> BatchedValue {
    let moved = try build { rewriter throws(KilnError) in
      let others = (0..<rewriter.type(of: value).rank).filter { $0 != axis }
      return try rewriter.transpose(value, [axis] + others)
    }
    return BatchedValue(moved, isMapped: true)
  }
}

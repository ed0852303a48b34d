import KilnIR

extension BatchWalk {
  mutating func batch(_ op: IndexingOp, _ operands: [BatchedValue]) throws(KilnError) -> BatchedValue {
    var operands = operands
    // An example that is not here reads somewhere in range: what it would have found is not found.
    if let mask, let index = op.checkedIndex {
      let indices = try mapped(operands[index])
      operands[index] = BatchedValue(try masked(indices, mask.lanes), isMapped: true)
    }
    switch op {
    case .gather(let axis, let bounds): return try batchGather(operands, axis, bounds)
    case .scatter(let axis, let combiner, let bounds): return try batchScatter(operands, axis, combiner, bounds)
    }
  }

  private mutating func batchGather(
    _ operands: [BatchedValue], _ axis: Int, _ bounds: IndexBounds
  ) throws(KilnError) -> BatchedValue {
    let (x, indices) = (operands[0], operands[1])
    if !indices.isMapped {
      return try mapped(.indexing(.gather(axis: axis + 1, bounds: bounds)), [x.value, indices.value])
    }
    if !x.isMapped {
      // The axes of the indices stand in the place of the axis, their batch axis first.
      let result = try emit(.indexing(.gather(axis: axis, bounds: bounds)), [x.value, indices.value])
      return try movedToFront(result, axis: axis)
    }
    throw KilnError("vmap.C3", "gather with batched indices", at: rewriter.location)
  }

  private mutating func batchScatter(
    _ operands: [BatchedValue], _ axis: Int, _ combiner: ScatterCombiner, _ bounds: IndexBounds
  ) throws(KilnError) -> BatchedValue {
    let (x, indices, updates) = (try mapped(operands[0]), operands[1], try mapped(operands[2]))
    if !indices.isMapped {
      let op = IndexingOp.scatter(axis: axis + 1, combiner: combiner, bounds: bounds)
      return try mapped(.indexing(op), [x, indices.value, updates])
    }
    throw KilnError("vmap.C3", "scatter with batched indices", at: rewriter.location)
  }
}

extension IndexingOp {
  /// The place of the operand whose elements are checked, if any is.
  var checkedIndex: Int? {
    switch self {
    case .gather(_, let bounds), .scatter(_, _, let bounds): bounds == .check ? 1 : nil
    }
  }
}

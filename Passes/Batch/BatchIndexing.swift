import KilnIR

extension BatchWalk {
  mutating func batch(_ op: IndexingOp, _ operands: [BatchedValue]) throws(KilnError) -> BatchedValue {
    var operands = operands
    // An example that is not here reads somewhere in range: what it would have found is not found.
    if let mask {
      for index in op.checkedOperands(of: operands.count) {
        let indices = try mapped(operands[index])
        operands[index] = BatchedValue(try masked(indices, mask.lanes), isMapped: true)
      }
    }
    switch op {
    case .gather(let indexed, let bounds): return try batchGather(operands, indexed, bounds)
    case .scatter(let indexed, let combiner, let bounds): return try batchScatter(operands, indexed, combiner, bounds)
    case .dynamicSlice(let sizes, let bounds): return try batchDynamicSlice(operands, sizes, bounds)
    case .dynamicUpdateSlice(let bounds): return try batchUpdateSlice(operands, bounds)
    case .argSort(let axis, let isDescending, let first):
      return try mapped(
        .indexing(.argSort(axis: axis + 1, isDescending: isDescending, first: first)), [operands[0].value])
    }
  }

  /// Two batch axes run together; that of the tensor alone is one more axis of its slices, that of the indices alone
  /// one more axis of theirs, which takes the place of the indexed one.
  private mutating func batchGather(
    _ operands: [BatchedValue], _ indexed: IndexedAxes, _ bounds: IndexBounds
  ) throws(KilnError) -> BatchedValue {
    let (x, indices) = (operands[0], operands[1])
    let batched = indexed.shifted(operand: x.isMapped, indices: indices.isMapped)
    let result = try emit(.indexing(.gather(batched, bounds: bounds)), [x.value, indices.value])
    if x.isMapped { return BatchedValue(result, isMapped: true) }
    let layout = try build { rewriter throws(KilnError) in
      IndexingLayout(
        batched, operand: rewriter.type(of: x.value).shape, indices: rewriter.type(of: indices.value).shape)
    }
    return try movedToFront(result, axis: layout.indexAxes[0] ?? 0)
  }

  private mutating func batchScatter(
    _ operands: [BatchedValue], _ indexed: IndexedAxes, _ combiner: ScatterCombiner, _ bounds: IndexBounds
  ) throws(KilnError) -> BatchedValue {
    let (x, indices, updates) = (try mapped(operands[0]), operands[1], try mapped(operands[2]))
    let batched = indexed.shifted(operand: true, indices: indices.isMapped)
    return try mapped(
      .indexing(.scatter(batched, combiner: combiner, bounds: bounds)), [x, indices.value, updates])
  }

  // MARK: - Dynamic slices

  /// Boxes that begin elsewhere in every example are gathered element by element.
  private mutating func batchDynamicSlice(
    _ operands: [BatchedValue], _ sizes: [Dimension], _ bounds: IndexBounds
  ) throws(KilnError) -> BatchedValue {
    let (x, starts) = (operands[0], Array(operands.dropFirst()))
    guard starts.contains(where: \.isMapped) else {
      let op = IndexingOp.dynamicSlice(sizes: [size] + sizes, bounds: bounds)
      return try mapped(.indexing(op), [x.value] + withBatchStart(starts))
    }
    let indices = try boxIndices(starts, Array(exampleType(x).shape), sizes, bounds)
    let axes = Array(0..<sizes.count)
    let indexed =
      x.isMapped
      ? IndexedAxes(vectorsAlong: axes.map { $0 + 1 }, batch: [AxisPair(0, 0)]) : IndexedAxes(vectorsAlong: axes)
    return try mapped(.indexing(.gather(indexed, bounds: bounds)), [x.value, indices])
  }

  private mutating func batchUpdateSlice(
    _ operands: [BatchedValue], _ bounds: IndexBounds
  ) throws(KilnError) -> BatchedValue {
    let extents = Array(exampleType(operands[0]).shape)
    let sizes = Array(exampleType(operands[1]).shape)
    let (x, update, starts) = (try mapped(operands[0]), try mapped(operands[1]), Array(operands.dropFirst(2)))
    guard starts.contains(where: \.isMapped) else {
      return try mapped(.indexing(.dynamicUpdateSlice(bounds: bounds)), [x, update] + withBatchStart(starts))
    }
    let indices = try boxIndices(starts, extents, sizes, bounds)
    let indexed = IndexedAxes(vectorsAlong: sizes.indices.map { $0 + 1 }, batch: [AxisPair(0, 0)])
    return try mapped(.indexing(.scatter(indexed, combiner: .replace, bounds: bounds)), [x, indices, update])
  }

  /// The starts of a box that holds all examples.
  private mutating func withBatchStart(_ starts: [BatchedValue]) throws(KilnError) -> [ValueID] {
    try build { rewriter throws(KilnError) in
      let dtype = starts.first.map { rewriter.type(of: $0.value).dtype } ?? .i64
      return try [rewriter.zero(TensorType(dtype, .scalar))] + starts.map(\.value)
    }
  }

  /// The index vector of every element of the box of every example.
  private mutating func boxIndices(
    _ starts: [BatchedValue], _ extents: [Dimension], _ sizes: [Dimension], _ bounds: IndexBounds
  ) throws(KilnError) -> ValueID {
    let (starts, size) = (try allMapped(starts), size)
    let box = TensorType(.i64, Shape([size] + sizes))
    return try build { rewriter throws(KilnError) in
      var components: [ValueID] = []
      for (axis, start) in starts.enumerated() {
        var start = try rewriter.convert(start, to: .i64)
        if bounds == .clamp {
          // The whole box moves, not each of its elements.
          let shape = rewriter.type(of: start).shape
          let last = try rewriter.size(extents[axis] - sizes[axis], shape)
          start = try rewriter.map(.clamp, start, rewriter.zero(TensorType(.i64, shape)), last)
        }
        let place = try rewriter.add(
          rewriter.broadcast(start, box.shape, axes: [0]), rewriter.iota(box, axis: axis + 1))
        components.append(try rewriter.reshape(place, Shape([size] + sizes + [1])))
      }
      return try rewriter.concatenate(components, axis: box.rank)
    }
  }
}

extension IndexedAxes {
  /// The same for tensors with a batch axis in front: of the operand, of the indices, or of both, which run together
  /// then.
  fileprivate func shifted(operand: Bool, indices: Bool) -> IndexedAxes {
    var result = renumbered { operand ? $0 + 1 : $0 }
    result.batch = result.batch.map { AxisPair($0.lhs, indices ? $0.rhs + 1 : $0.rhs) }
    if operand && indices { result.batch.insert(AxisPair(0, 0), at: 0) }
    return result
  }
}

extension IndexingOp {
  /// Whether an index out of range fails.
  var isChecked: Bool {
    switch self {
    case .gather(_, let bounds), .scatter(_, _, let bounds), .dynamicSlice(_, let bounds),
      .dynamicUpdateSlice(let bounds):
      bounds == .check
    case .argSort: false
    }
  }

  /// The places of the operands, of `count`, whose numbers must be in range.
  func checkedOperands(of count: Int) -> Range<Int> {
    guard isChecked else { return 0..<0 }
    switch self {
    case .gather, .scatter: return 1..<2
    case .dynamicSlice: return 1..<count
    case .dynamicUpdateSlice: return 2..<count
    case .argSort: return 0..<0
    }
  }
}

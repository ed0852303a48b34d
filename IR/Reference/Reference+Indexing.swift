extension ReferenceInterpreter {
  static func evaluate(
    _ op: IndexingOp, _ operands: [TensorValue], _ type: TensorType
  ) throws(ConstraintFailure) -> TensorValue {
    switch op {
    case .gather(let axis, let bounds):
      let rows = try IndexedRows(operands[0].type, operands[1], axis, bounds, op.spelling)
      return gathered(operands[0], rows, type)
    case .scatter(let axis, let combiner, let bounds):
      let rows = try IndexedRows(operands[0].type, operands[1], axis, bounds, op.spelling)
      return scattered(operands[0], operands[2], rows, combiner)
    }
  }

  private static func gathered(_ operand: TensorValue, _ rows: IndexedRows, _ type: TensorType) -> TensorValue {
    var result = TensorValue(type) { $0.initializeMemory(as: UInt8.self, repeating: 0, count: type.byteCount) }
    rows.visit { position, row in
      for i in 0..<rows.byteCount { result.bytes[position + i] = operand.bytes[row + i] }
    }
    return result
  }

  /// R5: the updates of one destination are combined in ascending order, from the operand's element on.
  private static func scattered(
    _ operand: TensorValue, _ updates: TensorValue, _ rows: IndexedRows, _ combiner: ScatterCombiner
  ) -> TensorValue {
    let dtype = operand.type.dtype
    let width = rows.byteCount / dtype.byteCount
    var words = operand.bits
    let updateWords = updates.bits
    rows.visit { position, row in
      let (update, element) = (position / dtype.byteCount, row / dtype.byteCount)
      for i in 0..<width {
        words[element + i] = combiner.combined(words[element + i], updateWords[update + i], dtype)
      }
    }
    return TensorValue(operand.type) { words.store($0, dtype) }
  }
}

/// The slices of a tensor that indices along one axis name: runs of bytes, the axes before it giving several each.
private struct IndexedRows {
  /// Bytes of one run: the elements of the axes after the indexed one.
  let byteCount: Int
  private let outerCount: Int
  private let extent: Int
  /// Nil where an index out of range is dropped.
  private let indices: [Int?]

  init(
    _ type: TensorType, _ indices: TensorValue, _ axis: Int, _ bounds: IndexBounds, _ spelling: String
  ) throws(ConstraintFailure) {
    let sizes = type.shape.dimensions
    outerCount = sizes[..<axis].reduce(1, *)
    extent = sizes[axis]
    byteCount = sizes[(axis + 1)...].reduce(type.dtype.byteCount, *)
    var resolved: [Int?] = []
    for word in indices.bits {
      let index = bounds.resolve(word, indices.type.dtype, extent: extent)
      try require(
        index != nil || bounds == .drop, "\(spelling).R1",
        "index \(Scalar(indices.type.dtype, bits: word)) is out of range for axis \(axis) of \(type), which has \(extent) "
          + "elements")
      resolved.append(index)
    }
    self.indices = resolved
  }

  /// Calls `body` with the byte offsets of each run in the updates (or the gathered tensor) and in the indexed tensor, in
  /// ascending order of the indices for every run of the indexed tensor.
  func visit(_ body: (_ position: Int, _ row: Int) -> Void) {
    for outer in 0..<outerCount {
      for (i, index) in indices.enumerated() {
        guard let index else { continue }
        body((outer * indices.count + i) * byteCount, (outer * extent + index) * byteCount)
      }
    }
  }
}

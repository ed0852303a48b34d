extension ReferenceInterpreter {
  static func evaluate(
    _ op: IndexingOp, _ operands: [TensorValue], _ type: TensorType
  ) throws(ConstraintFailure) -> TensorValue {
    switch op {
    case .gather(let indexed, let bounds):
      let slices = try IndexedSlices(operands[0].type, operands[1], type, indexed, bounds, op.spelling)
      return gathered(operands[0], slices, type)
    case .scatter(let indexed, let combiner, let bounds):
      let slices = try IndexedSlices(operands[0].type, operands[1], operands[2].type, indexed, bounds, op.spelling)
      return scattered(operands[0], operands[2], slices, combiner)
    case .dynamicSlice(let sizes, let bounds):
      let starts = try starts(
        operands.dropFirst(), operands[0].type, sizes: sizes.map(\.staticSize), bounds, op.spelling)
      return operands[0].gathered(box(at: starts, in: operands[0].type), as: type)
    case .dynamicUpdateSlice(let bounds):
      let sizes = operands[1].type.shape.dimensions
      let starts = try starts(operands.dropFirst(2), operands[0].type, sizes: sizes, bounds, op.spelling)
      var result = operands[0]
      result.store(operands[1], at: box(at: starts, in: type))
      return result
    case .argSort(let axis, let isDescending, _):
      let program = ScalarProgram.sortKey(operands[0].type.dtype, isDescending: isDescending)
      let sorted = mappingLines(of: operands[0], axis, to: TensorType(.i32, operands[0].type.shape)) {
        words, rows, count in
        RowReduction.sort(program.evaluate(columns: [words], count: words.count), rows: rows, count: count)
      }
      let zeros = type.shape.map { _ in 0 }
      return sorted.gathered(box(at: zeros, in: sorted.type), as: type)
    }
  }

  /// Where a box of `sizes` elements begins in a tensor, in range. A box without elements is nowhere.
  private static func starts(
    _ operands: ArraySlice<TensorValue>, _ type: TensorType, sizes: [Int], _ bounds: IndexBounds, _ spelling: String
  ) throws(ConstraintFailure) -> [Int] {
    if sizes.contains(0) { return sizes.map { _ in 0 } }
    var starts: [Int] = []
    for (axis, operand) in operands.enumerated() {
      let extent = type.shape[axis].staticSize - sizes[axis] + 1
      guard let start = bounds.resolve(operand.bits[0], operand.type.dtype, extent: extent) else {
        throw ConstraintFailure(
          "\(spelling).R1",
          "\(sizes[axis]) elements from \(operand[0]) on do not lie in axis \(axis) of \(type), which has "
            + "\(type.shape[axis])")
      }
      starts.append(start)
    }
    return starts
  }

  private static func box(at starts: [Int], in type: TensorType) -> StridedElements {
    let strides = type.shape.rowMajorStrides
    return StridedElements(offset: zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 }, strides: strides)
  }

  private static func gathered(_ operand: TensorValue, _ slices: IndexedSlices, _ type: TensorType) -> TensorValue {
    var result = TensorValue(type) { $0.initializeMemory(as: UInt8.self, repeating: 0, count: type.byteCount) }
    let size = type.dtype.byteCount
    slices.visit { position, element in
      for byte in 0..<size { result.bytes[position * size + byte] = operand.bytes[element * size + byte] }
    }
    return result
  }

  /// R5: the updates of one destination are combined in ascending order, from the operand's element on.
  private static func scattered(
    _ operand: TensorValue, _ updates: TensorValue, _ slices: IndexedSlices, _ combiner: ScatterCombiner
  ) -> TensorValue {
    let dtype = operand.type.dtype
    var words = operand.bits
    let updateWords = updates.bits
    slices.visit { position, element in
      words[element] = combiner.combined(words[element], updateWords[position], dtype)
    }
    return TensorValue(operand.type) { words.store($0, dtype) }
  }
}

/// The slices of a tensor that indices name: where each begins there and in the gathered tensor, and the elements of
/// one.
private struct IndexedSlices {
  private typealias Place = (gathered: Int, operand: Int)

  /// In ascending row-major order of the indices, without those that are dropped.
  private var slices: [Place] = []
  /// The elements of a slice, from its beginning.
  private var elements: [Place] = [(0, 0)]

  init(
    _ operand: TensorType, _ indices: TensorValue, _ gathered: TensorType, _ indexed: IndexedAxes,
    _ bounds: IndexBounds, _ spelling: String
  ) throws(ConstraintFailure) {
    let layout = IndexingLayout(indexed, operand: operand.shape, indices: indices.type.shape)
    let (strides, places) = (operand.shape.rowMajorStrides, gathered.shape.rowMajorStrides)
    let batchAxes = indexed.batch.map(\.lhs)
    for (axis, target) in layout.operandAxes.enumerated() where !batchAxes.contains(axis) {
      guard let target else { continue }
      elements = elements.flatMap { place in
        (0..<operand.shape[axis].staticSize).map {
          (place.gathered + $0 * places[target], place.operand + $0 * strides[axis])
        }
      }
    }
    // Slices without elements are not read, whatever their indices are.
    guard !elements.isEmpty else { return }
    let sizes = indices.type.shape.dimensions
    let words = indices.bits
    let width = indexed.hasVectors ? indexed.axes.count : 1
    for first in stride(from: 0, to: words.count, by: width) {
      var place: Place = (0, 0)
      var isDropped = false
      for (axis, word) in zip(indexed.axes, words[first..<first + width]) {
        let extent = operand.shape[axis].staticSize
        let index = bounds.resolve(word, indices.type.dtype, extent: extent)
        try require(
          index != nil || bounds == .drop, "\(spelling).R1",
          "index \(Scalar(indices.type.dtype, bits: word)) is out of range for axis \(axis) of \(operand), which has "
            + "\(extent) elements")
        isDropped = isDropped || index == nil
        place.operand += (index ?? 0) * strides[axis]
      }
      var rest = first
      for axis in sizes.indices.reversed() {
        let coordinate = rest % sizes[axis]
        rest /= sizes[axis]
        if let target = layout.indexAxes[axis] { place.gathered += coordinate * places[target] }
        if let pair = indexed.batch.first(where: { $0.rhs == axis }) { place.operand += coordinate * strides[pair.lhs] }
      }
      if !isDropped { slices.append(place) }
    }
  }

  /// Calls `body` with the numbers of each element in the gathered tensor (or the updates) and in the indexed one,
  /// slice after slice.
  func visit(_ body: (_ position: Int, _ element: Int) -> Void) {
    for slice in slices {
      for element in elements { body(slice.gathered + element.gathered, slice.operand + element.operand) }
    }
  }
}

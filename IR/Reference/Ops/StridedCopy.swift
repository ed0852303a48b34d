/// Elements of a tensor at regular distances: where the first one is, and how far apart they are along each axis. All
/// movement ops but the padding value are copies between two of these.
struct StridedElements {
  /// In elements, as are the strides.
  var offset: Int
  var strides: [Int]

  init(offset: Int = 0, strides: [Int]) {
    self.offset = offset
    self.strides = strides
  }

  /// All elements of `shape` in row-major order.
  init(_ shape: Shape) { self.init(strides: shape.rowMajorStrides) }
}

/// Copies the elements of a box of `extents`, each of `size` bytes.
func copyElements(
  extents: [Int], size: Int, from source: UnsafeRawPointer, _ sourceElements: StridedElements,
  to target: UnsafeMutableRawPointer, _ targetElements: StridedElements
) {
  guard !extents.contains(0) else { return }
  let innerCount = extents.last ?? 1
  let innerSource = (sourceElements.strides.last ?? 0) * size
  let innerTarget = (targetElements.strides.last ?? 0) * size
  var index = [Int](repeating: 0, count: max(extents.count - 1, 0))
  var sourceOffset = sourceElements.offset * size
  var targetOffset = targetElements.offset * size
  while true {
    if innerSource == size && innerTarget == size {
      (target + targetOffset).copyMemory(from: source + sourceOffset, byteCount: innerCount * size)
    } else {
      for i in 0..<innerCount {
        (target + targetOffset + i * innerTarget).copyMemory(
          from: source + sourceOffset + i * innerSource, byteCount: size)
      }
    }
    // The next row: count up like an odometer.
    var axis = index.count - 1
    while axis >= 0 {
      index[axis] += 1
      sourceOffset += sourceElements.strides[axis] * size
      targetOffset += targetElements.strides[axis] * size
      if index[axis] < extents[axis] { break }
      sourceOffset -= extents[axis] * sourceElements.strides[axis] * size
      targetOffset -= extents[axis] * targetElements.strides[axis] * size
      index[axis] = 0
      axis -= 1
    }
    if axis < 0 { return }
  }
}

extension TensorValue {
  /// The tensor of type `type` whose elements are those of this one at `elements`.
  func gathered(_ elements: StridedElements, as type: TensorType) -> TensorValue {
    TensorValue(type) { target in
      bytes.withUnsafeBytes { source in
        copyElements(
          extents: type.shape.dimensions, size: type.dtype.byteCount, from: source.baseAddress!, elements, to: target,
          StridedElements(type.shape))
      }
    }
  }

  /// The tensor with its axes in another order.
  func transposed(_ permutation: [Int]) -> TensorValue {
    if permutation == Array(0..<permutation.count) { return self }
    let strides = type.shape.rowMajorStrides
    return gathered(
      StridedElements(strides: permutation.map { strides[$0] }),
      as: TensorType(type.dtype, Shape(permutation.map { type.shape[$0] })))
  }
}

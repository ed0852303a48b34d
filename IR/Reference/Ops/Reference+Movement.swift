extension ReferenceInterpreter {
  static func evaluate(_ op: MovementOp, _ operands: [TensorValue], _ type: TensorType) -> TensorValue {
    let operand = operands[0]
    let strides = operand.type.shape.rowMajorStrides
    switch op {
    case .reshape:
      return operand.reinterpreted(as: type)
    case .broadcast(_, let axes):
      var resultStrides = [Int](repeating: 0, count: type.rank)
      for (axis, target) in axes.enumerated() where operand.type.shape[axis] == type.shape[target] {
        resultStrides[target] = strides[axis]
      }
      return operand.gathered(StridedElements(strides: resultStrides), as: type)
    case .transpose(let permutation):
      return operand.transposed(permutation)
    case .slice(let start, _, let stride):
      let first = zip(start, strides).reduce(0) { $0 + $1.0.staticSize * $1.1 }
      // A stride beyond the axis is never taken, and must not overflow here.
      let steps = zip(zip(stride, strides), operand.type.shape.dimensions).map { min($0.0, $1) * $0.1 }
      return operand.gathered(StridedElements(offset: first, strides: steps), as: type)
    case .reverse(let axes):
      var elements = StridedElements(strides: strides)
      for axis in axes {
        elements.offset += max(operand.type.shape[axis].staticSize - 1, 0) * strides[axis]
        elements.strides[axis] = -strides[axis]
      }
      return operand.gathered(elements, as: type)
    case .pad(let low, _, let interior):
      let resultStrides = type.shape.rowMajorStrides
      let elements = StridedElements(
        offset: zip(low, resultStrides).reduce(0) { $0 + $1.0.staticSize * $1.1 },
        // A single element has no holes beside it; counting them must not overflow.
        strides: operand.type.shape.indices.map { axis in
          (operand.type.shape.dimensions[axis] > 1 ? interior[axis] + 1 : 1) * resultStrides[axis]
        })
      return padded(operand, with: operands[1], elements, type)
    case .concatenate(let axis):
      return concatenated(operands, axis, type)
    case .windows(let axes, _, let windowStrides, let dilations):
      return operand.gathered(WindowPlaces(operand.type.shape, axes, windowStrides, dilations).elements, as: type)
    case .overlapAdd(let shape, let axes, let windowStrides, let dilations):
      return overlapAdded(operand, WindowPlaces(shape, axes, windowStrides, dilations), type)
    }
  }

  private static func padded(
    _ operand: TensorValue, with value: TensorValue, _ elements: StridedElements, _ type: TensorType
  ) -> TensorValue {
    var result = value.gathered(StridedElements(strides: Array(repeating: 0, count: type.rank)), as: type)
    result.store(operand, at: elements)
    return result
  }

  private static func concatenated(_ operands: [TensorValue], _ axis: Int, _ type: TensorType) -> TensorValue {
    var result = TensorValue(type) { $0.initializeMemory(as: UInt8.self, repeating: 0, count: type.byteCount) }
    var elements = StridedElements(type.shape)
    for operand in operands {
      result.store(operand, at: elements)
      elements.offset += operand.type.shape[axis].staticSize * elements.strides[axis]
    }
    return result
  }

  /// R5: the copies of an element are added in ascending order of their windows, which is the operand's own order.
  private static func overlapAdded(_ operand: TensorValue, _ places: WindowPlaces, _ type: TensorType) -> TensorValue {
    var sums = [UInt64?](repeating: nil, count: type.shape.elementCount)
    let words = operand.bits
    let positions = TensorValue.positions(of: places.elements, operand.type.shape)
    for (word, place) in zip(words, positions) {
      sums[place] = sums[place].map { ScatterCombiner.add.combined($0, word, type.dtype) } ?? word
    }
    return TensorValue(type) { target in sums.map { $0 ?? 0 }.store(target, type.dtype) }
  }
}

/// Where the taps of the windows over a tensor lie in it.
struct WindowPlaces {
  let elements: StridedElements

  init(_ shape: Shape, _ axes: [Int], _ strides: [Int], _ dilations: [Int]) {
    let steps = shape.rowMajorStrides
    var result = steps
    // A step beyond the axis is never taken, and must not overflow.
    func step(_ axis: Int, _ count: Int) -> Int { min(count, shape.dimensions[axis]) * steps[axis] }
    for (number, axis) in axes.enumerated() { result[axis] = step(axis, strides[number]) }
    elements = StridedElements(strides: result + axes.indices.map { step(axes[$0], dilations[$0]) })
  }
}

extension TensorValue {
  /// The offset of each of the `elements` of a box of that shape, in row-major order.
  fileprivate static func positions(of elements: StridedElements, _ shape: Shape) -> [Int] {
    var positions = shape.elementCount == 0 ? [] : [elements.offset]
    for (extent, stride) in zip(shape.dimensions, elements.strides) {
      positions = positions.flatMap { start in (0..<extent).map { start + $0 * stride } }
    }
    return positions
  }
}

import KilnIR

/// How a member of a pointwise cluster reads an operand.
enum OperandReading: Equatable {
  /// At its own point: axis i of the operand at axis `axes[i]` of the result.
  case atPoint(axes: [Int])
  /// At other elements that are linear in the point.
  case elsewhere
  /// At elements that are data, in a buffer.
  case asBuffer

  var isAtPoint: Bool {
    if case .atPoint = self { true } else { false }
  }
}

extension Function {
  /// How an instruction reads each of its operands to compute one element of its result.
  func readings(of id: InstructionID) -> [OperandReading] {
    let instruction = instructions[id]
    let atPoint = instruction.operands.map { OperandReading.atPoint(axes: Array(valueTypes[$0].shape.indices)) }
    if case .indexing(.dynamicSlice) = instruction.op { return [.asBuffer] + atPoint.dropFirst() }
    guard case .indexing(.gather(let indexed, _)) = instruction.op else { return atPoint }
    let layout = IndexingLayout(
      indexed, operand: valueTypes[instruction.operands[0]].shape, indices: valueTypes[instruction.operands[1]].shape)
    return [.asBuffer, indexed.hasVectors ? .elsewhere : .atPoint(axes: layout.indexAxes.compactMap { $0 })]
  }
}

extension Op {
  /// Where a view reads its operand for the element of its result at `index`. Nil when that is not linear: then the
  /// operand is needed as a buffer, of which a reshape is another reading.
  func operandIndex(_ index: IndexExpression, operand: TensorType, result: TensorType, in domain: IndexDomain)
    -> IndexExpression?
  {
    let axisCount = domain.extents.count
    switch self {
    case .movement(.reshape):
      return domain.delinearize(domain.linearize(index, result.shape), operand.shape)
    case .movement(.broadcast(_, let axes)):
      return axes.enumerated().map { axis, target in
        operand.shape[axis] == 1 ? .zero(axisCount) : index[target]
      }
    case .movement(.transpose(let permutation)):
      var result = Array(repeating: LinearExpression.zero(axisCount), count: index.count)
      for (axis, source) in permutation.enumerated() { result[source] = index[axis] }
      return result
    case .movement(.slice(let start, _, let stride)):
      return index.enumerated().map { axis, expression in
        expression * operand.shape[axis].step(stride[axis]) + start[axis]
      }
    case .movement(.reverse(let axes)):
      return index.enumerated().map { axis, expression in
        axes.contains(axis) ? expression * -1 + (operand.shape[axis] - 1) : expression
      }
    case .movement(.windows(let axes, _, let strides, let dilations)):
      var positions = Array(index[..<operand.rank])
      for (number, axis) in axes.enumerated() {
        let extent = operand.shape[axis]
        positions[axis] =
          positions[axis] * extent.step(strides[number])
          + index[operand.rank + number] * extent.step(dilations[number])
      }
      return positions
    case .control(.stopGradient), .control(.barrier): return index
    case .source, .map, .type, .movement(.pad), .movement(.concatenate), .movement(.overlapAdd), .reduction,
      .contraction, .indexing, .control(.call), .control(.custom), .control(.checkpoint), .control(.cond),
      .control(.while), .control(.scan):
      return nil
    }
  }
}

extension Dimension {
  /// A step along an axis of this extent. One beyond the axis is never taken, and must not overflow.
  func step(_ stride: Int) -> Dimension { Dimension(size.map { Swift.min(stride, Swift.max($0, 1)) } ?? stride) }
}

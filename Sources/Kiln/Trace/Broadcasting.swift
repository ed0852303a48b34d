import KilnIR

extension FunctionBuilder {
  /// `emit` for an op with one result, whose operands are broadcast first if it is elementwise.
  /// - Throws: the constraint of the op, or `broadcast.shapes`.
  mutating func emitBroadcasting(
    _ op: Op, _ operands: [ValueID], at location: SourceLocation
  ) throws(ConstraintFailure) -> ValueID {
    guard case .map(let function) = op else { return try emitOne(op, operands, at: location) }
    let shapes = operands.map { type(of: $0).shape }
    guard shapes.contains(where: { $0 != shapes[0] }) else { return try emitOne(op, operands, at: location) }
    let shape = try Shape.broadcasting(shapes, in: function.spelling)
    var values: [ValueID] = []
    for operand in operands { values.append(try broadcast(operand, to: shape, at: location)) }
    return try emitOne(op, values, at: location)
  }

  private mutating func broadcast(
    _ value: ValueID, to shape: Shape, at location: SourceLocation
  ) throws(ConstraintFailure) -> ValueID {
    let from = type(of: value).shape
    let first = shape.rank - from.rank
    var target = shape
    // Extents that may be equal stay: that they are is asked by the op.
    for (axis, extent) in from.enumerated() where extent != 1 { target[axis + first] = extent }
    if from == target { return value }
    return try emitOne(.movement(.broadcast(target, axes: Array(first..<shape.rank))), [value], at: location)
  }
}

extension Shape {
  /// Whether it can be `other` at some call.
  func mayEqual(_ other: Shape) -> Bool {
    rank == other.rank && zip(self, other).allSatisfy { Dimension.equality($0, $1) != false }
  }

  /// The shape that all of `shapes` broadcast to: aligned at the last axis, extents equal or 1. An extent that calls
  /// bring is not 1; of two that may be equal it takes the first.
  static func broadcasting(_ shapes: [Shape], in name: String) throws(ConstraintFailure) -> Shape {
    let rank = shapes.map(\.rank).max() ?? 0
    var result = [Dimension](repeating: 1, count: rank)
    for shape in shapes {
      for (axis, extent) in shape.enumerated() where extent != 1 {
        let target = axis + rank - shape.rank
        if result[target] != 1 && Dimension.equality(result[target], extent) == false {
          let list = shapes.map(\.description).joined(separator: " and ")
          throw ConstraintFailure(
            "broadcast.shapes",
            "\(name): the shapes \(list) do not broadcast; counted from the right, axis \(rank - 1 - target) "
              + "has \(result[target]) and \(extent) elements")
        }
        if result[target] == 1 { result[target] = extent }
      }
    }
    return Shape(result)
  }
}

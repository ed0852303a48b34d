package import KilnIR

/// The one way into the machine: every operation of the front end, eager or recorded, typed or not, comes through here.
///
/// Elementwise operations broadcast their operands as in NumPy. A failure yields a poisoned tensor of the type
/// `expected` (see `Failure`).
package func emit(_ op: Op, _ operands: [TensorCore]) -> TensorCore {
  for operand in operands where operand.kind == .poisoned {
    return Failure.poison(after: operand, guess(op, operands))
  }
  if let trace = Trace.current { return trace.record(op, operands) }
  for operand in operands where operand.kind == .traced {
    return Failure.poison(strayed: operand, guess(op, operands))
  }
  let result = Eager.run(op, operands)
  RecordingTapes.current?.note(op, operands, result)
  return result
}

/// A traced tensor met where no trace records.
func strayed(_ operand: TensorCore) -> Diagnostic {
  guard let (trace, _) = operand.traced else { return Diagnostic("trace.C1", "no traced tensor") }
  if trace.isFinished {
    return Diagnostic(
      "trace.C1", "this tensor belongs to a trace that has ended; return it from the closure to have its value",
      at: CallSite.here(),
      notes: [
        "the closure was traced at \(trace.location.resolved())",
        "a global that is first used inside a closure is made there: use it before, or pass it as an argument",
      ])
  }
  return Diagnostic(
    "trace.C2", "a second thread cannot record in a trace; do this in the closure's own thread, or outside of it",
    at: CallSite.here(), notes: ["the closure is traced at \(trace.location.resolved())"])
}

/// What the result of an operation that failed would most likely have been.
func guess(_ op: Op, _ operands: [TensorCore]) -> TensorType {
  let first = operands.last?.type ?? TensorType(.f32, .scalar)
  switch op {
  case .source(.constant(let literal)): return literal.type
  case .source(.iota(let type, _)): return type
  case .source(.dimensionSize): return TensorType(.i64, .scalar)
  case .type(.convert(let dtype)), .type(.bitcast(let dtype)): return TensorType(dtype, first.shape)
  case .map(let function):
    let widest = operands.map(\.shape).max { $0.rank < $1.rank } ?? .scalar
    return TensorType(function.isPredicate ? .bool : first.dtype, widest)
  case .indexing(.dynamicSlice(let sizes, _)): return TensorType(operands.first?.dtype ?? first.dtype, Shape(sizes))
  case .movement(.reshape(let shape)), .movement(.broadcast(let shape, _)): return TensorType(first.dtype, shape)
  case .reduction(.argReduce), .indexing(.argSort): return TensorType(.i32, first.shape)
  case .movement, .reduction, .contraction, .indexing, .control: return operands.first?.type ?? first
  }
}

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
    if from == shape { return value }
    let axes = Array((shape.rank - from.rank)..<shape.rank)
    return try emitOne(.movement(.broadcast(shape, axes: axes)), [value], at: location)
  }
}

extension Shape {
  /// The shape that all of `shapes` broadcast to: aligned at the last axis, extents equal or 1.
  static func broadcasting(_ shapes: [Shape], in name: String) throws(ConstraintFailure) -> Shape {
    let rank = shapes.map(\.rank).max() ?? 0
    var result = [Dimension](repeating: 1, count: rank)
    for shape in shapes {
      for (axis, extent) in shape.enumerated() where extent != 1 {
        let target = axis + rank - shape.rank
        if result[target] != 1 && result[target] != extent {
          let list = shapes.map(\.description).joined(separator: " and ")
          throw ConstraintFailure(
            "broadcast.shapes",
            "\(name): the shapes \(list) do not broadcast; counted from the right, axis \(rank - 1 - target) "
              + "has \(result[target]) and \(extent) elements")
        }
        result[target] = extent
      }
    }
    return Shape(result)
  }
}

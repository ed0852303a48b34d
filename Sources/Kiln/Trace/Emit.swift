package import KilnIR

/// The one way into the machine: every operation of the front end, eager or recorded, typed or not, comes through here.
///
/// Elementwise operations broadcast their operands as in NumPy. A failure yields a poisoned tensor of the type
/// `expected` (see `Failure`).
package func emit(_ op: Op, _ operands: [TensorCore]) -> TensorCore {
  for operand in operands where operand.kind == .poisoned {
    return Failure.poison(after: operand, op.guess(operands))
  }
  if let trace = Trace.current { return trace.record(op, operands) }
  for operand in operands where operand.kind == .traced {
    return Failure.poison(strayed: operand, op.guess(operands))
  }
  let result = Eager.run(op, operands)
  RecordingTapes.current?.note(op, operands, result)
  return result
}

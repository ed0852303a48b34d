package import KilnIR

// For the products beside Kiln in this package, which report as Kiln does.

extension KilnError {
  /// An error at the line of the user's program that is running.
  package static func atCall(_ label: String, _ message: String, notes: [String] = []) -> KilnError {
    KilnError(label, message, at: CallSite.here(), notes: notes).resolved()
  }
}

extension Tensor {
  /// Stands for the result of a function of this tensor and `others` that cannot be had: the mistake is noted at the
  /// user's line, or stops the program. After a tensor that has failed it is not reported again.
  package func failed(_ label: String, _ message: String, with others: AnyTensor...) -> Tensor {
    for operand in [untyped] + others where operand.core.kind == .poisoned {
      return Tensor(core: Failure.poison(after: operand.core, type))
    }
    return Tensor(
      core: Failure.poison(ConstraintFailure(label, message), type, operands: ([untyped] + others).map(\.core)))
  }
}

import KilnIR

// For layers, which report as the functions of Kiln do and name themselves by their parameters.

extension Tensor {
  /// Stands for a result of a function of `operands` that cannot be had: the mistake is noted at the user's line, or
  /// stops the program. After an operand that has failed it is not reported again.
  package init(failed label: String, _ message: String, shape: Shape, operands: [AnyTensor]) {
    let type = TensorType(Scalar.dtype, shape)
    for operand in operands where operand.core.kind == .poisoned {
      self.init(core: Failure.poison(after: operand.core, type))
      return
    }
    let failure = ConstraintFailure(label, message)
    self.init(core: Failure.poison(failure, type, operands: operands.map(\.core)))
  }
}

extension TensorProtocol {
  /// Whether it is the result of an operation that failed.
  package var isFailed: Bool { core.kind == .poisoned }

  /// What it is called, if it is an argument of the closure that is traced: `arg0.hidden.weight`.
  package var argumentName: String? {
    core.traced.flatMap { trace, value in trace.parameterName(value) }
  }
}

extension Tensor where Scalar: TensorReal {
  /// The number of elements along these axes, also where a call brings it.
  package func elementCount(along axes: [Int]) -> Tensor { Tensor(core: core.elementCount(axes)) }
}

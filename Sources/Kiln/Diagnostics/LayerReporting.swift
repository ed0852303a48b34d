import KilnIR

// For layers, which report as the functions of Kiln do and name themselves by their parameters.

/// The calls that are under way, which become a line of the user's when it is asked for.
package struct CallUnderWay: Sendable {
  fileprivate let location = CallSite.here()

  package init() {}

  /// Notes what has been found wrong elsewhere, such as in another thread, or stops the program with it. Where it has
  /// no line of the user's, the line is that of this call.
  package func report(_ error: KilnError) { _ = Failure.poison(error.resolved(else: location), []) }
}

extension Tensor {
  /// Stands for a result of a function of `operands` that cannot be had: the mistake is noted at the user's line, or
  /// stops the program. After an operand that has failed it is not reported again.
  /// - Parameter outer: where the line is if there are so many calls of the library inside of it that it is not seen.
  package init(
    failed label: String, _ message: String, shape: Shape, operands: [AnyTensor], outer: CallUnderWay? = nil
  ) {
    let type = TensorType(Scalar.dtype, shape)
    for operand in operands where operand.core.kind == .poisoned {
      self.init(core: Failure.poison(after: operand.core, type))
      return
    }
    var location = CallSite.here()
    if let outer, location.resolved() == .unknown { location = outer.location }
    let notes = Failure.parameters(among: operands.map(\.core))
    self.init(core: Failure.poison(Diagnostic(label, message, at: location, notes: notes), type))
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

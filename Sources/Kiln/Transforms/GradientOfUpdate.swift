import KilnIR
import KilnPasses

/// The value of a scalar function of a tree that it also changes, and the gradient by the tensors that the tree had:
/// the loss of a model whose layers keep statistics.
///
/// ```swift
/// let (loss, slope) = valueAndGradient(updating: &w) { (w: inout Tensor<Float>) in
///   let loss = (w * w).sum()
///   w = 0.5 * w
///   return loss
/// }
/// ```
/// After the call the tree is what the closure made of it; nothing is differentiated through that. The tensors that the
/// closure leaves alone stay, and types and structure stay in any case (`gradient.C4`). Apart from that it is
/// `valueAndGradient(at:of:)` of one tree.
public func valueAndGradient<State: TensorTree, Scalar: TensorReal, Thrown: Error>(
  updating state: inout State, file: StaticString = #filePath, line: UInt = #line,
  of f: (inout State) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> (value: Tensor<Scalar>, gradient: State) {
  let result = try differentiatedUpdate(&state, SourceLocation(file, line)) { state throws(Thrown) in
    (try f(&state), [Tensor<Float>]())
  } missing: {
    _ in
    []
  }
  return (result.value, result.gradient)
}

/// `valueAndGradient(updating:of:)` of a function that gives more than the scalar, such as the predictions that a
/// metric compares: only its first result is differentiated.
@_disfavoredOverload
public func valueAndGradient<State: TensorTree, Scalar: TensorReal, Auxiliary: TensorTree, Thrown: Error>(
  updating state: inout State, file: StaticString = #filePath, line: UInt = #line,
  of f: (inout State) throws(Thrown) -> (Tensor<Scalar>, Auxiliary)
) throws(Thrown) -> (value: Tensor<Scalar>, auxiliary: Auxiliary, gradient: State) {
  try differentiatedUpdate(&state, SourceLocation(file, line), f) { Failure.stop($0) }
}

/// What the traced closure gives.
private struct UpdatedLoss<Scalar: TensorReal, Auxiliary: TensorTree, State: TensorTree>: TreeGroup {
  var value: Tensor<Scalar>
  var auxiliary: Auxiliary
  var state: State

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&value, "value")
    visitor.visit(&auxiliary, "auxiliary")
    visitor.visit(&state, "state")
  }
}

/// - Parameter missing: the auxiliary result where the closure did not get as far as to give one.
private func differentiatedUpdate<State: TensorTree, Scalar: TensorReal, Auxiliary: TensorTree, Thrown: Error>(
  _ state: inout State, _ location: SourceLocation,
  _ f: (inout State) throws(Thrown) -> (Tensor<Scalar>, Auxiliary), missing: (KilnError) -> Auxiliary
) throws(Thrown) -> (value: Tensor<Scalar>, auxiliary: Auxiliary, gradient: State) {
  let input = state
  var change: CompilationReport.Reason?
  let body = { (before: State) throws(Thrown) -> UpdatedLoss<Scalar, Auxiliary, State> in
    var after = before
    let (value, auxiliary) = try f(&after)
    change = difference(before, after)
    return UpdatedLoss(value: value, auxiliary: auxiliary, state: after)
  }
  var transform = ClosureTransform<UpdatedLoss<Scalar, Auxiliary, State>>(location, .tree(), named: "loss")
  transform.check = { signature throws(KilnError) in
    if let failure = signature.failure { throw KilnError(failure) }
    try requireReal(signature.leaves, location)
  }
  let (loss, gradient) = try transform.call(body, at: input) {
    closure throws(KilnError) -> (UpdatedLoss<Scalar, Auxiliary, State>, State) in
    if let change {
      throw KilnError(
        "gradient.C4", "a loss keeps the types and the structure of the tree that it updates: \(change.description)",
        at: location)
    }
    let results = try closure.run(closure.differentiated(Differentiation.valueAndGradient))
    let count = closure.resultTypes.count
    let gradients = filling(closure.leaves.map(\.type), with: results.dropFirst(count))
    return (closure.output(Array(results.prefix(count))), input.replacingTensors(by: gradients))
  } poisoned: { returned, error in
    let loss = UpdatedLoss<Scalar, Auxiliary, State>(
      value: Tensor(core: Failure.poison(error, [TensorType(Scalar.dtype, .scalar)])[0]),
      auxiliary: returned.map { OutputShape.tree().poisoned($0.auxiliary, by: error) } ?? missing(error),
      state: poisoned(input, by: error))
    return (loss, poisoned(input, by: error))
  }
  state = loss.state
  return (loss.value, loss.auxiliary, gradient)
}

private func difference<State: TensorTree>(_ before: State, _ after: State) -> CompilationReport.Reason? {
  var old = Signature()
  old.add(before, "arg0")
  var new = Signature()
  new.add(after, "arg0")
  return new.leaves.contains { $0.kind == .poisoned } ? nil : old.firstDifference(from: new)
}

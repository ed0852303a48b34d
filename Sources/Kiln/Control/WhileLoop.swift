import KilnIR

/// The state after as many runs of `body` as it takes until `condition` gives false.
///
/// ```swift
/// let (x, steps) = whileLoop(start, Tensor<Int32>(0)) { (x: Tensor<Double>, steps: Tensor<Int32>) in
///   abs(x * x - 2) .> 1e-6
/// } body: { (x: Tensor<Double>, steps: Tensor<Int32>) in
///   ((x + 2 / x) / 2, steps + 1)
/// }
/// ```
/// Both closures are traced once; tensors that they use from outside stay the same in all turns. How often the loop
/// runs is known only when it has run, so it has a derivative in forward mode and none in reverse; `scan` and `fori`
/// have both.
///
/// - Parameters:
///   - initial: A tree of tensors. Its structure and types stay.
///   - condition: Gives a scalar.
/// - Throws: What the closures throw.
/// - Returns: The tree of the last turn. A body that changes a type, or a condition that is not a scalar, is a
///   diagnostic (`while.C6`, `while.C4`), which names the tensor.
public func whileLoop<State: TensorTree, Thrown: Error>(
  _ initial: State, file: StaticString = #filePath, line: UInt = #line,
  @TensorBody condition: (State) throws(Thrown) -> Tensor<Bool>,
  @ClosureBody body: (State) throws(Thrown) -> State
) throws(Thrown) -> State {
  let location = SourceLocation(file, line)
  var signature = Signature()
  signature.add(initial, "state")
  let test = try TracedRegion("condition", at: location) { binder throws(Thrown) in
    try condition(binder.bind(initial, "state"))
  }
  let turn = try TracedRegion("body", at: location) { binder throws(Thrown) in
    try body(binder.bind(initial, "state"))
  }
  do throws(KilnError) {
    return initial.replacingTensors(by: try looped(signature, test, turn, location))
  } catch {
    let error = error.resolved(else: location)
    return initial.replacingTensors(by: Failure.poison(error, signature.leaves.map(\.type)))
  }
}

/// `whileLoop` with a state of several trees.
public func whileLoop<First: TensorTree, Second: TensorTree, each Rest: TensorTree, Thrown: Error>(
  _ first: First, _ second: Second, _ rest: repeat each Rest, file: StaticString = #filePath, line: UInt = #line,
  @TensorBody condition: (First, Second, repeat each Rest) throws(Thrown) -> Tensor<Bool>,
  @ClosureBody body: (First, Second, repeat each Rest) throws(Thrown) -> (First, Second, repeat each Rest)
) throws(Thrown) -> (First, Second, repeat each Rest) {
  let start = Several(first, second, repeat each rest)
  let last: Several<First, Second, repeat each Rest> = try whileLoop(start, file: file, line: line) {
    state throws(Thrown) in
    return try state.result(of: condition)
  } body: { state throws(Thrown) in
    return try state.next(by: body)
  }
  return last.trees
}

private func looped<State>(
  _ initial: Signature, _ condition: TracedRegion<Tensor<Bool>>, _ body: TracedRegion<State>, _ location: SourceLocation
) throws(KilnError) -> [TensorCore] {
  if let failure = initial.failure { throw KilnError(failure) }
  let functions = [try condition.function.get(), try body.function.get()]
  guard condition.output.shape == .scalar else {
    throw KilnError("while.C4", "the condition gives a bool[], found \(condition.output.type)", at: location)
  }
  try requireSameState(initial, body.output, "state", "while.C6", location)
  return try ControlEmission.emit(functions, parameterCount: initial.leaves.count, initial.leaves) { names, captured in
    .while(condition: names[0], body: names[1], captured: captured)
  }
}

/// Checks that a body gives what it was given.
func requireSameState(
  _ initial: Signature, _ next: some TensorTree, _ name: String, _ label: String, _ location: SourceLocation
) throws(KilnError) {
  var found = Signature()
  found.add(next, name)
  if let difference = initial.firstDifference(from: found) {
    throw KilnError(
      label,
      "the body gives the types that it is given; \(difference.name) is \(difference.old) at first, and \(difference.new) "
        + "after a turn", at: location)
  }
}

import KilnIR

/// Runs `body` on the elements of tensors along their leading axes, one after the other, and passes a value on from
/// turn to turn: a running sum, the state of a recurrent network, a simulation.
///
/// ```swift
/// let (sum, sums) = scan(Tensor<Float>(0), over: x) { sum, x in
///   let next = sum + x
///   return (next, next)
/// }
/// ```
/// `body` is traced once, however many turns there are; tensors that it uses from outside stay the same in all of them.
/// The derivative, of any order, saves of each turn only what it needs.
///
/// - Parameters:
///   - initial: What the first turn is given. Its structure and types stay.
///   - xs: Trees of tensors, all with the same leading extent: the number of turns.
///   - reverse: Whether the last element comes first. The outputs stay at the places of their elements.
/// - Throws: What `body` throws.
/// - Returns: What the last turn passes on, and the second results of all turns, stacked along a new leading axis.
///   Without elements that is `initial`, and outputs without elements. Leading extents that differ, and a body that
///   changes a type, are diagnostics (`scan.C3`, `scan.C6`), which name the tensor.
public func scan<Carry: TensorTree, Elements: TensorTree, Output: TensorTree, Thrown: Error>(
  _ initial: Carry, over xs: Elements, reverse: Bool = false, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: (Carry, Elements) throws(Thrown) -> (Carry, Output)
) throws(Thrown) -> (carry: Carry, outputs: Output) {
  try scan(initial, xs, length: nil, reverse, SourceLocation(file, line)) { binder throws(Thrown) in
    try body(binder.bind(initial, "carry"), binder.bindElements(xs, "x"))
  }
}

/// `scan` without elements: `length` turns.
///
/// ```swift
/// let (_, powers) = scan(Tensor<Float>(1), length: 10) { x in (x * 2, x) }
/// ```
public func scan<Carry: TensorTree, Output: TensorTree, Thrown: Error>(
  _ initial: Carry, length: some DimensionConvertible, reverse: Bool = false, file: StaticString = #filePath,
  line: UInt = #line,
  @ClosureBody _ body: (Carry) throws(Thrown) -> (Carry, Output)
) throws(Thrown) -> (carry: Carry, outputs: Output) {
  try scan(initial, [Tensor<Int32>](), length: length.asDimension, reverse, SourceLocation(file, line)) {
    binder throws(Thrown) in
    try body(binder.bind(initial, "carry"))
  }
}

/// Runs `body` for each number of a range, and passes a tree of tensors on from turn to turn.
///
/// ```swift
/// let x = fori(0..<20, Tensor<Double>(1)) { (i: Tensor<Int32>, x: Tensor<Double>) in x - (x * x - 2) / (2 * x) }
/// ```
/// The bounds are Swift integers, fixed when the loop is recorded; the number that `body` is given is a tensor. Like
/// `scan`, of which it is a short form, the loop has derivatives of any order.
///
/// - Parameters:
///   - range: Within the range of `Int32` (`fori.C1`).
///   - initial: What the first turn is given. Structure and types stay (`scan.C6`).
/// - Throws: What `body` throws.
/// - Returns: What the last turn gives.
public func fori<State: TensorTree, Thrown: Error>(
  _ range: Range<Int>, _ initial: State, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: (Tensor<Int32>, State) throws(Thrown) -> State
) throws(Thrown) -> State {
  let location = SourceLocation(file, line)
  guard Int32(exactly: range.lowerBound) != nil, Int32(exactly: range.upperBound) != nil else {
    var signature = Signature()
    signature.add(initial, "state")
    let error = KilnError("fori.C1", "the bounds of fori are 32-bit integers, found \(range)", at: location)
    return initial.replacingTensors(by: Failure.poison(error, signature.leaves.map(\.type)))
  }
  let first = Tensor<Int32>(Int32(range.lowerBound))
  let numbers = Tensor<Int32>(core: emit(.source(.iota(TensorType(.i32, [range.count]), axis: 0)), [])) + first
  let result = try scan(initial, numbers, length: nil, false, location) {
    binder throws(Thrown) -> (State, [Tensor<Int32>]) in
    let state = binder.bind(initial, "carry")
    return (try body(binder.bindElements(numbers, "i"), state), [])
  }
  return result.carry
}

/// `fori` that passes several trees on.
public func fori<First: TensorTree, Second: TensorTree, each Rest: TensorTree, Thrown: Error>(
  _ range: Range<Int>, _ first: First, _ second: Second, _ rest: repeat each Rest, file: StaticString = #filePath,
  line: UInt = #line,
  @ClosureBody _ body: (Tensor<Int32>, First, Second, repeat each Rest) throws(Thrown) -> (
    First, Second, repeat each Rest
  )
) throws(Thrown) -> (First, Second, repeat each Rest) {
  let start = Several(first, second, repeat each rest)
  let last: Several<First, Second, repeat each Rest> = try fori(range, start, file: file, line: line) {
    number, state throws(Thrown) in
    return try state.next(number, by: body)
  }
  return last.trees
}

/// What a turn gives.
private struct Turn<Carry: TensorTree, Output: TensorTree>: TreeGroup {
  var carry: Carry
  var output: Output

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&carry, "carry")
    visitor.visit(&output, "output")
  }
}

private func scan<Carry: TensorTree, Elements: TensorTree, Output: TensorTree, Thrown: Error>(
  _ initial: Carry, _ xs: Elements, length: Dimension?, _ isReversed: Bool, _ location: SourceLocation,
  _ body: (inout InputBinder) throws(Thrown) -> (Carry, Output)
) throws(Thrown) -> (carry: Carry, outputs: Output) {
  var elements = Signature()
  elements.add(xs, "x")
  let region = try TracedRegion("body", at: location) { binder throws(Thrown) in
    let (carry, output) = try body(&binder)
    return Turn(carry: carry, output: output)
  }
  var carried = Signature()
  carried.add(initial, "carry")
  let length = length ?? elements.leaves.first?.shape.first
  do throws(KilnError) {
    let results = try scanned(carried, elements, length, isReversed, region, location)
    return (
      initial.replacingTensors(by: Array(results.prefix(carried.leaves.count))),
      region.output.output.replacingTensors(by: Array(results.dropFirst(carried.leaves.count)))
    )
  } catch {
    let outputs = region.types.dropFirst(carried.leaves.count).map { $0.stacked(.max(length ?? 0, 0)) }
    let poisons = Failure.poison(error.resolved(else: location), carried.leaves.map(\.type) + outputs)
    return (
      initial.replacingTensors(by: Array(poisons.prefix(carried.leaves.count))),
      region.output.output.replacingTensors(by: Array(poisons.dropFirst(carried.leaves.count)))
    )
  }
}

private func scanned<Carry, Output>(
  _ carried: Signature, _ elements: Signature, _ length: Dimension?, _ isReversed: Bool,
  _ region: TracedRegion<Turn<Carry, Output>>, _ location: SourceLocation
) throws(KilnError) -> [TensorCore] {
  for failure in [carried.failure, elements.failure] { if let failure { throw KilnError(failure) } }
  for (name, core) in zip(elements.leafNames, elements.leaves) where core.shape.isEmpty {
    throw KilnError(
      "scan.C3", "a scan goes over the leading axes of tensors; \(name) is \(core.type), which has none", at: location)
  }
  guard let length else {
    throw KilnError(
      "scan.C2", "a scan goes over tensors with a leading axis, or has a length; found neither", at: location)
  }
  guard Dimension.isAtLeast(length, 0) != false else {
    throw KilnError("scan.C2", "a length is not negative, found \(length)", at: location)
  }
  for (name, core) in zip(elements.leafNames, elements.leaves)
  where Dimension.equality(core.shape[0], length) == false {
    throw KilnError(
      "scan.C3", "a scan of length \(length) goes over tensors with that leading extent; \(name) is \(core.type)",
      at: location)
  }
  let function = try region.function.get()
  try requireSameState(carried, region.output.carry, "carry", "scan.C6", location)
  return try ControlEmission.emit(
    [function], parameterCount: carried.leaves.count + elements.leaves.count, carried.leaves + elements.leaves
  ) { names, captured in
    .scan(
      ControlOp.Scan(
        body: names[0], carried: carried.leaves.count, captured: captured, length: length, isReversed: isReversed))
  }
}

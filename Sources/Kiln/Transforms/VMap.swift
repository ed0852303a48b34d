public import KilnIR
import KilnPasses

/// A function on many examples at once; made by `vmap`.
public struct BatchedFunction<Output, Thrown: Error, each Input: TensorTree>: Sendable {
  fileprivate let body: @Sendable (repeat each Input) throws(Thrown) -> Output
  fileprivate let axes: BatchAxes
  fileprivate let transform: ClosureTransform<Output>

  fileprivate init(
    _ body: @escaping @Sendable (repeat each Input) throws(Thrown) -> Output, _ axes: BatchAxes,
    _ shape: OutputShape<Output>
  ) {
    (self.body, self.axes) = (body, axes)
    var transform = ClosureTransform(axes.location, shape)
    transform.examples = { signature throws(KilnError) in try axes.examples(signature) }
    self.transform = transform
  }

  /// The results for all examples, stacked; see `vmap`.
  /// - Throws: what the function throws.
  public func callAsFunction(_ input: repeat each Input) throws(Thrown) -> Output {
    try transform.call(body, at: repeat each input, by: axes.results)
  }

  /// The results for all examples, stacked.
  /// - Throws: `vmap.C3` to `vmap.C7`, and every diagnostic of the function or of the run.
  public func run(_ input: repeat each Input) throws(KilnError) -> Output {
    try transform.run(body, at: repeat each input, by: axes.results)
  }
}

/// Where the examples of a batch lie.
private struct BatchAxes {
  /// For each argument; nil: along axis 0 of all.
  let arguments: [Int?]?
  let output: Int
  let location: SourceLocation

  init(_ arguments: [Int?]?, output: Int, _ file: StaticString, _ line: UInt) {
    (self.arguments, self.output, location) = (arguments, output, SourceLocation(file, line))
  }

  /// The axis of each tensor, of which an argument has `counts`.
  private func leafAxes(_ counts: [Int]) -> [Int?] {
    zip(arguments ?? counts.map { _ in 0 }, counts).flatMap { axis, count in Array(repeating: axis, count: count) }
  }

  /// The number of examples, and the types of the arguments of one.
  func examples(_ signature: Signature) throws(KilnError) -> (size: Dimension, types: [TensorType]) {
    let count = signature.leafCounts.count
    if let arguments, arguments.count != count {
      throw KilnError("vmap.C7", "\(arguments.count) axes are given for \(count) arguments", at: location)
    }
    var size: Dimension?
    var types: [TensorType] = []
    for (leaf, axis) in zip(signature.leaves, leafAxes(signature.leafCounts)) {
      guard let axis else {
        types.append(leaf.type)
        continue
      }
      let place = leaf.axis(axis)
      guard leaf.shape.indices.contains(place) else {
        throw KilnError("vmap.C5", "an argument of type \(leaf.type) has no axis \(axis) to batch over", at: location)
      }
      let extent = leaf.shape[place]
      if let size, Dimension.equality(size, extent) == false {
        throw KilnError(
          "vmap.C4",
          "batched arguments have one number of examples; found \(size), and \(extent) along axis \(axis) of \(leaf.type)",
          at: location)
      }
      size = size ?? extent
      var shape = Array(leaf.shape)
      shape.remove(at: place)
      types.append(TensorType(leaf.dtype, Shape(shape)))
    }
    guard let size else {
      throw KilnError("vmap.C8", "no argument has a batch axis, so there is no number of examples", at: location)
    }
    return (size, types)
  }

  /// The results for all examples.
  func results<Output>(_ closure: TransformedClosure<Output>) throws(KilnError) -> [TensorCore] {
    let axes = leafAxes(closure.leafCounts)
    let mapped = axes.indices.filter { axes[$0] != nil }
    var closure = closure
    for (index, axis) in axes.enumerated() {
      if let axis { closure.leaves[index] = closure.leaves[index].movingAxis(axis, to: 0) }
    }
    let derived = try closure.transformed { name, module throws(KilnError) in
      try Batching.vmap(of: name, in: module, size: closure.batchSize, over: mapped)
    }
    var placed: [TensorCore] = []
    for result in try closure.run(derived) {
      let axis = output < 0 ? output + result.shape.rank : output
      guard result.shape.indices.contains(axis) else {
        throw KilnError(
          "vmap.C6", "the batch axis of a result cannot be axis \(output): the result is \(result.type)", at: location)
      }
      placed.append(result.movingAxis(0, to: axis))
    }
    return placed
  }
}

extension TensorCore {
  /// The tensor with axis `source` at the place `target`, the others in their order.
  fileprivate func movingAxis(_ source: Int, to target: Int) -> TensorCore {
    let source = axis(source)
    if source == target { return self }
    var permutation = Array(shape.indices)
    permutation.insert(permutation.remove(at: source), at: target)
    return emit(.movement(.transpose(permutation: permutation)), [self])
  }
}

/// The function that does for every example of a batch what `f` does for one: write it for one example, run it on all,
/// with no loop.
///
/// ```swift
/// let distances = vmap({ x, y in (x - y).norm() }, axes: [0, nil])(points, origin)
/// ```
/// The result may be handed on to another thread or captured by a compiled closure, which is why `f` is `@Sendable`: it
/// cannot capture a `var`, but its value (`{ [w] x in … }`).
///
/// Each example has the bits that `f` itself gives; what no example changes is computed once. Transforms may stand
/// inside and outside: `vmap` of a gradient gives the gradient of every example.
///
/// - Parameters:
///   - axes: for each argument the axis of its tensors along which the examples lie, negative ones from the end; nil
///     for an argument that all examples share. Without it every argument has them along axis 0.
///   - outputAxis: the axis of the results along which the examples are to lie.
///
/// Arguments with different numbers of examples (`vmap.C4`), an axis that is not there (`vmap.C5`, `vmap.C6`), another
/// number of axes than arguments (`vmap.C7`), or none at all (`vmap.C8`) are diagnostics.
public func vmap<Output: TensorTree, Thrown: Error, each Input: TensorTree>(
  @ClosureBody _ f: @escaping @Sendable (repeat each Input) throws(Thrown) -> Output, axes: [Int?]? = nil,
  outputAxis: Int = 0, file: StaticString = #filePath, line: UInt = #line
) -> BatchedFunction<Output, Thrown, repeat each Input> {
  BatchedFunction(f, BatchAxes(axes, output: outputAxis, file, line), .tree())
}

/// `vmap` of a function with two results.
public func vmap<First: TensorTree, Second: TensorTree, Thrown: Error, each Input: TensorTree>(
  @ClosureBody _ f: @escaping @Sendable (repeat each Input) throws(Thrown) -> (First, Second), axes: [Int?]? = nil,
  outputAxis: Int = 0, file: StaticString = #filePath, line: UInt = #line
) -> BatchedFunction<(First, Second), Thrown, repeat each Input> {
  BatchedFunction(f, BatchAxes(axes, output: outputAxis, file, line), .pair())
}

/// `vmap` of a function with three results or more.
public func vmap<
  First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree, Thrown: Error, each Input: TensorTree
>(
  @ClosureBody _ f: @escaping @Sendable (repeat each Input) throws(Thrown) -> (First, Second, Third, repeat each Rest),
  axes: [Int?]? = nil,
  outputAxis: Int = 0, file: StaticString = #filePath, line: UInt = #line
) -> BatchedFunction<(First, Second, Third, repeat each Rest), Thrown, repeat each Input> {
  BatchedFunction(f, BatchAxes(axes, output: outputAxis, file, line), .trees())
}

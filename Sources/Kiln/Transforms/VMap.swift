public import KilnIR
import KilnPasses

/// A function on many examples at once; made by `vmap`.
public struct BatchedFunction<Output, Thrown: Error, each Input: TensorTree>: Sendable {
  fileprivate let body: @Sendable (repeat each Input) throws(Thrown) -> Output
  fileprivate let axes: [Int?]?
  fileprivate let outputAxis: Int
  fileprivate let output: OutputShape<Output>
  fileprivate let location: SourceLocation

  /// The results for all examples, stacked; see `vmap`.
  /// - Throws: what the function throws.
  public func callAsFunction(_ input: repeat each Input) throws(Thrown) -> Output {
    var returned: Output?
    do throws(KilnError) {
      return try run(repeat each input, returned: &returned)
    } catch {
      try error.rethrowCause(as: Thrown.self)
      return output.poisoned(returned, by: error)
    }
  }

  /// The results for all examples, stacked.
  /// - Throws: `vmap.C3` to `vmap.C7`, and every diagnostic of the function or of the run.
  public func run(_ input: repeat each Input) throws(KilnError) -> Output {
    var returned: Output?
    do throws(KilnError) {
      return try run(repeat each input, returned: &returned)
    } catch {
      throw error.resolved(else: location)
    }
  }

  private func run(_ input: repeat each Input, returned: inout Output?) throws(KilnError) -> Output {
    var leafAxes: [Int?] = []
    var argument = 0
    for tree in repeat each input {
      var signature = Signature()
      signature.add(tree, "arg")
      let axis = argument < (axes?.count ?? .max) ? axes.map { $0[argument] } ?? 0 : nil
      leafAxes += signature.leaves.map { _ in axis }
      argument += 1
    }
    let isComplete = axes == nil || axes?.count == argument
    let (axes, argumentCount) = (axes, argument)
    var size = 0
    let closure = try TransformedClosure(
      location, body, at: repeat each input,
      examples: { (leaves: [TensorCore]) throws(KilnError) -> (size: Int, types: [TensorType]) in
        guard isComplete else {
          throw KilnError(
            "vmap.C7", "\(axes?.count ?? 0) axes are given for \(argumentCount) arguments", at: location)
        }
        let batch = try Batch(leaves, leafAxes, location)
        size = batch.size
        return (batch.size, batch.exampleTypes)
      }, visitOutput: output.visit, output: &returned)
    var function = closure
    let mapped = leafAxes.indices.filter { leafAxes[$0] != nil }
    for index in mapped { function.leaves[index] = closure.leaves[index].movingAxis(leafAxes[index] ?? 0, to: 0) }
    let derived = try closure.transformed { name, module throws(KilnError) in
      try Batching.vmap(of: name, in: module, size: size, over: mapped)
    }
    let results = try function.run(derived)
    var placed: [TensorCore] = []
    for result in results {
      let axis = outputAxis < 0 ? outputAxis + result.shape.rank : outputAxis
      guard result.shape.indices.contains(axis) else {
        throw KilnError(
          "vmap.C6", "the batch axis of a result cannot be axis \(outputAxis): the result is \(result.type)",
          at: location)
      }
      placed.append(result.movingAxis(0, to: axis))
    }
    return placed.replacingTensors(of: closure.output, by: output.visit)
  }
}

/// The batch axes of arguments, checked.
private struct Batch {
  let size: Int
  /// The types of the arguments of one example.
  let exampleTypes: [TensorType]

  init(_ leaves: [TensorCore], _ axes: [Int?], _ location: SourceLocation) throws(KilnError) {
    var size: Int?
    var types: [TensorType] = []
    for (leaf, axis) in zip(leaves, axes) {
      guard let axis else {
        types.append(leaf.type)
        continue
      }
      let place = leaf.axis(axis)
      guard leaf.shape.indices.contains(place) else {
        throw KilnError("vmap.C5", "an argument of type \(leaf.type) has no axis \(axis) to batch over", at: location)
      }
      let extent = leaf.shape.dimensions[place]
      if let size, size != extent {
        throw KilnError(
          "vmap.C4",
          "batched arguments have one number of examples; found \(size), and \(extent) along axis \(axis) of \(leaf.type)",
          at: location)
      }
      size = extent
      var shape = Array(leaf.shape)
      shape.remove(at: place)
      types.append(TensorType(leaf.dtype, Shape(shape)))
    }
    guard let size else {
      throw KilnError("vmap.C8", "no argument has a batch axis, so there is no number of examples", at: location)
    }
    (self.size, exampleTypes) = (size, types)
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

/// The function that does for every example of a batch what `f` does for one: write it for one example, run it on all, with no
/// loop.
///
/// ```swift
/// let distances = vmap({ x, y in (x - y).norm() }, axes: [0, nil])(points, origin)
/// ```
/// The result may be handed on to another thread or captured by a compiled closure, which is why `f` is `@Sendable`: it cannot
/// capture a `var`, but its value (`{ [w] x in … }`).
///
/// Each example has the bits that `f` itself gives; what no example changes is computed once. Transforms may stand inside
/// and outside: `vmap` of a gradient gives the gradient of every example.
///
/// - Parameters:
///   - axes: for each argument the axis of its tensors along which the examples lie, negative ones from the end; nil for an
///     argument that all examples share. Without it every argument has them along axis 0.
///   - outputAxis: the axis of the results along which the examples are to lie.
///
/// Arguments with different numbers of examples (`vmap.C4`), an axis that is not there (`vmap.C5`, `vmap.C6`), another number of
/// axes than arguments (`vmap.C7`), or none at all (`vmap.C8`) are diagnostics.
public func vmap<Output: TensorTree, Thrown: Error, each Input: TensorTree>(
  @ClosureBody _ f: @escaping @Sendable (repeat each Input) throws(Thrown) -> Output, axes: [Int?]? = nil,
  outputAxis: Int = 0, file: StaticString = #filePath, line: UInt = #line
) -> BatchedFunction<Output, Thrown, repeat each Input> {
  BatchedFunction(
    body: f, axes: axes, outputAxis: outputAxis, output: .tree(), location: SourceLocation(file, line))
}

/// `vmap` of a function with two results.
public func vmap<First: TensorTree, Second: TensorTree, Thrown: Error, each Input: TensorTree>(
  @ClosureBody _ f: @escaping @Sendable (repeat each Input) throws(Thrown) -> (First, Second), axes: [Int?]? = nil,
  outputAxis: Int = 0, file: StaticString = #filePath, line: UInt = #line
) -> BatchedFunction<(First, Second), Thrown, repeat each Input> {
  BatchedFunction(
    body: f, axes: axes, outputAxis: outputAxis, output: .pair(), location: SourceLocation(file, line))
}

/// `vmap` of a function with three results or more.
public func vmap<
  First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree, Thrown: Error, each Input: TensorTree
>(
  @ClosureBody _ f: @escaping @Sendable (repeat each Input) throws(Thrown) -> (First, Second, Third, repeat each Rest),
  axes: [Int?]? = nil,
  outputAxis: Int = 0, file: StaticString = #filePath, line: UInt = #line
) -> BatchedFunction<(First, Second, Third, repeat each Rest), Thrown, repeat each Input> {
  BatchedFunction(
    body: f, axes: axes, outputAxis: outputAxis, output: .trees(), location: SourceLocation(file, line))
}

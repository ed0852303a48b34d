public import KilnIR
import KilnPasses

/// A function whose derivative computes its inner values again; made by `checkpoint`.
public struct CheckpointedFunction<Output, Thrown: Error, each Input: TensorTree>: Sendable {
  fileprivate let body: @Sendable (repeat each Input) throws(Thrown) -> Output
  fileprivate let transform: ClosureTransform<Output>

  /// What the function gives.
  /// - Throws: what the function throws.
  public func callAsFunction(_ input: repeat each Input) throws(Thrown) -> Output {
    try transform.call(body, at: repeat each input, by: Self.results)
  }

  /// What the function gives.
  /// - Throws: every diagnostic of the function or of the run.
  public func run(_ input: repeat each Input) throws(KilnError) -> Output {
    try transform.run(body, at: repeat each input, by: Self.results)
  }

  private static func results(_ closure: TransformedClosure<Output>) throws(KilnError) -> [TensorCore] {
    var module = closure.module
    let name = try module.addCaller(
      of: closure.name, as: "checkpointed", by: .checkpoint(callee: closure.name, captured: closure.captures.count))
    return try closure.run((module, name))
  }
}

/// The function `f`, of which a derivative keeps the arguments only: in the backward pass everything inside is computed
/// again, when its cotangents are there. Memory for time: a chain of n checkpointed stages keeps n values instead of
/// all.
///
/// ```swift
/// let block = checkpoint { (x: Tensor<Float>, w: Tensor<Float>) in gelu(matmul(x, w)) }
/// ```
/// Values, derivatives and their bits stay what they are. Transforms go through it, and keep it: the gradient of every
/// example under `vmap` computes again too.
public func checkpoint<Output: TensorTree, Thrown: Error, each Input: TensorTree>(
  @ClosureBody _ f: @escaping @Sendable (repeat each Input) throws(Thrown) -> Output, file: StaticString = #filePath,
  line: UInt = #line
) -> CheckpointedFunction<Output, Thrown, repeat each Input> {
  CheckpointedFunction(body: f, transform: ClosureTransform(SourceLocation(file, line), .tree()))
}

/// `checkpoint` of a function with two results.
public func checkpoint<First: TensorTree, Second: TensorTree, Thrown: Error, each Input: TensorTree>(
  @ClosureBody _ f: @escaping @Sendable (repeat each Input) throws(Thrown) -> (First, Second),
  file: StaticString = #filePath,
  line: UInt = #line
) -> CheckpointedFunction<(First, Second), Thrown, repeat each Input> {
  CheckpointedFunction(body: f, transform: ClosureTransform(SourceLocation(file, line), .pair()))
}

/// `checkpoint` of a function with three results or more.
public func checkpoint<
  First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree, Thrown: Error, each Input: TensorTree
>(
  @ClosureBody _ f: @escaping @Sendable (repeat each Input) throws(Thrown) -> (First, Second, Third, repeat each Rest),
  file: StaticString = #filePath,
  line: UInt = #line
) -> CheckpointedFunction<(First, Second, Third, repeat each Rest), Thrown, repeat each Input> {
  CheckpointedFunction(body: f, transform: ClosureTransform(SourceLocation(file, line), .trees()))
}

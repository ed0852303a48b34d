public import KilnIR
import KilnPasses

/// What a pullback runs. Not inside of `Pullback`: Swift 6.3 crashes on types that are nested in one with a parameter
/// pack.
private struct PulledClosure<Output> {
  let closure: TransformedClosure<Output>
  let derived: (module: Module, name: String)
}

/// The derivative of a function at a point, waiting for cotangents; made by `vjp`.
public struct Pullback<Output, each Input: TensorTree> {
  fileprivate let pulled: Result<PulledClosure<Output>, KilnError>
  fileprivate let input: (repeat each Input)
  fileprivate let location: SourceLocation

  /// The product of `cotangent`, shaped as the function's value, with the Jacobian: trees like the arguments. The
  /// cotangent of a tensor that is not real is not looked at; the gradient of one is zero.
  ///
  /// A cotangent of another shape than the value is a diagnostic (`vjp.C1`).
  public func callAsFunction(_ cotangent: Output) -> (repeat each Input) {
    do throws(KilnError) {
      return try run(cotangent)
    } catch {
      return poisoned(repeat each input, by: error)
    }
  }

  /// The product of `cotangent` with the Jacobian.
  /// - Throws: `vjp.C1`, and every diagnostic of the function, of its differentiation, or of the run.
  public func run(_ cotangent: Output) throws(KilnError) -> (repeat each Input) {
    let pulled = try pulled.get()
    let closure = pulled.closure
    var collector = OutputVisitor()
    _ = closure.shape.visit(cotangent, &collector)
    if let failure = collector.failure { throw KilnError(failure) }
    var signature = Signature()
    signature.add(collector.cores.map { AnyTensor($0) }, "cotangent")
    let cotangents = try directions(signature, like: closure.resultTypes, "vjp.C1", "value", location)
    let results = try closure.run(pulled.derived, cotangents)
    return replacingTensors(of: repeat each input, by: filling(closure.leaves.map(\.type), with: results))
  }
}

extension PulledClosure: Sendable where Output: Sendable {}
extension Pullback: Sendable where Output: Sendable, repeat each Input: Sendable {}

/// The value of a function at `input`, and its derivative there as a function of cotangents.
///
/// ```swift
/// let (y, pullback) = vjp(at: x, w) { x, w in matmul(x, w) }
/// let (dx, dw) = pullback(cotangent)
/// ```
/// The pullback may be called any number of times. Inside a trace it is recorded and shares the forward values with the
/// value; eagerly each call of it computes them again and keeps nothing alive but the arguments. Arguments without a
/// real tensor are a diagnostic (`gradient.C3`).
public func vjp<Element: TensorElement, Scalar: TensorElement, Thrown: Error>(
  at x: Tensor<Element>, file: StaticString = #filePath, line: UInt = #line,
  of f: (Tensor<Element>) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> (value: Tensor<Scalar>, pullback: Pullback<Tensor<Scalar>, Tensor<Element>>) {
  try pulledOrPoison(SourceLocation(file, line), f, .tree(), at: x)
}

/// `vjp` of a function of any trees.
@_disfavoredOverload
public func vjp<each Input: TensorTree, Output: TensorTree, Thrown: Error>(
  at input: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody of f: (repeat each Input) throws(Thrown) -> Output
) throws(Thrown) -> (value: Output, pullback: Pullback<Output, repeat each Input>) {
  try pulledOrPoison(SourceLocation(file, line), f, .tree(), at: repeat each input)
}

/// `vjp` of a function with two results.
public func vjp<each Input: TensorTree, First: TensorTree, Second: TensorTree, Thrown: Error>(
  at input: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody of f: (repeat each Input) throws(Thrown) -> (First, Second)
) throws(Thrown) -> (value: (First, Second), pullback: Pullback<(First, Second), repeat each Input>) {
  try pulledOrPoison(SourceLocation(file, line), f, .pair(), at: repeat each input)
}

/// `vjp` of a function with three results or more.
public func vjp<
  each Input: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree, Thrown: Error
>(
  at input: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody of f: (repeat each Input) throws(Thrown) -> (First, Second, Third, repeat each Rest)
) throws(Thrown) -> (
  value: (First, Second, Third, repeat each Rest),
  pullback: Pullback<(First, Second, Third, repeat each Rest), repeat each Input>
) {
  try pulledOrPoison(SourceLocation(file, line), f, .trees(), at: repeat each input)
}

private func pulledOrPoison<each Input: TensorTree, Output, Thrown: Error>(
  _ location: SourceLocation, _ f: (repeat each Input) throws(Thrown) -> Output, _ shape: OutputShape<Output>,
  at input: repeat each Input
) throws(Thrown) -> (value: Output, pullback: Pullback<Output, repeat each Input>) {
  try ClosureTransform(location, shape).call(f, at: repeat each input) { closure throws(KilnError) in
    try requireReal(closure.leaves, location)
    let derived = try closure.transformed { name, module throws(KilnError) in
      let pull = try Differentiation.vjp(of: name, in: module, withRespectTo: closure.realLeaves)
      return try Differentiation.droppingResults(closure.resultTypes.count, of: pull.name, in: pull.module)
    }
    let value = try closure.run((closure.module, closure.name))
    let pulled = PulledClosure(closure: closure, derived: derived)
    return (
      closure.output(value), Pullback(pulled: .success(pulled), input: (repeat each input), location: location)
    )
  } poisoned: { output, error in
    (
      shape.poisoned(output, by: error),
      Pullback(pulled: .failure(error), input: (repeat each input), location: location)
    )
  }
}

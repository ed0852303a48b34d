public import KilnIR
import KilnPasses

/// What a pullback runs. Not inside of `Pullback`: Swift 6.3 crashes on types that are nested in one with a parameter pack.
private struct PullbackProgram<Output> {
  let closure: TransformedClosure<Output>
  let derived: (module: Module, name: String)
}

/// The derivative of a function at a point, waiting for cotangents; made by `vjp`.
public struct Pullback<Output, each Input: TensorTree> {
  private let program: Result<PullbackProgram<Output>, KilnError>
  private let input: (repeat each Input)
  private let visitOutput: @Sendable (Output, inout OutputVisitor) -> Output
  private let location: SourceLocation

  fileprivate init(
    _ program: Result<PullbackProgram<Output>, KilnError>, at input: (repeat each Input), _ location: SourceLocation,
    visitOutput: @escaping @Sendable (Output, inout OutputVisitor) -> Output
  ) {
    (self.program, self.input, self.location, self.visitOutput) = (program, input, location, visitOutput)
  }

  /// The product of `cotangent`, shaped as the function's value, with the Jacobian: trees like the arguments. The cotangent of
  /// a tensor that is not real is not looked at; the gradient of one is zero.
  ///
  /// A cotangent of another shape than the value is a diagnostic (`vjp.C1`).
  public func callAsFunction(_ cotangent: Output) -> (repeat each Input) {
    do throws(KilnError) {
      return try run(cotangent)
    } catch {
      let types = signature("arg", of: repeat each input).leaves.map(\.type)
      let poisons = Failure.poison(error, types.isEmpty ? [TensorType(.f32, .scalar)] : types)
      return replacingTensors(of: repeat each input, by: poisons)
    }
  }

  /// The product of `cotangent` with the Jacobian.
  /// - Throws: `vjp.C1`, and every diagnostic of the function, of its differentiation, or of the run.
  public func run(_ cotangent: Output) throws(KilnError) -> (repeat each Input) {
    let program = try program.get()
    let closure = program.closure
    var collector = OutputVisitor()
    _ = visitOutput(cotangent, &collector)
    if let failure = collector.failure { throw KilnError(failure) }
    var signature = Signature()
    signature.add(collector.cores.map { AnyTensor($0) }, "cotangent")
    let active = closure.resultTypes.indices.filter { closure.resultTypes[$0].dtype.isReal }
    let cotangents = try directions(signature, like: closure.resultTypes, active, "vjp.C1", "value", location)
    let results = try closure.run(program.derived, cotangents)
    var gradients = closure.leaves.map { TensorCore.zero($0.type) }
    for (index, gradient) in zip(closure.realLeaves, results) { gradients[index] = gradient }
    return replacingTensors(of: repeat each input, by: gradients)
  }
}

extension PullbackProgram: Sendable where Output: Sendable {}
extension Pullback: Sendable where Output: Sendable, repeat each Input: Sendable {}

/// The value of a function at `input`, and its derivative there as a function of cotangents.
///
/// ```swift
/// let (y, pullback) = vjp(at: x, w) { x, w in matmul(x, w) }
/// let (dx, dw) = pullback(cotangent)
/// ```
/// The pullback may be called any number of times. Inside a trace it is recorded and shares the forward values with the value;
/// eagerly each call of it computes them again and keeps nothing alive but the arguments. Arguments without a real tensor are a
/// diagnostic (`gradient.C3`).
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
  var returned: Output?
  do throws(KilnError) {
    let closure = try TransformedClosure(
      location, f, at: repeat each input, visitOutput: shape.visit, output: &returned)
    try requireReal(closure.leaves, location)
    let derived = try closure.transformed { name, module throws(KilnError) in
      let pull = try Differentiation.vjp(of: name, in: module, withRespectTo: closure.realLeaves)
      return try Differentiation.droppingResults(closure.resultTypes.count, of: pull.name, in: pull.module)
    }
    let value = try closure.run((closure.module, closure.name))
    return (
      value.replacingTensors(of: closure.output, by: shape.visit),
      Pullback(
        .success(PullbackProgram(closure: closure, derived: derived)), at: (repeat each input), location,
        visitOutput: shape.visit)
    )
  } catch {
    try error.rethrowCause(as: Thrown.self)
    return (
      shape.poisoned(returned, by: error),
      Pullback(.failure(error), at: (repeat each input), location, visitOutput: shape.visit)
    )
  }
}

public import KilnIR

/// The gradient of a scalar function, as a function; made by `gradient(of:)`.
public struct GradientFunction<Scalar: TensorReal, Thrown: Error, each Input: TensorTree>: Sendable {
  let function: ValueAndGradientFunction<Scalar, Thrown, repeat each Input>

  /// The gradient at `input`; see `gradient(at:of:)`.
  /// - Throws: what the function throws.
  public func callAsFunction(_ input: repeat each Input) throws(Thrown) -> (repeat each Input) {
    try function(repeat each input).gradient
  }

  /// The gradient at `input`.
  /// - Throws: every diagnostic of the trace, of the differentiation, or of the run.
  public func run(_ input: repeat each Input) throws(KilnError) -> (repeat each Input) {
    try function.run(repeat each input).gradient
  }
}

/// A scalar function with its gradient, as a function; made by `valueAndGradient(of:)`.
public struct ValueAndGradientFunction<Scalar: TensorReal, Thrown: Error, each Input: TensorTree>: Sendable {
  let body: @Sendable (repeat each Input) throws(Thrown) -> Tensor<Scalar>
  let location: SourceLocation

  /// The value and the gradient at `input`; see `valueAndGradient(at:of:)`.
  /// - Throws: what the function throws.
  public func callAsFunction(
    _ input: repeat each Input
  ) throws(Thrown) -> (value: Tensor<Scalar>, gradient: (repeat each Input)) {
    try differentiatedOrPoison(location, body, at: repeat each input)
  }

  /// The value and the gradient at `input`.
  /// - Throws: every diagnostic of the trace, of the differentiation, or of the run.
  public func run(
    _ input: repeat each Input
  ) throws(KilnError) -> (value: Tensor<Scalar>, gradient: (repeat each Input)) {
    try scalarTransform(location).run(body, at: repeat each input) { closure throws(KilnError) in
      try differentiated(closure, at: repeat each input)
    }
  }
}

/// The function that gives the gradient of `f` at its arguments; see `gradient(at:of:)`.
///
/// The function may be handed on to another thread or captured by a compiled closure, which is why `f` is `@Sendable`.
public func gradient<Scalar: TensorReal, Thrown: Error, each Input: TensorTree>(
  @TensorBody of f: @escaping @Sendable (repeat each Input) throws(Thrown) -> Tensor<Scalar>,
  file: StaticString = #filePath, line: UInt = #line
) -> GradientFunction<Scalar, Thrown, repeat each Input> {
  GradientFunction(function: valueAndGradient(of: f, file: file, line: line))
}

/// The function that gives the value of `f` and its gradient at its arguments; see `valueAndGradient(at:of:)`.
public func valueAndGradient<Scalar: TensorReal, Thrown: Error, each Input: TensorTree>(
  @TensorBody of f: @escaping @Sendable (repeat each Input) throws(Thrown) -> Tensor<Scalar>,
  file: StaticString = #filePath, line: UInt = #line
) -> ValueAndGradientFunction<Scalar, Thrown, repeat each Input> {
  ValueAndGradientFunction(body: f, location: SourceLocation(file, line))
}

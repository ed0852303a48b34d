public import KilnIR

/// The gradient of a scalar function, as a function; made by `gradient(of:)`.
public struct GradientFunction<Scalar: TensorReal, each Input: TensorTree> {
  let function: ValueAndGradientFunction<Scalar, repeat each Input>

  /// The gradient at `input`; see `gradient(at:of:)`.
  public func callAsFunction(_ input: repeat each Input) -> (repeat each Input) { function(repeat each input).gradient }

  /// The gradient at `input`.
  /// - Throws: every diagnostic of the trace, of the differentiation, or of the run.
  public func run(_ input: repeat each Input) throws(KilnError) -> (repeat each Input) {
    try function.run(repeat each input).gradient
  }
}

/// A scalar function with its gradient, as a function; made by `valueAndGradient(of:)`.
public struct ValueAndGradientFunction<Scalar: TensorReal, each Input: TensorTree> {
  let body: (repeat each Input) -> Tensor<Scalar>
  let location: SourceLocation

  /// The value and the gradient at `input`; see `valueAndGradient(at:of:)`.
  public func callAsFunction(_ input: repeat each Input) -> (value: Tensor<Scalar>, gradient: (repeat each Input)) {
    differentiatedOrPoison(location, body, at: repeat each input)
  }

  /// The value and the gradient at `input`.
  /// - Throws: every diagnostic of the trace, of the differentiation, or of the run.
  public func run(
    _ input: repeat each Input
  ) throws(KilnError) -> (value: Tensor<Scalar>, gradient: (repeat each Input)) {
    do {
      return try differentiated(location, body, at: repeat each input)
    } catch {
      throw error.resolved(else: location)
    }
  }
}

/// The function that gives the gradient of `f` at its arguments; see `gradient(at:of:)`.
public func gradient<Scalar: TensorReal, each Input: TensorTree>(
  of f: @escaping (repeat each Input) -> Tensor<Scalar>, file: StaticString = #filePath, line: UInt = #line
) -> GradientFunction<Scalar, repeat each Input> {
  GradientFunction(function: valueAndGradient(of: f, file: file, line: line))
}

/// The function that gives the value of `f` and its gradient at its arguments; see `valueAndGradient(at:of:)`.
public func valueAndGradient<Scalar: TensorReal, each Input: TensorTree>(
  of f: @escaping (repeat each Input) -> Tensor<Scalar>, file: StaticString = #filePath, line: UInt = #line
) -> ValueAndGradientFunction<Scalar, repeat each Input> {
  ValueAndGradientFunction(body: f, location: SourceLocation(file, line))
}

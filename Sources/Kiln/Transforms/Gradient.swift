import KilnIR
import KilnPasses

// Of one and of two tensors the functions are written out: the compiler checks a formula in `f` at once where it sees
// that it is of tensors, also after a `return` (Documentation/Decisions/0001).

/// The gradient of a scalar function at `input`: trees like the arguments, with the derivative of the result by each
/// tensor in its place. The derivative by a tensor that is not real, or that the result does not depend on, is zero;
/// where no tensor of the arguments is real there is nothing to take, a diagnostic (`gradient.C3`).
///
/// ```swift
/// let (da, db) = gradient(at: a, b) { a, b in (a * b).sum() }
/// ```
/// The closure runs at every call and may capture anything; what it throws is thrown on. Inside a trace the gradient is
/// recorded, and may be differentiated again.
public func gradient<Element: TensorReal, Scalar: TensorReal, Thrown: Error>(
  at x: Tensor<Element>, file: StaticString = #filePath, line: UInt = #line,
  of f: (Tensor<Element>) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> Tensor<Element> {
  try differentiatedOrPoison(SourceLocation(file, line), f, at: x).gradient
}

/// The gradient of a scalar function of two tensors; see `gradient(at:of:)` of one.
public func gradient<First: TensorReal, Second: TensorReal, Scalar: TensorReal, Thrown: Error>(
  at x: Tensor<First>, _ y: Tensor<Second>, file: StaticString = #filePath, line: UInt = #line,
  of f: (Tensor<First>, Tensor<Second>) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> (Tensor<First>, Tensor<Second>) {
  try differentiatedOrPoison(SourceLocation(file, line), f, at: x, y).gradient
}

/// The gradient of a scalar function of any trees; see `gradient(at:of:)` of a tensor.
@_disfavoredOverload
public func gradient<each Input: TensorTree, Scalar: TensorReal, Thrown: Error>(
  at input: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @TensorBody of f: (repeat each Input) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> (repeat each Input) {
  try differentiatedOrPoison(SourceLocation(file, line), f, at: repeat each input).gradient
}

/// The value of a scalar function at `x`, and its gradient; see `gradient(at:of:)`.
public func valueAndGradient<Element: TensorReal, Scalar: TensorReal, Thrown: Error>(
  at x: Tensor<Element>, file: StaticString = #filePath, line: UInt = #line,
  of f: (Tensor<Element>) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> (value: Tensor<Scalar>, gradient: Tensor<Element>) {
  try differentiatedOrPoison(SourceLocation(file, line), f, at: x)
}

/// The value of a scalar function of two tensors, and its gradient; see `gradient(at:of:)`.
public func valueAndGradient<First: TensorReal, Second: TensorReal, Scalar: TensorReal, Thrown: Error>(
  at x: Tensor<First>, _ y: Tensor<Second>, file: StaticString = #filePath, line: UInt = #line,
  of f: (Tensor<First>, Tensor<Second>) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> (value: Tensor<Scalar>, gradient: (Tensor<First>, Tensor<Second>)) {
  try differentiatedOrPoison(SourceLocation(file, line), f, at: x, y)
}

/// The value of a scalar function of any trees, and its gradient; see `gradient(at:of:)`.
@_disfavoredOverload
public func valueAndGradient<each Input: TensorTree, Scalar: TensorReal, Thrown: Error>(
  at input: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @TensorBody of f: (repeat each Input) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> (value: Tensor<Scalar>, gradient: (repeat each Input)) {
  try differentiatedOrPoison(SourceLocation(file, line), f, at: repeat each input)
}

/// The function that gives the value of a scalar one and its gradient.
func scalarTransform<Scalar: TensorReal>(_ location: SourceLocation) -> ClosureTransform<Tensor<Scalar>> {
  var transform = ClosureTransform<Tensor<Scalar>>(location, .tree(), named: "loss")
  transform.check = { signature throws(KilnError) in
    if let failure = signature.failure { throw KilnError(failure) }
    try requireReal(signature.leaves, location)
  }
  return transform
}

/// The value at `input`, and the gradient.
func differentiated<each Input: TensorTree, Scalar: TensorReal>(
  _ closure: TransformedClosure<Tensor<Scalar>>, at input: repeat each Input
) throws(KilnError) -> (value: Tensor<Scalar>, gradient: (repeat each Input)) {
  let results = try closure.run(closure.differentiated(Differentiation.valueAndGradient))
  let gradients = filling(closure.leaves.map(\.type), with: results.dropFirst())
  return (Tensor(core: results[0]), replacingTensors(of: repeat each input, by: gradients))
}

/// The value of `f` at `input`, and its gradient; if it fails, its diagnostics are noted (or stop the program) and
/// poisoned tensors come back.
/// - Throws: what `f` throws.
func differentiatedOrPoison<each Input: TensorTree, Scalar: TensorReal, Thrown: Error>(
  _ location: SourceLocation, _ f: (repeat each Input) throws(Thrown) -> Tensor<Scalar>, at input: repeat each Input
) throws(Thrown) -> (value: Tensor<Scalar>, gradient: (repeat each Input)) {
  try scalarTransform(location).call(f, at: repeat each input) { closure throws(KilnError) in
    try differentiated(closure, at: repeat each input)
  } poisoned: { _, error in
    (
      Tensor(core: Failure.poison(error, [TensorType(Scalar.dtype, .scalar)])[0]),
      poisoned(repeat each input, by: error)
    )
  }
}

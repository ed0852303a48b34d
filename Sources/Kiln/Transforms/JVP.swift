import KilnIR
import KilnPasses

/// The value of a function at `input` and its derivative along `tangent`: the product of the Jacobian with the tangent,
/// made in one pass forward, without the Jacobian.
///
/// ```swift
/// let (value, slope) = jvp(at: x, along: v) { x in sin(x) * x }
/// ```
/// `tangent` is shaped as the input; the tangent of a tensor that is not real is not looked at. `slope` is shaped as
/// the value; where that is not real, or does not depend on the input, it is zero. The closure runs at every call and
/// may capture anything; what it throws is thrown on. Inside a trace the derivative is recorded, and may be
/// differentiated or batched again.
///
/// A tangent of another shape than its input is a diagnostic (`jvp.C1`).
public func jvp<Element: TensorElement, Scalar: TensorElement, Thrown: Error>(
  at x: Tensor<Element>, along tangent: Tensor<Element>, file: StaticString = #filePath, line: UInt = #line,
  of f: (Tensor<Element>) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> (value: Tensor<Scalar>, tangent: Tensor<Scalar>) {
  try pushedOrPoison(SourceLocation(file, line), f, .tree(), at: x, along: signature("tangent", of: tangent))
}

/// `jvp` of a function of any trees.
@_disfavoredOverload
public func jvp<each Input: TensorTree, Output: TensorTree, Thrown: Error>(
  at input: repeat each Input, along tangent: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody of f: (repeat each Input) throws(Thrown) -> Output
) throws(Thrown) -> (value: Output, tangent: Output) {
  try pushedOrPoison(
    SourceLocation(file, line), f, .tree(), at: repeat each input, along: signature("tangent", of: repeat each tangent))
}

/// `jvp` of a function with two results.
public func jvp<each Input: TensorTree, First: TensorTree, Second: TensorTree, Thrown: Error>(
  at input: repeat each Input, along tangent: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody of f: (repeat each Input) throws(Thrown) -> (First, Second)
) throws(Thrown) -> (value: (First, Second), tangent: (First, Second)) {
  try pushedOrPoison(
    SourceLocation(file, line), f, .pair(), at: repeat each input, along: signature("tangent", of: repeat each tangent))
}

/// `jvp` of a function with three results or more.
public func jvp<
  each Input: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree, Thrown: Error
>(
  at input: repeat each Input, along tangent: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody of f: (repeat each Input) throws(Thrown) -> (First, Second, Third, repeat each Rest)
) throws(Thrown) -> (value: (First, Second, Third, repeat each Rest), tangent: (First, Second, Third, repeat each Rest))
{
  try pushedOrPoison(
    SourceLocation(file, line), f, .trees(), at: repeat each input, along: signature("tangent", of: repeat each tangent)
  )
}

private func pushedOrPoison<each Input: TensorTree, Output, Thrown: Error>(
  _ location: SourceLocation, _ f: (repeat each Input) throws(Thrown) -> Output, _ shape: OutputShape<Output>,
  at input: repeat each Input, along tangent: Signature
) throws(Thrown) -> (value: Output, tangent: Output) {
  try ClosureTransform(location, shape).call(f, at: repeat each input) { closure throws(KilnError) in
    let tangents = try directions(tangent, like: closure.leaves.map(\.type), "jvp.C1", "input", location)
    let results = try closure.run(closure.differentiated(Differentiation.jvp), tangents)
    let types = closure.resultTypes
    return (
      closure.output(Array(results.prefix(types.count))),
      closure.output(filling(types, with: results.dropFirst(types.count)))
    )
  } poisoned: { output, error in
    let poisoned = shape.poisoned(output, by: error)
    return (poisoned, poisoned)
  }
}

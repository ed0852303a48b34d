import KilnIR
import KilnPasses

/// How a Jacobian is made.
public enum JacobianMode: Hashable, Sendable, CaseIterable {
  /// Every direction of the arguments is pushed forward, all at once: cheaper where there are fewer inputs than
  /// outputs.
  case forward
  /// Every direction of the value is pulled back, all at once: cheaper where there are fewer outputs than inputs.
  case reverse
}

/// The derivatives of every element of a function's value by every element of its arguments: trees like the arguments,
/// in which a tensor of shape [p…] becomes one of shape [r…, p…] for a value of shape [r…].
///
/// ```swift
/// let j = jacobian(at: x) { x in matmul(w, x) }     // [rows of w, elements of x]
/// ```
/// Both modes are one batched program, not a loop. Without `mode` the cheaper one is taken, by the numbers of elements.
/// The derivative by a tensor that is not real is zero; without a real one it is an error (`gradient.C3`).
public func jacobian<Element: TensorElement, Scalar: TensorReal, Thrown: Error>(
  at x: Tensor<Element>, mode: JacobianMode? = nil, file: StaticString = #filePath, line: UInt = #line,
  of f: (Tensor<Element>) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> Tensor<Element> { try jacobian(SourceLocation(file, line), f, mode, at: x) }

/// The derivatives of every element of a function's value by every element of any trees; see `jacobian(at:mode:of:)` of
/// a tensor.
@_disfavoredOverload
public func jacobian<each Input: TensorTree, Scalar: TensorReal, Thrown: Error>(
  at input: repeat each Input, mode: JacobianMode? = nil, file: StaticString = #filePath, line: UInt = #line,
  @TensorBody of f: (repeat each Input) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> (repeat each Input) {
  try jacobian(SourceLocation(file, line), f, mode, at: repeat each input)
}

private func jacobian<each Input: TensorTree, Scalar: TensorReal, Thrown: Error>(
  _ location: SourceLocation, _ f: (repeat each Input) throws(Thrown) -> Tensor<Scalar>, _ mode: JacobianMode?,
  at input: repeat each Input
) throws(Thrown) -> (repeat each Input) {
  try derivatives(location, f, at: repeat each input) { closure throws(KilnError) in
    let real = closure.realLeaves
    let inputs = real.reduce(0) { $0 + closure.leaves[$1].shape.size }
    let outputs = closure.resultTypes.reduce(0) { $0 + $1.shape.size }
    // The modes differ in bits: where calls decide which is cheaper, the one that is traced does for all.
    let isReverse =
      mode.map { $0 == .reverse } ?? Dimension.isAtLeast(inputs, outputs) ?? (inputs.staticSize >= outputs.staticSize)
    let derived = try closure.transformed { name, module throws(KilnError) in
      try Differentiation.jacobian(
        of: name, in: module, withRespectTo: real, mode: isReverse ? .reverse : .forward)
    }
    return try closure.run(derived)
  } zero: { closure, leaf in
    TensorType(leaf.dtype, Shape(Array(closure.resultTypes[0].shape) + Array(leaf.shape)))
  }
}

/// The second derivatives of a scalar function: for `x` of shape [p…] a tensor of shape [p…, p…], forward over reverse,
/// in one batched program.
///
/// A function whose value is not a real scalar is a diagnostic (`gradient.C2`).
public func hessian<Scalar: TensorReal, Value: TensorReal, Thrown: Error>(
  at x: Tensor<Scalar>, file: StaticString = #filePath, line: UInt = #line,
  of f: (Tensor<Scalar>) throws(Thrown) -> Tensor<Value>
) throws(Thrown) -> Tensor<Scalar> {
  try derivatives(SourceLocation(file, line), f, at: x) { closure throws(KilnError) in
    try closure.run(closure.differentiated(Differentiation.hessian))
  } zero: { _, leaf in
    TensorType(leaf.dtype, Shape(Array(leaf.shape) + Array(leaf.shape)))
  }
}

/// The product of the Hessian of a scalar function with `tangent`, shaped as the arguments: the derivative of the
/// gradient along it, at a small multiple of the gradient's cost and without the Hessian.
///
/// A tangent of another shape than its argument is a diagnostic (`jvp.C1`), as is a value that is not a real scalar
/// (`gradient.C2`). The tangent of a tensor that is not real is not looked at; the product for one is zero.
public func hessianVectorProduct<each Input: TensorTree, Scalar: TensorReal, Thrown: Error>(
  at input: repeat each Input, along tangent: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @TensorBody of f: (repeat each Input) throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> (repeat each Input) {
  let location = SourceLocation(file, line)
  let along = signature("tangent", of: repeat each tangent)
  return try derivatives(location, f, at: repeat each input) { closure throws(KilnError) in
    let tangents = try directions(along, like: closure.leaves.map(\.type), "jvp.C1", "input", location)
    return try closure.run(closure.differentiated(Differentiation.hessianVectorProduct), tangents)
  } zero: { _, leaf in
    leaf
  }
}

/// Trees like the arguments, with one derivative instead of each real tensor and zeros, of the type that `zero` gives,
/// instead of the others.
private func derivatives<each Input: TensorTree, Scalar: TensorReal, Thrown: Error>(
  _ location: SourceLocation, _ f: (repeat each Input) throws(Thrown) -> Tensor<Scalar>, at input: repeat each Input,
  derive: (TransformedClosure<Tensor<Scalar>>) throws(KilnError) -> [TensorCore],
  zero: (TransformedClosure<Tensor<Scalar>>, TensorType) -> TensorType
) throws(Thrown) -> (repeat each Input) {
  try ClosureTransform(location, .tree()).call(f, at: repeat each input) { closure throws(KilnError) in
    try requireReal(closure.leaves, location)
    let types = closure.leaves.map(\.type)
    let derivatives = filling(types, with: try derive(closure)) { zero(closure, $0) }
    return replacingTensors(of: repeat each input, by: derivatives)
  } poisoned: { _, error in
    poisoned(repeat each input, by: error)
  }
}

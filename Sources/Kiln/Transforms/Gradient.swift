import KilnIR
import KilnPasses

// Of one and of two tensors the functions are written out: the compiler checks a formula in `f` at once where it sees that it is
// of tensors, also after a `return` (Documentation/Decisions/0001).

/// The gradient of a scalar function at `input`: trees like the arguments, with the derivative of the result by each
/// tensor in its place. The derivative by a tensor that is not real, or that the result does not depend on, is zero; where no
/// tensor of the arguments is real there is nothing to take, a diagnostic (`gradient.C3`).
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

/// Traces the function, differentiates its module, and runs the result or records a call of it.
func differentiated<each Input: TensorTree, Scalar: TensorReal, Thrown: Error>(
  _ location: SourceLocation, _ f: (repeat each Input) throws(Thrown) -> Tensor<Scalar>, at input: repeat each Input
) throws(KilnError) -> (value: Tensor<Scalar>, gradient: (repeat each Input)) {
  var signature = Signature()
  for tree in repeat each input { signature.add(tree, "arg") }
  let (value, gradients) = try differentiatedCores(signature, location) { binder throws(KilnError) in
    func bind<Tree: TensorTree>(_ tree: Tree, _ index: inout Int) -> Tree {
      defer { index += 1 }
      return binder.bind(tree, "arg\(index)")
    }
    var index = 0
    let arguments = (repeat bind(each input, &index))
    return try KilnError.catching(at: location) { () throws(Thrown) in try f(repeat each arguments) }.core
  }
  return (Tensor(core: value), replacingTensors(of: repeat each input, by: gradients))
}

/// The untyped work: `trace` binds the inputs, runs the function and gives its result.
private func differentiatedCores(
  _ signature: Signature, _ location: SourceLocation, _ trace: (inout InputBinder) throws(KilnError) -> TensorCore
) throws(KilnError) -> (value: TensorCore, gradients: [TensorCore]) {
  let leaves = signature.leaves
  let active = leaves.indices.filter { leaves[$0].dtype.isReal }
  if let failure = signature.failure { throw KilnError(failure) }
  try requireReal(leaves, location)
  let outer = Trace.current
  let traced = try Trace("loss", at: location).recording { binder throws(KilnError) in
    let result = try trace(&binder)
    return (output: result.type, results: [result])
  }
  let derived: (module: Module, name: String)
  do {
    derived = try Differentiation.valueAndGradient(
      of: traced.recorded.function.name, in: try traced.recorded.module(), withRespectTo: active)
  } catch {
    throw error.resolved(else: location)
  }
  let results: [TensorCore]
  if let outer {
    results = outer.call(
      derived.name, in: derived.module, leaves, captures: traced.recorded.captures,
      resultTypes: [traced.output] + active.map { leaves[$0].type })
  } else {
    results = try Programs.run(derived.module, derived.name, leaves, traced.recorded.captures)
  }
  var gradients = leaves
  for index in leaves.indices where !leaves[index].dtype.isReal {
    gradients[index] = .constant(Literal(splat: .zero(leaves[index].dtype), shape: leaves[index].shape))
  }
  for (index, result) in zip(active, results.dropFirst()) { gradients[index] = result }
  return (results[0], gradients)
}

/// `differentiated`; if it fails, its diagnostics are noted (or stop the program) and poisoned tensors come back.
/// - Throws: what `f` throws.
func differentiatedOrPoison<each Input: TensorTree, Scalar: TensorReal, Thrown: Error>(
  _ location: SourceLocation, _ f: (repeat each Input) throws(Thrown) -> Tensor<Scalar>, at input: repeat each Input
) throws(Thrown) -> (value: Tensor<Scalar>, gradient: (repeat each Input)) {
  do throws(KilnError) {
    return try differentiated(location, f, at: repeat each input)
  } catch {
    try error.rethrowCause(as: Thrown.self)
    var signature = Signature()
    for tree in repeat each input { signature.add(tree, "arg") }
    let poisons = Failure.poison(error, [TensorType(Scalar.dtype, .scalar)] + signature.leaves.map(\.type))
    return (
      Tensor(core: poisons[0]), replacingTensors(of: repeat each input, by: Array(poisons.dropFirst()))
    )
  }
}

/// - Throws: `gradient.C3` where there are tensors to differentiate by, none of which is real.
func requireReal(_ leaves: [TensorCore], _ location: SourceLocation) throws(KilnError) {
  guard let first = leaves.first, !leaves.contains(where: \.dtype.isReal) else { return }
  let found = leaves.count == 1 ? "\(first.type)" : "\(leaves.count) tensors, the first \(first.type)"
  throw KilnError(
    "gradient.C3", "a derivative is taken with respect to real tensors; the arguments have none, found \(found)",
    at: location, notes: ["convert them, for example with converted(to: Float.self)"])
}

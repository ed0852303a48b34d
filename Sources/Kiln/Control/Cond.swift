import KilnIR

/// The result of one of two closures: of the first where `predicate` is true, else of the second. Only that one runs.
///
/// ```swift
/// let y = cond(x.sum() .> 0) { sqrt(x) } else: { -x }
/// ```
/// Inside a trace both closures are recorded, and the choice is made when the program runs. Outside of one, too, each
/// closure is traced once at every call; tensors that it uses from outside are inputs. Both give trees of the same
/// structure, with tensors of the same types. A choice by a Swift `Bool` is an `if`.
///
/// - Parameter predicate: A scalar.
/// - Throws: What the closures throw.
/// - Returns: The tree that the closures give. A wrong predicate, or closures that give different types, are
///   diagnostics (`cond.C1`, `cond.C4`), which name the tensor.
public func cond<Scalar, Thrown: Error>(
  _ predicate: Tensor<Bool>, file: StaticString = #filePath, line: UInt = #line,
  then: () throws(Thrown) -> Tensor<Scalar>, else otherwise: () throws(Thrown) -> Tensor<Scalar>
) throws(Thrown) -> Tensor<Scalar> { try chosen(predicate, SourceLocation(file, line), then, otherwise) }

/// `cond` for closures that give a tree.
@_disfavoredOverload
public func cond<Output: TensorTree, Thrown: Error>(
  _ predicate: Tensor<Bool>, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody then: () throws(Thrown) -> Output, @ClosureBody else otherwise: () throws(Thrown) -> Output
) throws(Thrown) -> Output { try chosen(predicate, SourceLocation(file, line), then, otherwise) }

/// `cond` for closures that give two trees.
public func cond<First: TensorTree, Second: TensorTree, Thrown: Error>(
  _ predicate: Tensor<Bool>, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody then: () throws(Thrown) -> (First, Second),
  @ClosureBody else otherwise: () throws(Thrown) -> (First, Second)
) throws(Thrown) -> (First, Second) {
  try chosenSeveral(predicate, SourceLocation(file, line), then, otherwise)
}

/// `cond` for closures that give three trees or more.
public func cond<First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree, Thrown: Error>(
  _ predicate: Tensor<Bool>, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody then: () throws(Thrown) -> (First, Second, Third, repeat each Rest),
  @ClosureBody else otherwise: () throws(Thrown) -> (First, Second, Third, repeat each Rest)
) throws(Thrown) -> (First, Second, Third, repeat each Rest) {
  try chosenSeveral(predicate, SourceLocation(file, line), then, otherwise)
}

private func chosenSeveral<each Output: TensorTree, Thrown: Error>(
  _ predicate: Tensor<Bool>, _ location: SourceLocation, _ then: () throws(Thrown) -> (repeat each Output),
  _ otherwise: () throws(Thrown) -> (repeat each Output)
) throws(Thrown) -> (repeat each Output) {
  let result: Several<repeat each Output> = try chosen(
    predicate, location, { () throws(Thrown) in try Several.result(of: then) },
    { () throws(Thrown) in try Several.result(of: otherwise) })
  return result.trees
}

private func chosen<Output: TensorTree, Thrown: Error>(
  _ predicate: Tensor<Bool>, _ location: SourceLocation, _ then: () throws(Thrown) -> Output,
  _ otherwise: () throws(Thrown) -> Output
) throws(Thrown) -> Output {
  let first = try TracedRegion("then", at: location) { _ throws(Thrown) in try then() }
  let second = try TracedRegion("else", at: location) { _ throws(Thrown) in try otherwise() }
  do throws(KilnError) {
    return first.output.replacingTensors(by: try chosen(predicate, first, second, location))
  } catch {
    let error = error.resolved(else: location)
    return first.output.replacingTensors(by: Failure.poison(error, first.types))
  }
}

private func chosen<Output>(
  _ predicate: Tensor<Bool>, _ first: TracedRegion<Output>, _ second: TracedRegion<Output>, _ location: SourceLocation
) throws(KilnError) -> [TensorCore] {
  var signature = Signature()
  signature.add(predicate, "predicate")
  if let failure = signature.failure { throw KilnError(failure) }
  let functions = [try first.function.get(), try second.function.get()]
  guard predicate.shape == .scalar else {
    throw KilnError("cond.C1", "the predicate of cond is bool[], found \(predicate.type)", at: location)
  }
  if let difference = first.signature.firstDifference(from: second.signature) {
    throw KilnError(
      "cond.C4",
      "both branches give the same types; \(difference.name) is \(difference.old) in the first, \(difference.new) in the "
        + "second", at: location)
  }
  return try ControlEmission.emit(functions, parameterCount: 0, [predicate.core]) { names, _ in
    .cond(then: names[0], else: names[1])
  }
}

import KilnIR
import KilnPasses

/// How a closure is transformed that every call traces anew: what `vmap`, `checkpoint`, `withDerivative` and all
/// derivatives share.
struct ClosureTransform<Output>: Sendable {
  let location: SourceLocation
  let shape: OutputShape<Output>
  /// The name of the traced function.
  var name = "main"
  /// Looks at the arguments before the closure runs. Other faults are looked for after it, when it is known what its
  /// result looks like, so that a poisoned one can stand in for it.
  var check: (@Sendable (Signature) throws(KilnError) -> Void)?
  /// For a batch, the number of examples and the types of the tensors of one, in order.
  var examples: (@Sendable (Signature) throws(KilnError) -> (size: Dimension, types: [TensorType]))?

  init(_ location: SourceLocation, _ shape: OutputShape<Output>, named name: String = "main") {
    (self.location, self.shape, self.name) = (location, shape, name)
  }

  /// What `transform` makes of `f`, traced at `input`.
  /// - Throws: what `f` throws. Any other failure is noted, or stops the program: the result is then `poisoned`, which
  ///   gets what `f` returned.
  func call<Result, Thrown: Error, each Input: TensorTree>(
    _ f: (repeat each Input) throws(Thrown) -> Output, at input: repeat each Input,
    by transform: (TransformedClosure<Output>) throws(KilnError) -> Result, poisoned: (Output?, KilnError) -> Result
  ) throws(Thrown) -> Result {
    var returned: Output?
    do throws(KilnError) {
      return try transform(traced(f, at: repeat each input, output: &returned))
    } catch {
      try error.rethrowCause(as: Thrown.self)
      return poisoned(returned, error)
    }
  }

  /// `call` of a transform that gives a result like the closure's.
  func call<Thrown: Error, each Input: TensorTree>(
    _ f: (repeat each Input) throws(Thrown) -> Output, at input: repeat each Input,
    by transform: (TransformedClosure<Output>) throws(KilnError) -> [TensorCore]
  ) throws(Thrown) -> Output {
    try call(f, at: repeat each input) { closure throws(KilnError) in
      closure.output(try transform(closure))
    } poisoned: {
      shape.poisoned($0, by: $1)
    }
  }

  /// What `transform` makes of `f`, traced at `input`.
  /// - Throws: every diagnostic of the trace and of `transform`, at a line of the user's.
  func run<Result, Thrown: Error, each Input: TensorTree>(
    _ f: (repeat each Input) throws(Thrown) -> Output, at input: repeat each Input,
    by transform: (TransformedClosure<Output>) throws(KilnError) -> Result
  ) throws(KilnError) -> Result {
    var returned: Output?
    do throws(KilnError) {
      return try transform(traced(f, at: repeat each input, output: &returned))
    } catch {
      throw error.resolved(else: location)
    }
  }

  /// `run` of a transform that gives a result like the closure's.
  func run<Thrown: Error, each Input: TensorTree>(
    _ f: (repeat each Input) throws(Thrown) -> Output, at input: repeat each Input,
    by transform: (TransformedClosure<Output>) throws(KilnError) -> [TensorCore]
  ) throws(KilnError) -> Output {
    try run(f, at: repeat each input) { closure throws(KilnError) in closure.output(try transform(closure)) }
  }

  /// Traces `f`.
  /// - Parameter returned: is given what `f` returned as soon as it has, also if tracing fails.
  /// - Throws: what tracing finds; what `f` throws is its cause.
  private func traced<each Input: TensorTree, Thrown: Error>(
    _ f: (repeat each Input) throws(Thrown) -> Output, at input: repeat each Input, output returned: inout Output?
  ) throws(KilnError) -> TransformedClosure<Output> {
    let signature = signature("arg", of: repeat each input)
    try check?(signature)
    var batch: (size: Dimension, types: [TensorType])?
    var mismatch: KilnError?
    do throws(KilnError) { batch = try examples?(signature) } catch { mismatch = error }
    let traced = try Trace(name, at: location, batchSize: batch?.size).recording { binder throws(KilnError) in
      binder.types = batch?.types[...] ?? []
      let arguments = binder.bindArguments(repeat each input)
      let output = try KilnError.catching(at: location) { () throws(Thrown) in try f(repeat each arguments) }
      returned = output
      if let mismatch { throw mismatch }
      if let failure = signature.failure { throw KilnError(failure) }
      return shape.taken(output)
    }
    return TransformedClosure(
      module: try traced.recorded.module(), name: traced.recorded.function.name, leaves: signature.leaves,
      leafNames: signature.leafNames, leafCounts: signature.leafCounts, batchSize: batch?.size ?? 0,
      output: traced.output, shape: shape, resultTypes: traced.recorded.function.resultTypes,
      captures: traced.recorded.captures, location: location)
  }
}

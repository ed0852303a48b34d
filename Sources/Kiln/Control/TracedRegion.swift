import KilnIR
import KilnPasses

/// The closure of a branch or a loop, traced as a function.
struct TracedRegion<Output: TensorTree> {
  /// The function, or why it could not be recorded.
  let function: Result<RecordedFunction, KilnError>
  /// What the closure gave. Its tensors mean nothing any more but for their types.
  let output: Output
  /// The types and names of the results.
  let signature: Signature

  /// - Parameter body: binds the parameters, runs the closure and gives its result.
  /// - Throws: what the closure throws.
  init<Thrown: Error>(
    _ name: String, at location: SourceLocation, _ body: (inout InputBinder) throws(Thrown) -> Output
  ) throws(Thrown) {
    var result: (output: Output, signature: Signature)?
    let trace = Trace(name, at: location)
    function = Result { () throws(KilnError) in
      try trace.recording { binder throws(KilnError) in
        let output = try KilnError.catching(at: location) { () throws(Thrown) in try body(&binder) }
        var signature = Signature()
        signature.add(output, "result")
        if let failure = signature.treeFailure { trace.note(failure) }
        result = (output, signature)
        return (output: (), results: signature.leaves)
      }.recorded
    }
    if result == nil, case .failure(let error) = function { try error.rethrowCause(as: Thrown.self) }
    guard let result else { preconditionFailure("a trace runs its closure") }
    (output, signature) = result
  }

  var types: [TensorType] { signature.leaves.map(\.type) }
}

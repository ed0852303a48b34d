import KilnIR

/// A closure over tensors made uniform: trees of any kind, single or in tuples, become a call on `Input` and `Output`.
///
/// The transforms share this: it traces the closure in a new trace and takes its results apart.
struct TracedClosure<Output> {
  let recorded: RecordedFunction
  /// The closure's result, whose tensors mean nothing any more.
  let output: Output
}

extension Trace {
  /// Runs `body` with this trace as the current one; it gets a binder that makes inputs, and gives its result and the
  /// tensors to return. Ends the trace.
  func recording<Output>(
    _ body: (inout InputBinder) throws(KilnError) -> (output: Output, results: [TensorCore])
  ) throws(KilnError) -> TracedClosure<Output> {
    var outcome: Result<(output: Output, results: [TensorCore]), KilnError>?
    Ambient.with(trace: self) {
      do throws(KilnError) {
        var binder = InputBinder(self)
        outcome = .success(try body(&binder))
      } catch {
        outcome = .failure(error)
      }
    }
    guard let outcome else { throw KilnError("trace.C4", "the closure did not run") }
    let (output, results) = try outcome.get()
    return TracedClosure(recorded: try finish(results), output: output)
  }

  /// Records a call of a function that was traced inside this trace or made of one that was.
  ///
  /// - Parameter extras: the operands behind those that the function captured.
  /// - Returns: the results, poisoned after a diagnostic.
  func call(
    _ name: String, in module: Module, _ arguments: [TensorCore], captures: [Capture], extras: [TensorCore] = []
  ) -> [TensorCore] {
    let operands = arguments + captures.map { $0.core(in: self) } + extras
    // Captured operands are known as such where they are the last.
    let op = ControlOp.call(callee: name, captured: extras.isEmpty ? captures.count : 0)
    return recordControl(op, in: module, operands) ?? (module[name]?.resultTypes ?? []).map { Failure.lastPoison($0) }
  }
}

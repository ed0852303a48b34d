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

  /// Records a call of a function that was traced inside this trace, with the tensors that it captured.
  /// - Returns: the results, poisoned after a diagnostic.
  func call(
    _ name: String, in module: Module, _ arguments: [TensorCore], captures: [Capture], resultTypes: [TensorType]
  ) -> [TensorCore] {
    let captured = captures.map { capture in
      switch capture {
      case .tensor(let core): core
      case .variable(let variable): read(variable)
      }
    }
    return recordCall(name, in: module, arguments + captured, captured: captured.count)
      ?? resultTypes.map { Failure.lastPoison($0) }
  }

  /// Notes the diagnostics of a closure that was traced inside this trace.
  func note(_ error: KilnError) { for diagnostic in error.diagnostics { note(diagnostic) } }
}

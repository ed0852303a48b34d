import KilnIR
import KilnRuntime

/// What happens when an operation cannot be done: inside a trace, or inside `withDiagnostics`, the diagnostic is noted
/// and a poisoned value goes on in its place, so that all errors are reported at once. Elsewhere the program stops.
enum Failure {
  /// Notes the diagnostic, or stops with it. `type` is the best guess at what the operation would have given.
  static func poison(_ diagnostic: Diagnostic, _ type: TensorType) -> TensorCore {
    if let trace = Trace.current {
      trace.note(diagnostic)
      return TensorCore(poisoned: diagnostic, type, noted: ObjectIdentifier(trace))
    }
    if let scope = DiagnosticScope.current {
      scope.note(diagnostic)
      return TensorCore(poisoned: diagnostic, type, noted: ObjectIdentifier(scope))
    }
    stop(KilnError([diagnostic]))
  }

  /// Notes all diagnostics of `error`, or stops with them. Gives poisoned tensors of `types`, at least one.
  static func poison(_ error: KilnError, _ types: [TensorType]) -> [TensorCore] {
    guard Trace.current != nil || DiagnosticScope.current != nil, let last = error.diagnostics.last else { stop(error) }
    for diagnostic in error.diagnostics.dropLast() { _ = poison(diagnostic, types[0]) }
    let first = poison(last, types[0])
    return [first] + types.dropFirst().map { poison(after: first, $0) }
  }

  static func poison(_ failure: ConstraintFailure, _ type: TensorType) -> TensorCore {
    poison(Diagnostic(failure.label, failure.message, at: CallSite.here()), type)
  }

  /// The result of an operation on a poisoned operand. Says the reason again only where nobody has heard it.
  static func poison(after operand: TensorCore, _ type: TensorType) -> TensorCore {
    let (diagnostic, noted) = operand.poison
    let here = Trace.current.map { ObjectIdentifier($0) } ?? DiagnosticScope.current.map { ObjectIdentifier($0) }
    if let here, here == noted || Trace.current?.isInside(noted) == true {
      return TensorCore(poisoned: diagnostic, type, noted: here)
    }
    var again = Diagnostic("tensor.invalid", "this tensor has no value", at: CallSite.here())
    again.notes = ["because: \(diagnostic.resolved)"]
    return poison(again, type)
  }

  /// The result of an operation on a traced tensor where its trace does not record. A trace that still records, in another
  /// thread, notes it; the program goes on.
  static func poison(strayed operand: TensorCore, _ type: TensorType) -> TensorCore {
    let diagnostic = Kiln.strayed(operand)
    guard let (trace, _) = operand.traced, !trace.isFinished else { return poison(diagnostic, type) }
    trace.note(diagnostic)
    return TensorCore(poisoned: diagnostic, type, noted: ObjectIdentifier(trace))
  }

  /// Writes the diagnostics and stops the program.
  static func stop(_ error: KilnError) -> Never {
    System.writeToStandardError(error.resolved().description + "\n")
    fatalError("stopped by the error above; `try f.run(…)` or `withDiagnostics { … }` throws it instead")
  }
}

extension Diagnostic {
  var resolved: Diagnostic {
    var result = self
    result.location = location.resolved()
    return result
  }
}

/// Collects the diagnostics of the eager operations inside `withDiagnostics`.
final class DiagnosticScope: Sendable {
  @TaskLocal static var current: DiagnosticScope?

  private let diagnostics = Lock<[Diagnostic]>([])

  func note(_ diagnostic: Diagnostic) { diagnostics.withLock { $0.append(diagnostic) } }
  var noted: [Diagnostic] { diagnostics.withLock { $0 } }
}

/// Runs `body`, in which an operation that cannot be done does not stop the program.
///
/// ```swift
/// let y = try withDiagnostics { matmul(a, b) + c }
/// ```
/// - Throws: `KilnError` with every diagnostic of the operations in `body`, when it has ended. Its result is dropped then.
public func withDiagnostics<Result>(_ body: () throws -> Result) throws -> Result {
  let scope = DiagnosticScope()
  let result = Swift.Result { try DiagnosticScope.$current.withValue(scope, operation: body) }
  let noted = scope.noted
  if !noted.isEmpty { throw KilnError(noted).resolved() }
  return try result.get()
}

import KilnIR
import KilnRuntime

/// What happens when an operation cannot be done: inside a trace, or inside `withDiagnostics`, the diagnostic is noted
/// and a poisoned value goes on in its place, so that all errors are reported at once. Elsewhere the program stops.
enum Failure {
  /// Notes the diagnostic, or stops with it. `type` is the best guess at what the operation would have given.
  static func poison(_ diagnostic: Diagnostic, _ type: TensorType) -> TensorCore {
    guard let listener = Listeners.current else { stop(KilnError([diagnostic])) }
    listener.note(diagnostic)
    return TensorCore(poisoned: diagnostic, type, noted: ObjectIdentifier(listener))
  }

  /// Notes all diagnostics of `error`, or stops with them. Gives poisoned tensors of `types`.
  static func poison(_ error: KilnError, _ types: [TensorType]) -> [TensorCore] {
    guard let listener = Listeners.current, let last = error.diagnostics.last else { stop(error) }
    for diagnostic in error.diagnostics { listener.note(diagnostic) }
    return types.map { TensorCore(poisoned: last, $0, noted: ObjectIdentifier(listener)) }
  }

  /// - Parameter operands: Those among them that are parameters of a trace are named in notes.
  static func poison(
    _ failure: ConstraintFailure, _ type: TensorType, operands: [TensorCore] = []
  ) -> TensorCore {
    let notes = parameters(among: operands)
    return poison(Diagnostic(failure.label, failure.message, at: CallSite.here(), notes: notes), type)
  }

  /// The result of an operation on a poisoned operand. Says the reason again only to a listener that has not heard it.
  static func poison(after operand: TensorCore, _ type: TensorType) -> TensorCore {
    let (diagnostic, noted) = operand.poison
    if let listener = Listeners.current, Listeners.haveHeard(noted) {
      return TensorCore(poisoned: diagnostic, type, noted: ObjectIdentifier(listener))
    }
    var again = Diagnostic("tensor.invalid", "this tensor has no value", at: CallSite.here())
    again.notes = ["because: \(diagnostic.resolved())"]
    return poison(again, type)
  }

  /// The result of an operation on a traced tensor where its trace does not record. A trace that still records, in
  /// another thread, notes it; the program goes on.
  static func poison(strayed operand: TensorCore, _ type: TensorType) -> TensorCore {
    let diagnostic = strayed(operand)
    guard let (trace, _) = operand.traced, !trace.isFinished else { return poison(diagnostic, type) }
    trace.note(diagnostic)
    return TensorCore(poisoned: diagnostic, type, noted: ObjectIdentifier(trace))
  }

  /// A traced tensor met where no trace records.
  static func strayed(_ operand: TensorCore) -> Diagnostic {
    guard let (trace, _) = operand.traced else { return Diagnostic("trace.C1", "no traced tensor") }
    if trace.isFinished {
      return Diagnostic(
        "trace.C1", "this tensor belongs to a trace that has ended; return it from the closure to have its value",
        at: CallSite.here(),
        notes: [
          "the closure was traced at \(trace.location.resolved())",
          "a global that is first used inside a closure is made there: use it before, or pass it as an argument",
        ])
    }
    return Diagnostic(
      "trace.C2", "a second thread cannot record in a trace; do this in the closure's own thread, or outside of it",
      at: CallSite.here(), notes: ["the closure is traced at \(trace.location.resolved())"])
  }

  /// The result of an operation that failed, when the listener has heard why.
  static func lastPoison(_ type: TensorType) -> TensorCore {
    TensorCore(
      poisoned: Diagnostic("tensor.invalid", "this tensor is the result of an operation that failed"), type,
      noted: Listeners.current.map { ObjectIdentifier($0) })
  }

  /// What the operands are called that are parameters of a trace.
  static func parameters(among operands: [TensorCore]) -> [String] {
    operands.compactMap { operand in
      guard let (trace, value) = operand.traced, let name = trace.parameterName(value) else { return nil }
      return "\(name) is \(operand.type)"
    }
  }

  /// Looks at elements that are not there, after which there is no point in going on.
  private static let lookLimit = 10_000

  /// Counts a look at the elements of a traced or failed tensor. It gives no number, so a loop that waits for one would
  /// go on without end, and nothing can be thrown from there.
  static func countLook() {
    var next = Listeners.current
    while let listener = next {
      if listener.countLook() > lookLimit {
        stop(
          KilnError(
            "trace.C5", "a loop looks again and again at elements that are not there, and would never end",
            at: CallSite.here(),
            notes: ["`whileLoop` and `cond` decide by tensors; a number from outside may decide in Swift"]))
      }
      next = listener.outer
    }
  }

  /// Writes the diagnostics, those of the traces that are open included, and stops the program. They are the last that
  /// it writes: the runtime's own backtrace would bury them.
  static func stop(_ error: KilnError) -> Never {
    var list = DiagnosticList()
    for diagnostic in Listeners.noted + error.diagnostics { list.append(diagnostic) }
    let text = KilnError(list.elements).resolved().description
    let calls = System.environment("KILN_BACKTRACE") == "1" ? CallSite.calls() + "\n\n" : ""
    System.flushOutput()
    System.writeToStandardError(
      calls + text
        + "\n  note: the program stops here; `try f.run(…)` or `withDiagnostics { … }` throws this instead, and "
        + "KILN_BACKTRACE=1 prints the calls\n")
    System.abort()
  }
}

import KilnIR

// A closure that throws ends its trace. What it threw travels through Kiln as the cause of a `KilnError`, and comes out
// of the call that was given the closure as itself.

extension KilnError {
  /// `body`, with what it throws as the cause of a diagnostic (`trace.C6`); a `KilnError` keeps its diagnostics.
  static func catching<Result, Thrown: Error>(
    at location: SourceLocation, _ body: () throws(Thrown) -> Result
  ) throws(KilnError) -> Result {
    do throws(Thrown) {
      return try body()
    } catch let error as KilnError {
      throw KilnError(error.diagnostics, cause: error)
    } catch {
      throw KilnError([Diagnostic("trace.C6", "the closure threw \(error)", at: location)], cause: error)
    }
  }

  /// Throws the cause if it is what a closure that throws `Thrown` has thrown.
  func rethrowCause<Thrown: Error>(as _: Thrown.Type) throws(Thrown) {
    if let cause = cause as? Thrown { throw cause }
  }
}

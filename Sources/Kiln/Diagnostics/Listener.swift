import KilnIR
import KilnRuntime

/// Who hears what cannot be done: a trace, or a `withDiagnostics`.
protocol Listener: AnyObject, Sendable {
  /// Who heard it before this one began.
  var outer: (any Listener)? { get }
  var noted: [Diagnostic] { get }
  func note(_ diagnostic: Diagnostic)
  /// Counts one more look at elements that are not there, and gives their number.
  func countLook() -> Int
}

enum Listeners {
  /// Of the trace that records and the `withDiagnostics` that runs the one that began last.
  static var current: (any Listener)? {
    let trace = Trace.current
    guard let scope = DiagnosticScope.current, trace == nil || scope.trace === trace else { return trace }
    return scope
  }

  /// Whether `listener` is the current one or one around it.
  static func haveHeard(_ listener: ObjectIdentifier?) -> Bool {
    var next = current
    while let one = next {
      if ObjectIdentifier(one) == listener { return true }
      next = one.outer
    }
    return false
  }

  /// What all of them have noted, the outermost first.
  static var noted: [Diagnostic] {
    var diagnostics: [Diagnostic] = []
    var next = current
    while let one = next {
      diagnostics = one.noted + diagnostics
      next = one.outer
    }
    return diagnostics
  }
}

/// Diagnostics in the order in which they came, each once: a mistake in a loop is one mistake.
struct DiagnosticList: Sendable {
  private(set) var elements: [Diagnostic] = []
  private var known: Set<Diagnostic> = []

  mutating func append(_ diagnostic: Diagnostic) {
    if known.insert(diagnostic).inserted { elements.append(diagnostic) }
  }
}

/// Collects the diagnostics of the operations inside `withDiagnostics`.
final class DiagnosticScope: Listener {
  @TaskLocal static var current: DiagnosticScope?

  let outer = Listeners.current
  /// The trace that recorded when it began.
  let trace = Trace.current
  private let state = Lock<(diagnostics: DiagnosticList, looks: Int)>((DiagnosticList(), 0))

  var noted: [Diagnostic] { state.withLock { $0.diagnostics.elements } }
  func note(_ diagnostic: Diagnostic) { state.withLock { $0.diagnostics.append(diagnostic) } }
  func countLook() -> Int {
    state.withLock { state in
      state.looks += 1
      return state.looks
    }
  }
}

/// Runs `body`, in which an operation that cannot be done does not stop the program.
///
/// ```swift
/// let y = try withDiagnostics { matmul(a, b) + c }
/// ```
/// It may stand inside a closure that is traced: what is wrong inside of it is thrown by it, and the trace goes on.
/// - Throws: `KilnError` with every diagnostic of the operations in `body`, when it has ended, and those that `body`
///   throws; its result is dropped then. Without diagnostics, whatever `body` throws.
public func withDiagnostics<Result>(_ body: () throws -> Result) throws -> Result {
  let scope = DiagnosticScope()
  let result = Swift.Result { try DiagnosticScope.$current.withValue(scope, operation: body) }
  let noted = scope.noted
  if noted.isEmpty { return try result.get() }
  var thrown: [Diagnostic] = []
  if case .failure(let error as KilnError) = result { thrown = error.diagnostics }
  throw KilnError(noted + thrown).resolved()
}

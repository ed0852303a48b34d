import CCallSite
package import KilnIR
import KilnRuntime

/// The recording of one closure: a function under construction, what it captured, and what went wrong.
///
/// The current trace is a task-local value (`Ambient`). A trace inside another records a function of its own; values of
/// the outer one that it uses become its captured parameters.
package final class Trace: Listener {
  package static var current: Trace? { Ambient.current?.trace }

  struct State {
    var builder: FunctionBuilder
    var captures: [Capture] = []
    var captured: [ObjectIdentifier: ValueID] = [:]
    /// Tensors among the captured that no parameter keeps.
    var literals: [TensorCore] = []
    var capturedValues: [OuterValue: ValueID] = [:]
    var diagnostics = DiagnosticList()
    var isFinished = false
    /// Operations that the closure asked for.
    var operationCount = 0
    /// Looks at elements that are not there.
    var lookCount = 0
  }

  /// A value of an enclosing trace.
  struct OuterValue: Hashable {
    let trace: ObjectIdentifier
    let value: ValueID
  }

  /// Where the closure was handed over.
  package let location: SourceLocation
  package let parent: Trace?
  let outer: (any Listener)?
  /// The function object that is being traced, so that recursion is found.
  let subject: ObjectIdentifier?
  /// The names of the functions of this trace and of those that enclose it.
  let names: [String]
  let thread = kiln_thread_number()
  let state: Lock<State>

  /// The number of examples of the innermost batch that the closure is traced for.
  let batchSize: Dimension?

  /// - Parameters:
  ///   - module: the functions that the closure may call; those of the enclosing trace unless given.
  ///   - batchSize: the number of examples that the closure will be run on; that of the enclosing trace unless given.
  package init(
    _ name: String, at location: SourceLocation, subject: ObjectIdentifier? = nil, in module: Module? = nil,
    batchSize: Dimension? = nil
  ) {
    self.location = location
    self.subject = subject
    parent = Trace.current
    outer = Listeners.current
    self.batchSize = batchSize ?? parent?.batchSize
    let module = module ?? parent?.module ?? Module()
    let taken = parent?.names ?? []
    let unused = module.unusedName(name, avoiding: taken)
    names = taken + [unused]
    state = Lock(State(builder: FunctionBuilder(unused, in: module)))
  }

  /// The number of parameters so far.
  var inputCount: Int { state.withLock { $0.builder.parameters.count } }

  package var isFinished: Bool { state.withLock { $0.isFinished } }
  /// The functions that this one may call.
  var module: Module { state.withLock { $0.builder.module } }

  var noted: [Diagnostic] { state.withLock { $0.diagnostics.elements } }
  package func note(_ diagnostic: Diagnostic) { state.withLock { $0.diagnostics.append(diagnostic) } }
  func countLook() -> Int {
    state.withLock { state in
      state.lookCount += 1
      return state.lookCount
    }
  }

  /// What the value is called, if it is a parameter that its maker named.
  func parameterName(_ value: ValueID) -> String? {
    state.withLock { state in
      guard let parameter = state.builder.parameter(of: value), !parameter.isHidden else { return nil }
      return parameter.name
    }
  }

  /// Whether `other` is this trace or one that encloses it.
  func isInside(_ other: ObjectIdentifier?) -> Bool {
    ObjectIdentifier(self) == other || parent?.isInside(other) == true
  }

  /// The trace of `subject` that encloses this one, or this one.
  func enclosing(_ subject: ObjectIdentifier) -> Trace? { self.subject == subject ? self : parent?.enclosing(subject) }

  // MARK: - The end

  /// The recorded function with `results`.
  /// - Throws: every diagnostic noted while the closure ran.
  func finish(_ results: [TensorCore]) throws(KilnError) -> RecordedFunction {
    var values: [ValueID] = []
    for result in results where result.kind != .poisoned {
      if let value = value(of: result, at: location) { values.append(value) }
    }
    let (diagnostics, recorded) = state.withLock { state in
      state.isFinished = true
      let recorded = RecordedFunction(
        function: state.builder.finish(values), callees: state.builder.module, captures: state.captures)
      return (state.diagnostics.elements, recorded)
    }
    if let poisoned = results.first(where: { $0.kind == .poisoned }), diagnostics.isEmpty {
      throw KilnError([poisoned.poison.reason]).resolved(else: location)
    }
    if !diagnostics.isEmpty { throw KilnError(diagnostics).resolved(else: location) }
    return recorded
  }
}

/// A traced closure: a closed function, the functions that it calls, and what its hidden parameters stand for, in
/// order.
package struct RecordedFunction: Sendable {
  package let function: Function
  package let callees: Module
  package let captures: [Trace.Capture]

  /// The function with its callees; it is the last one.
  package func module() throws(KilnError) -> Module {
    var module = callees
    do { try module.append(function) } catch { throw KilnError(error) }
    return module
  }
}

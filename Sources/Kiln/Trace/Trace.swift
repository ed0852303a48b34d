import CCallSite
package import KilnIR
import KilnPasses
import KilnRuntime

/// The recording of one closure: a function under construction, what it captured, and what went wrong.
///
/// The current trace is a task-local value (`Ambient`). A trace inside another records a function of its own; values of
/// the outer one that it uses become its captured parameters.
package final class Trace: Listener {
  package static var current: Trace? { Ambient.current?.trace }

  /// A value from outside that the function reads through a hidden parameter.
  package enum Capture: Sendable {
    case tensor(TensorCore)
    /// Read again at each call.
    case variable(VariableStorage)

    /// What it stands for now; in `trace`, a variable is a hidden parameter.
    func core(in trace: Trace? = nil) -> TensorCore {
      switch self {
      case .tensor(let core): core
      case .variable(let variable): trace?.read(variable) ?? variable.current
      }
    }

    var type: TensorType {
      switch self {
      case .tensor(let core): core.type
      case .variable(let variable): variable.type
      }
    }
  }

  fileprivate struct State {
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

  /// The most operations that a trace records: an endless loop must not fill the memory.
  private static let operationLimit = 1 << 19
  /// Operations that the closure may ask for after that before the program stops.
  private static let patience = 1 << 16
  /// Looks at elements after which a trace, which has failed anyway, records nothing more.
  private static let lookLimit = 16

  /// A value of an enclosing trace.
  fileprivate struct OuterValue: Hashable {
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
  private let names: [String]
  private let thread = kiln_thread_number()
  private let state: Lock<State>

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

  // MARK: - Recording

  /// A parameter that the caller binds.
  package func addInput(_ name: String, _ type: TensorType) -> TensorCore {
    let value = state.withLock { $0.builder.addParameter(name, type) }
    return TensorCore(traced: value, of: self, type)
  }

  /// Records an operation with one result.
  func record(_ op: Op, _ operands: [TensorCore]) -> TensorCore {
    let results = record(operands) { builder, values, location throws(ConstraintFailure) in
      [try builder.emitBroadcasting(op, values, at: location)]
    }
    return results?[0] ?? Failure.lastPoison(op.guess(operands))
  }

  /// Records an op that runs functions of `module`, which may have been made outside of this trace (the pullback of an
  /// eager `vjp`): they get other names where this trace, or one that encloses it, has others of the same names.
  /// - Returns: the results, or nil after a diagnostic.
  func recordControl(_ op: ControlOp, in module: Module, _ operands: [TensorCore]) -> [TensorCore]? {
    record(operands) { builder, values, location throws(ConstraintFailure) in
      let renamed = try builder.module.link(module, avoiding: names)
      return try builder.emit(.control(op.replacingCallees { renamed[$0] ?? $0 }), values, at: location)
    }
  }

  private func record(
    _ operands: [TensorCore],
    _ body: (inout FunctionBuilder, [ValueID], SourceLocation) throws(ConstraintFailure) -> [ValueID]
  ) -> [TensorCore]? {
    let location = CallSite.here()
    guard isOwnThread(at: location), mayRecord(at: location) else { return nil }
    var values: [ValueID] = []
    for operand in operands {
      guard let value = value(of: operand, at: location) else { return nil }
      values.append(value)
    }
    do throws(ConstraintFailure) {
      return try state.withLock { state throws(ConstraintFailure) in
        try body(&state.builder, values, location).map {
          TensorCore(traced: $0, of: self, state.builder.type(of: $0))
        }
      }
    } catch {
      hear(Diagnostic(error.label, error.message, at: location, notes: Failure.parameters(among: operands)))
      return nil
    }
  }

  /// Notes what went wrong while the closure ran: here, or in a `withDiagnostics` inside of the closure.
  private func hear(_ diagnostic: Diagnostic) { (Listeners.current ?? self).note(diagnostic) }

  /// Whether the next operation is recorded. An operation whose result cannot be used is not: a loop in the closure may
  /// never end.
  private func mayRecord(at location: SourceLocation) -> Bool {
    let (count, looks) = state.withLock { state in
      state.operationCount += 1
      return (state.operationCount, state.lookCount)
    }
    if count <= Self.operationLimit { return looks <= Self.lookLimit }
    if count == Self.operationLimit + 1 || count > Self.operationLimit + Self.patience {
      let diagnostic = Diagnostic(
        "trace.limit",
        "a closure records at most \(Self.operationLimit) operations; `fori`, `scan` and `whileLoop` record their body once",
        at: location, notes: ["the closure is traced at \(self.location.resolved())"])
      if count > Self.operationLimit + Self.patience { Failure.stop(KilnError([diagnostic])) }
      hear(diagnostic)
    }
    return false
  }

  /// Notes a diagnostic unless the closure's own thread calls.
  private func isOwnThread(at location: SourceLocation) -> Bool {
    if kiln_thread_number() == thread { return true }
    note(
      Diagnostic(
        "trace.C2", "a second thread cannot record in a trace; do this in the closure's own thread, or outside of it",
        at: location, notes: ["the closure is traced at \(self.location.resolved())"]))
    return false
  }

  /// Records data that is written out.
  func record(_ literal: Literal) -> TensorCore {
    let core = TensorCore.elements(of: literal)
    guard core.kind == .buffer else { return core }
    let tensor = TensorCore(literal, elements: core)
    let location = CallSite.here()
    guard isOwnThread(at: location), mayRecord(at: location), record(literal, tensor, at: location) != nil else {
      return Failure.lastPoison(literal.type)
    }
    return tensor
  }

  // MARK: - Captures

  /// The instruction of data that was written out, here or in another trace.
  private func record(_ literal: Literal, _ core: TensorCore, at location: SourceLocation) -> ValueID? {
    do throws(ConstraintFailure) {
      return try state.withLock { state throws(ConstraintFailure) in
        if let known = state.captured[ObjectIdentifier(core)] { return known }
        let value = try state.builder.emit(.source(.constant(literal)), [], at: location)[0]
        state.captured[ObjectIdentifier(core)] = value
        state.literals.append(core)
        return value
      }
    } catch {
      hear(Diagnostic(error.label, error.message, at: location))
      return nil
    }
  }

  /// The value of a tensor in this function; one from outside becomes a hidden parameter.
  private func value(of core: TensorCore, at location: SourceLocation) -> ValueID? {
    guard let (trace, value) = core.traced else {
      // A number for this trace, but for a tape an operand.
      if let literal = core.literal, RecordingTapes.current?.follow(core) != true {
        return record(literal, core, at: location)
      }
      return capture(.tensor(core), ObjectIdentifier(core), core.type)
    }
    if trace === self { return value }
    guard parent?.isInside(ObjectIdentifier(trace)) == true else {
      hear(
        Diagnostic(
          "trace.C1",
          trace.isFinished
            ? "this tensor belongs to a trace that has ended; return it from its closure to have its value"
            : "this tensor belongs to another trace", at: location,
          notes: [
            "its closure was traced at \(trace.location.resolved())",
            "this closure is traced at \(self.location.resolved())",
          ]))
      return nil
    }
    let key = OuterValue(trace: ObjectIdentifier(trace), value: value)
    return state.withLock { state in
      if let known = state.capturedValues[key] { return known }
      let parameter = state.addCapture(.tensor(core), core.type)
      state.capturedValues[key] = parameter
      return parameter
    }
  }

  /// The hidden parameter through which a variable is read at each call.
  func read(_ variable: VariableStorage) -> TensorCore {
    let type = variable.type
    let value = capture(.variable(variable), ObjectIdentifier(variable), type)
    return TensorCore(traced: value, of: self, type)
  }

  private func capture(_ capture: Capture, _ identity: ObjectIdentifier, _ type: TensorType) -> ValueID {
    state.withLock { state in
      if let known = state.captured[identity] { return known }
      let parameter = state.addCapture(capture, type)
      state.captured[identity] = parameter
      return parameter
    }
  }

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

extension Trace.State {
  fileprivate mutating func addCapture(_ capture: Trace.Capture, _ type: TensorType) -> ValueID {
    captures.append(capture)
    return builder.addParameter("captured\(captures.count - 1)", type, isHidden: true)
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

import CCallSite
import KilnIR
import KilnPasses
import KilnRuntime

/// Recording operations: in the closure's own thread, and not without end.
extension Trace {
  /// The most operations that a trace records: an endless loop must not fill the memory.
  private static let operationLimit = 1 << 19
  /// Operations that the closure may ask for after that before the program stops.
  private static let patience = 1 << 16
  /// Looks at elements after which a trace, which has failed anyway, records nothing more.
  private static let lookLimit = 16

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
  func hear(_ diagnostic: Diagnostic) { (Listeners.current ?? self).note(diagnostic) }

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
}

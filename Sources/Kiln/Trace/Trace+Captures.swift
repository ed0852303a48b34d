import KilnIR
import KilnRuntime

/// How values from outside of the closure become values of the function.
extension Trace {
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

  /// The instruction of data that was written out, here or in another trace.
  func record(_ literal: Literal, _ core: TensorCore, at location: SourceLocation) -> ValueID? {
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
  func value(of core: TensorCore, at location: SourceLocation) -> ValueID? {
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
}

extension Trace.State {
  fileprivate mutating func addCapture(_ capture: Trace.Capture, _ type: TensorType) -> ValueID {
    captures.append(capture)
    return builder.addParameter("captured\(captures.count - 1)", type, isHidden: true)
  }
}

import KilnIR
import KilnPasses
import KilnRuntime

/// What a tape knows: a function under construction, made of the eager operations on watched tensors and on what was
/// computed from them.
///
/// It keeps every tensor that it knows, so no other can take its place in memory and be mistaken for it.
final class TapeRecorder: Sendable {
  private struct State {
    var builder = FunctionBuilder("tape")
    /// The tensors that depend on watched ones.
    var tracked: [ObjectIdentifier: (core: TensorCore, value: ValueID)] = [:]
    /// Other tensors that operations on those used.
    var captured: [ObjectIdentifier: ValueID] = [:]
    /// What each parameter of the function stands for.
    var parameters: [TensorCore] = []
    /// The parameter with respect to which a watched tensor is differentiated.
    var watched: [ObjectIdentifier: Int] = [:]
    var failure: Diagnostic?

    mutating func addParameter(_ core: TensorCore) -> ValueID {
      parameters.append(core)
      return builder.addParameter("x\(parameters.count - 1)", core.type)
    }

    /// The values of the operands; nil if none of them is tracked, so that the operation does not matter.
    mutating func values(_ operands: [TensorCore]) -> [ValueID]? {
      guard operands.contains(where: { tracked[ObjectIdentifier($0)] != nil }) else { return nil }
      var values: [ValueID] = []
      for operand in operands {
        let key = ObjectIdentifier(operand)
        if let value = tracked[key]?.value ?? captured[key] {
          values.append(value)
        } else {
          let value = addParameter(operand)
          captured[key] = value
          values.append(value)
        }
      }
      return values
    }
  }

  private let state = Lock(State())

  /// Begins to follow a tensor.
  /// - Returns: what is wrong.
  func watch(_ core: TensorCore) -> Diagnostic? {
    guard core.isConcrete else {
      return Diagnostic(
        "tape.C2", "a tape records eager operations; in a closure that is traced use gradient(at:of:)",
        at: CallSite.here())
    }
    return state.withLock { state in
      let key = ObjectIdentifier(core)
      if state.watched[key] != nil { return nil }
      if state.captured[key] != nil {
        return Diagnostic(
          "tape.C5", "this tensor was used on the tape before it was watched; watch it first", at: CallSite.here())
      }
      guard let tracked = state.tracked[key] else {
        state.watched[key] = state.parameters.count
        let value = state.addParameter(core)
        state.tracked[key] = (core, value)
        return nil
      }
      // A tensor in the middle: the derivative by what is added to it there, which is -0 and so changes nothing.
      let nothing = TensorCore.constant(Literal(splat: Scalar(core.dtype, -0.0), shape: core.shape))
      let place = state.parameters.count
      let change = state.addParameter(nothing)
      guard let sum = try? state.builder.emitOne(.map(.add), [tracked.value, change]) else {
        return Diagnostic("tape.C6", "\(core.type) cannot be watched", at: CallSite.here())
      }
      state.watched[key] = place
      state.tracked[key] = (core, sum)
      return nil
    }
  }

  /// Whether `core` is watched or was computed from what is.
  func follows(_ core: TensorCore) -> Bool { state.withLock { $0.tracked[ObjectIdentifier(core)] != nil } }

  func note(_ op: Op, _ operands: [TensorCore], _ result: TensorCore) {
    guard result.isConcrete else { return }
    state.withLock { state in
      guard let values = state.values(operands) else { return }
      do throws(ConstraintFailure) {
        let value = try state.builder.emitBroadcasting(op, values, at: CallSite.here())
        state.tracked[ObjectIdentifier(result)] = (result, value)
      } catch {
        state.failure = Diagnostic(error.label, error.message, at: CallSite.here())
      }
    }
  }

  /// Notes that `copy` has the elements of `core` on another device: on the tape it is the same.
  func noteMove(_ core: TensorCore, _ copy: TensorCore) {
    guard core !== copy else { return }
    state.withLock { state in
      if let (_, value) = state.tracked[ObjectIdentifier(core)] {
        state.tracked[ObjectIdentifier(copy)] = (copy, value)
      }
      state.watched[ObjectIdentifier(copy)] = state.watched[ObjectIdentifier(core)]
    }
  }

  /// Notes that a function of `module` gave `results` for `operands`.
  func noteCall(_ name: String, in module: Module, _ operands: [TensorCore], _ results: [TensorCore]) {
    state.withLock { state in
      guard let values = state.values(operands) else { return }
      do throws(ConstraintFailure) {
        let callee = try state.builder.module.link(module)[name] ?? name
        let ids = try state.builder.emit(.control(.call(callee: callee, captured: 0)), values, at: CallSite.here())
        for (result, value) in zip(results, ids) { state.tracked[ObjectIdentifier(result)] = (result, value) }
      } catch {
        state.failure = Diagnostic(error.label, error.message, at: CallSite.here())
      }
    }
  }

  /// The gradient of `y` with respect to watched tensors, one for each of `sources`.
  func gradient(
    of y: TensorCore, with sources: [TensorCore], at location: SourceLocation
  ) throws(KilnError) -> [TensorCore] {
    let recorded = state.withLock { state in
      (
        state.builder, state.tracked[ObjectIdentifier(y)]?.value, sources.map { state.watched[ObjectIdentifier($0)] },
        state.parameters, state.failure
      )
    }
    let (builder, value, places, parameters, failure) = recorded
    if let failure { throw KilnError(failure) }
    guard let value else {
      throw KilnError(
        "tape.C3", "the value was not computed from watched tensors while the tape recorded", at: location)
    }
    var indices: [Int] = []
    for place in places {
      guard let place else {
        throw KilnError("tape.C4", "a gradient is taken with respect to watched tensors; watch it first", at: location)
      }
      indices.append(place)
    }
    var module = builder.module
    do throws(ConstraintFailure) {
      try module.append(builder.finish([value]).renamed(module.unusedName("tape")))
    } catch {
      throw KilnError(error)
    }
    let name = module.functions[module.functions.count - 1].name
    let derived = try Differentiation.gradient(of: name, in: module, withRespectTo: indices)
    let device = y.deviceElements?.device
    var inputs: [TensorCore] = []
    for parameter in parameters { inputs.append(try parameter.moved(to: device)) }
    var gradients: [TensorCore] = []
    for (gradient, source) in zip(try Programs.run(derived.module, derived.name, inputs), sources) {
      gradients.append(try gradient.moved(to: source.deviceElements?.device))
    }
    return gradients
  }

  /// Forgets everything.
  func release() { state.withLock { $0 = State() } }
}

/// The tapes that record now, the innermost first.
final class RecordingTapes: Sendable {
  static var current: RecordingTapes? { Ambient.current?.tapes }

  let recorder: TapeRecorder
  let outer: RecordingTapes?

  init(_ recorder: TapeRecorder, outer: RecordingTapes?) {
    self.recorder = recorder
    self.outer = outer
  }

  func contains(_ recorder: TapeRecorder) -> Bool {
    self.recorder === recorder || outer?.contains(recorder) == true
  }

  func follow(_ core: TensorCore) -> Bool { recorder.follows(core) || outer?.follow(core) == true }

  func note(_ op: Op, _ operands: [TensorCore], _ result: TensorCore) {
    recorder.note(op, operands, result)
    outer?.note(op, operands, result)
  }

  func noteMove(_ core: TensorCore, _ copy: TensorCore) {
    recorder.noteMove(core, copy)
    outer?.noteMove(core, copy)
  }

  func noteCall(_ name: String, in module: Module, _ operands: [TensorCore], _ results: [TensorCore]) {
    recorder.noteCall(name, in: module, operands, results)
    outer?.noteCall(name, in: module, operands, results)
  }
}

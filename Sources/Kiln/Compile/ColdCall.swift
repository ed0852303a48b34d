import KilnIR

/// A call of a compiled function beside its warm path: the closure is traced, to be compiled, to be recorded in another
/// trace, or to run on tapes. An update is a call whose first tree is also its first result.
///
/// Its methods stay outside of their callers: a warm call that contained them would look up the metadata of `Output?`
/// each time.
final class ColdCall<Output> {
  /// What the closure gives: its output, and the tensors of an update's state after it, or what is wrong with them.
  typealias Body = (inout InputBinder) throws(KilnError) -> (output: Output, state: Result<[TensorCore], KilnError>)

  private let table: ProgramTable
  private let shape: OutputShape<Output>
  private let signature: Signature
  /// How many of the first tensors are those of an update's state.
  private let stateCount: Int
  private let inspect: () throws(KilnError) -> Void
  private let body: Body
  /// What the closure gave, also if tracing failed after it.
  private var returned: Output?
  /// The tensors of the state after a call that succeeded.
  private var state: [TensorCore]?

  /// - Parameters:
  ///   - inspect: looks at trees for which a program is made.
  ///   - body: binds the arguments and runs the closure.
  init(
    _ table: ProgramTable, _ shape: OutputShape<Output>, _ signature: Signature, stateCount: Int = 0,
    inspect: @escaping () throws(KilnError) -> Void, body: @escaping Body
  ) {
    (self.table, self.shape, self.signature, self.stateCount) = (table, shape, signature, stateCount)
    (self.inspect, self.body) = (inspect, body)
  }

  /// The program for the arguments, which is made at their first call.
  @inline(never)
  func program() throws(KilnError) -> CompiledProgram {
    let signature = try placedSignature()
    let maker = ProgramMaker(table: table, stateCount: stateCount, shape: shape) { [self] types throws(KilnError) in
      try inspect()
      return try trace(types)
    }
    return try table.program(for: signature, by: maker)
  }

  /// Traces the closure again.
  /// - Throws: `compile.C5` where it records another program than the one that is there.
  @inline(never)
  func checkTrace() throws(KilnError) {
    let signature = try placedSignature()
    guard let program = table.program(for: signature) else { return }
    try RetraceCheck.compare(program.entry.module, trace(program.entry.types).recorded.module(), at: signature.location)
  }

  /// Records the call.
  /// - Throws: `compile.C1` if the function is being traced already.
  @inline(never)
  func record(in trace: Trace) throws(KilnError) -> Output {
    if let outer = trace.enclosing(ObjectIdentifier(table)) {
      throw KilnError(
        "compile.C1", "a compiled function cannot call itself", at: CallSite.here(),
        notes: ["it was handed over at \(outer.location.resolved())"]
      ).resolved()
    }
    if let failure = signature.treeFailure { throw KilnError(failure).resolved() }
    let traced = try self.trace()
    let recorded = traced.recorded
    return ended(
      traced,
      trace.call(
        recorded.function.name, in: try recorded.module(), signature.leaves, captures: recorded.captures))
  }

  @inline(never)
  func recordOrPoison(in trace: Trace) -> Output {
    do throws(KilnError) { return try record(in: trace) } catch { return shape.poisoned(returned, by: error) }
  }

  /// Runs the traced closure so that the tapes that record see the call. Nothing is overwritten.
  @inline(never)
  func runOnTape() throws(KilnError) -> Output {
    if let failure = signature.failure { throw KilnError(failure).resolved() }
    let traced = try trace()
    let module = try traced.recorded.module()
    let outcome = withDevice(table.options.device ?? .current) {
      Result { () throws(KilnError) in
        try Programs.run(module, traced.recorded.function.name, signature.leaves, traced.recorded.captures)
      }
    }
    do throws(KilnError) {
      return ended(traced, try outcome.get())
    } catch {
      throw error.resolved(else: table.location)
    }
  }

  /// The result of a call that failed. What a result looks like only the closure knows, so it is traced for that.
  @inline(never)
  func poisoned(by error: KilnError) -> Output {
    guard Listeners.current != nil else { Failure.stop(error) }
    _ = Result { () throws(KilnError) in try trace() }
    return shape.poisoned(returned, by: error)
  }

  /// Gives an update's state the tensors that it has after the call, if that succeeded.
  func update(_ tree: inout some TensorTree) {
    if let state { tree = tree.replacingTensors(by: state) }
  }

  private func ended(_ traced: TracedClosure<Output>, _ results: [TensorCore]) -> Output {
    state = Array(results.prefix(stateCount))
    return shape.filled(traced.output, with: Array(results.dropFirst(stateCount)))
  }

  private func placedSignature() throws(KilnError) -> Signature {
    var signature = signature
    do throws(KilnError) { try signature.place(on: table.options.device) } catch { throw error.resolved() }
    return signature
  }

  /// - Parameter types: what the closure gets instead of the arguments' own types; those that have names for sizes.
  private func trace(_ types: [TensorType] = []) throws(KilnError) -> TracedClosure<Output> {
    let trace = Trace("main", at: table.location, subject: ObjectIdentifier(table))
    return try trace.recording { binder throws(KilnError) in
      binder.types = types[...]
      let (output, state) = try body(&binder)
      returned = output
      try table.checkThreads()
      let cores = try state.get()
      let (template, results) = shape.taken(output)
      return (template, cores + results)
    }
  }
}

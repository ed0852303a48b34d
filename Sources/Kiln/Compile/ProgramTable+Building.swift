import KilnIR

extension ProgramTable {
  /// Traces and prepares a program. Its first `state` results may take the memory of the first `state` parameters.
  func build<Output>(
    _ signature: Signature, _ previous: CompiledProgram?, state: Int,
    _ trace: () throws(KilnError) -> TracedClosure<Output>
  ) throws(KilnError) -> CompiledProgram {
    let clock = ContinuousClock()
    let start = clock.now
    let reasons = reasons(signature)
    let traced = try trace()
    let recorded = traced.recorded
    let module = try recorded.module()
    let device = try device(for: signature, recorded)
    let executionOptions = ExecutionOptions(
      numerics: options.numerics, donations: (0..<state).map { ExecutionOptions.Donation(parameter: $0, result: $0) },
      captures: recorded.captures, arguments: signature.leaves)
    let executable: any Executable
    do {
      executable = try device.executor.prepare(module, function: recorded.function.name, options: executionOptions)
    } catch {
      throw error.resolved(else: self.location)
    }
    let duration = (clock.now - start).components
    let inputs = zip(signature.names, signature.items).map { "\($0): \($1.text)" }
    let entry = CompilationReport.Entry(
      inputs: inputs, reasons: reasons, call: signature.location, closure: location, device: device,
      seconds: Double(duration.seconds) + Double(duration.attoseconds) * 1e-18, module: module)
    return TypedProgram(
      traced.output, signature, recorded, executable, on: device, state: state, previous: previous, entry: entry)
  }

  /// Where a program runs: where its captured tensors lie, if neither its arguments nor the function say.
  private func device(for signature: Signature, _ recorded: RecordedFunction) throws(KilnError) -> Device {
    var captured: [TensorCore] = []
    for case .tensor(let core) in recorded.captures { captured.append(core) }
    do throws(KilnError) {
      let place = try Placement.device(of: captured) { _ in "a captured tensor" }
      let isFree = options.device == nil && signature.leaves.allSatisfy { $0.deviceElements == nil }
      let device = isFree ? place ?? signature.device : signature.device
      for core in captured { try Placement.check(core, on: device, named: "a captured tensor") }
      return device
    } catch {
      throw error.located(at: location).resolved()
    }
  }

  /// The results of a traced function, run on the device of the table by way of the tapes that record.
  func runOnTape(_ recorded: RecordedFunction, _ leaves: [TensorCore]) throws(KilnError) -> [TensorCore] {
    let module = try recorded.module()
    let outcome = withDevice(options.device ?? .current) {
      Result { () throws(KilnError) in
        try Programs.run(module, recorded.function.name, leaves, recorded.captures)
      }
    }
    do throws(KilnError) { return try outcome.get() } catch { throw error.resolved(else: location) }
  }

  /// - Throws: `compile.C1` if the function is being traced already.
  func checkRecursion(_ subject: ObjectIdentifier, _ trace: Trace) throws(KilnError) {
    guard let outer = trace.enclosing(subject) else { return }
    throw KilnError(
      Diagnostic(
        "compile.C1", "a compiled function cannot call itself", at: CallSite.here(),
        notes: ["it was handed over at \(outer.location.resolved())"])
    ).resolved()
  }
}

public import KilnIR
import KilnRuntime

/// A closure over tensors that is compiled for the types of its arguments at the first call, and again only when they
/// change (see `report`).
///
/// Any number of threads may call it at once. Inside a trace it is recorded as a call.
public final class Compiled<Output, each Input: TensorTree>: Sendable {
  private let body: @Sendable (repeat each Input) throws -> Output
  private let visitOutput: @Sendable (Output, inout OutputVisitor) -> Output
  private let table: ProgramTable

  init(
    _ body: @escaping @Sendable (repeat each Input) throws -> Output, _ options: CompileOptions,
    _ location: SourceLocation, _ shape: OutputShape<Output>
  ) {
    self.body = body
    visitOutput = shape.visit
    table = ProgramTable(options, location)
  }

  /// What was compiled, and why.
  public var report: CompilationReport { table.report }

  /// Calls the function. A failure is noted by the trace that records or the `withDiagnostics` that runs, which throws it at
  /// its end; elsewhere it stops the program with its diagnostics. `run` throws them.
  public func callAsFunction(_ input: repeat each Input) -> Output {
    let ambient = Ambient.current
    if let ambient, ambient.trace != nil { return recordOrPoison(repeat each input) }
    do throws(KilnError) {
      return try run(ambient, repeat each input)
    } catch {
      return poisoned(error, repeat each input)
    }
  }

  /// Calls the function.
  /// - Throws: every diagnostic of the trace, of the transformations in it, of the compilation, or of the run. What the closure
  ///   itself throws when it is traced is the `cause` of the error.
  public func run(_ input: repeat each Input) throws(KilnError) -> Output {
    let ambient = Ambient.current
    if let ambient, ambient.trace != nil { return try record(repeat each input) }
    return try run(ambient, repeat each input)
  }

  @inline(__always)
  private func run(_ ambient: Ambient?, _ input: repeat each Input) throws(KilnError) -> Output {
    if ambient?.tapes != nil { return try runOnTape(repeat each input) }
    if table.options.checksEveryTrace { try checkTrace(repeat each input) }
    if let program = table.first {
      var frame = CallFrame(program)
      defer { frame.end() }
      if matches(frame, ambient, repeat each input) { return try run(&frame) }
    }
    return try runSlowly(repeat each input)
  }

  // The ways beside the warm call stay outside of it: it would look up the metadata of `Output?` each time.

  @inline(never)
  private func record(_ input: repeat each Input) throws(KilnError) -> Output {
    var returned: Output?
    return try record(&returned, repeat each input)
  }

  @inline(never)
  private func recordOrPoison(_ input: repeat each Input) -> Output {
    var returned: Output?
    do throws(KilnError) {
      return try record(&returned, repeat each input)
    } catch {
      return OutputShape(visit: visitOutput).poisoned(returned, by: error)
    }
  }

  /// The result of a call that failed. What a result looks like only the closure knows, so it is traced for that.
  @inline(never)
  private func poisoned(_ error: KilnError, _ input: repeat each Input) -> Output {
    guard Listeners.current != nil else { Failure.stop(error) }
    var returned: Output?
    _ = Result { () throws(KilnError) in try trace(&returned, repeat each input) }
    return OutputShape(visit: visitOutput).poisoned(returned, by: error)
  }

  /// Whether the arguments are what the frame's program takes; notes their addresses. Allocates nothing.
  private func matches(_ frame: CallFrame, _ ambient: Ambient?, _ input: repeat each Input) -> Bool {
    var matcher = SignatureMatcher(
      frame.program, ambient, isNamed: table.options.device != nil, addresses: frame.inputs)
    for var tree in repeat each input { tree.visit(&matcher) }
    return matcher.isComplete
  }

  /// Runs the program on arguments that match. Allocates the results and nothing else.
  private func run(_ frame: inout CallFrame) throws(KilnError) -> Output {
    do throws(KilnError) {
      try frame.run()
    } catch {
      throw error.resolved(else: table.location)
    }
    var visitor = OutputVisitor(results: frame.results)
    return visitOutput(frame.program.template.assumingMemoryBound(to: Output.self).pointee, &visitor)
  }

  @inline(never)
  private func runSlowly(_ input: repeat each Input) throws(KilnError) -> Output {
    let signature = try placedSignature(repeat each input)
    let program = try table.program(for: signature) { previous throws(KilnError) in
      try compile(signature, previous, repeat each input)
    }
    var frame = CallFrame(program)
    defer { frame.end() }
    if matches(frame, .current, repeat each input) { return try run(&frame) }
    throw KilnError("compile.C3", "an argument changed its structure while it was visited", at: CallSite.here())
      .resolved()
  }

  private func placedSignature(_ input: repeat each Input) throws(KilnError) -> Signature {
    var signature = signature(repeat each input)
    do throws(KilnError) { try signature.place(on: table.options.device) } catch { throw error.resolved() }
    return signature
  }

  private func signature(_ input: repeat each Input) -> Signature {
    var signature = Signature()
    var index = 0
    for tree in repeat each input {
      signature.add(tree, "arg\(index)")
      index += 1
    }
    return signature
  }

  /// - Parameter returned: is given what the closure gave, also if tracing fails.
  private func trace(
    _ returned: inout Output?, _ input: repeat each Input
  ) throws(KilnError) -> TracedClosure<Output> {
    let trace = Trace("main", at: table.location, subject: ObjectIdentifier(self))
    return try trace.recording { binder throws(KilnError) in
      var index = 0
      func bind<Tree: TensorTree>(_ tree: Tree) -> Tree {
        defer { index += 1 }
        return binder.bind(tree, "arg\(index)")
      }
      let arguments = (repeat bind(each input))
      let output = try KilnError.catching(at: table.location) { () throws in try body(repeat each arguments) }
      returned = output
      var visitor = OutputVisitor()
      let template = visitOutput(output, &visitor)
      return (template, visitor.cores)
    }
  }

  @inline(never)
  private func checkTrace(_ input: repeat each Input) throws(KilnError) {
    let signature = try placedSignature(repeat each input)
    guard let program = table.program(for: signature) else { return }
    var returned: Output?
    let module = try trace(&returned, repeat each input).recorded.module()
    try RetraceCheck.compare(program.entry.module, module, at: signature.location)
  }

  private func compile(
    _ signature: Signature, _ previous: CompiledProgram?, _ input: repeat each Input
  ) throws(KilnError) -> CompiledProgram {
    for tree in repeat each input { try TreeCheck.check(tree) }
    return try table.build(signature, previous, state: 0) { () throws(KilnError) in
      var returned: Output?
      return try trace(&returned, repeat each input)
    }
  }

  /// Traces and runs the function so that the tapes that record see the call.
  @inline(never)
  private func runOnTape(_ input: repeat each Input) throws(KilnError) -> Output {
    let signature = signature(repeat each input)
    if let failure = signature.failure { throw KilnError([failure]).resolved() }
    var returned: Output?
    let traced = try trace(&returned, repeat each input)
    return try table.runOnTape(traced.recorded, signature.leaves).replacingTensors(of: traced.output, by: visitOutput)
  }

  /// Records a call in the current trace.
  private func record(_ returned: inout Output?, _ input: repeat each Input) throws(KilnError) -> Output {
    guard let trace = Trace.current else { return try run(repeat each input) }
    try table.checkRecursion(ObjectIdentifier(self), trace)
    let signature = signature(repeat each input)
    if let failure = signature.treeFailure { throw KilnError(failure).resolved() }
    let traced = try self.trace(&returned, repeat each input)
    let results = trace.call(
      traced.recorded.function.name, in: try traced.recorded.module(), signature.leaves,
      captures: traced.recorded.captures, resultTypes: traced.recorded.function.resultTypes)
    return results.replacingTensors(of: traced.output, by: visitOutput)
  }
}

extension [TensorCore] {
  /// `output` with these tensors in the place of its own.
  func replacingTensors<Output>(
    of output: Output, by visitOutput: (Output, inout OutputVisitor) -> Output
  ) -> Output {
    var cores: [TensorCore?] = self
    return cores.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return output }
      var visitor = OutputVisitor(results: base)
      return visitOutput(output, &visitor)
    }
  }
}

/// A program that owns the result of its closure.
final class TypedProgram<Output>: CompiledProgram, @unchecked Sendable {
  init(
    _ template: Output, _ signature: Signature, _ recorded: RecordedFunction, _ executable: any Executable,
    on device: Device, state: Int, previous: CompiledProgram?, entry: CompilationReport.Entry
  ) {
    let pointer = UnsafeMutablePointer<Output>.allocate(capacity: 1)
    pointer.initialize(to: template)
    super.init(
      pointer, signature, recorded, executable, on: device, state: state, previous: previous, entry: entry)
  }

  deinit {
    let pointer = UnsafeMutableRawPointer(mutating: template).assumingMemoryBound(to: Output.self)
    pointer.deinitialize(count: 1).deallocate()
  }
}

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
      numerics: options.numerics, donations: (0..<state).map { ExecutionPlan.Donation(parameter: $0, result: $0) },
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

extension KilnError {
  init(_ diagnostic: Diagnostic) { self.init([diagnostic]) }
}

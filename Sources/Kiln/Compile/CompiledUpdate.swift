public import KilnIR
import Synchronization

/// A compiled closure whose first parameter is `inout`: a training step, the step of a simulation.
///
/// ```swift
/// let step = compile { (w: inout Tensor<Float>, x: Tensor<Float>, y: Tensor<Float>) in
///   let (loss, slope) = valueAndGradient(at: w) { (w: Tensor<Float>) in
///     let error = matmul(x, w) - y
///     return (error * error).mean()
///   }
///   w = w - 0.1 * slope
///   return loss
/// }
/// var w = Tensor<Float>.zeros([3, 1])
/// let loss = step(updating: &w, .ones([8, 3]), .ones([8, 1]))
/// ```
/// Tensors of the state that nothing else refers to are overwritten in place; the others get fresh buffers, and `report`
/// counts them. Nobody can see the difference.
public final class CompiledUpdate<State: TensorTree, Output, each Input: TensorTree>: Sendable {
  private let body: @Sendable (inout State, repeat each Input) throws -> Output
  private let visitOutput: @Sendable (Output, inout OutputVisitor) -> Output
  private let table: ProgramTable

  init(
    _ body: @escaping @Sendable (inout State, repeat each Input) throws -> Output, _ options: CompileOptions,
    _ location: SourceLocation, _ shape: OutputShape<Output>
  ) {
    self.body = body
    visitOutput = shape.visit
    table = ProgramTable(options, location)
  }

  /// What was compiled, and why; what was updated in place.
  public var report: CompilationReport { table.report }

  /// Calls the function. A failure is noted by the trace that records or the `withDiagnostics` that runs, which throws it at
  /// its end, and the state stays; elsewhere it stops the program with its diagnostics. `run` throws them.
  @discardableResult
  public func callAsFunction(updating state: inout State, _ input: repeat each Input) -> Output {
    let ambient = Ambient.current
    if let ambient, ambient.trace != nil { return recordOrPoison(&state, repeat each input) }
    do throws(KilnError) {
      return try run(ambient, &state, repeat each input)
    } catch {
      return poisoned(error, state, repeat each input)
    }
  }

  /// Calls the function.
  /// - Throws: every diagnostic of the trace, of the transformations in it, of the compilation, or of the run. If a run
  ///   fails the state is as it was, but tensors that were being overwritten are invalid, and each use of them says why.
  @discardableResult
  public func run(updating state: inout State, _ input: repeat each Input) throws(KilnError) -> Output {
    let ambient = Ambient.current
    if let ambient, ambient.trace != nil { return try record(&state, repeat each input) }
    return try run(ambient, &state, repeat each input)
  }

  @inline(__always)
  private func run(
    _ ambient: Ambient?, _ state: inout State, _ input: repeat each Input
  ) throws(KilnError) -> Output {
    if ambient?.tapes != nil { return try runOnTape(&state, repeat each input) }
    if table.options.checksEveryTrace { try checkTrace(state, repeat each input) }
    if let program = table.first {
      var frame = CallFrame(program)
      defer { frame.end() }
      if matches(frame, ambient, &state, repeat each input) { return try run(&frame, &state) }
    }
    let program = try program(for: state, repeat each input)
    var frame = CallFrame(program)
    defer { frame.end() }
    if matches(frame, ambient, &state, repeat each input) { return try run(&frame, &state) }
    throw KilnError("compile.C3", "an argument changed its structure while it was visited", at: CallSite.here())
      .resolved()
  }

  // The ways beside the warm call stay outside of it: it would look up the metadata of `Output?` each time.

  @inline(never)
  private func record(_ state: inout State, _ input: repeat each Input) throws(KilnError) -> Output {
    var returned: Output?
    return try record(&returned, &state, repeat each input)
  }

  @inline(never)
  private func recordOrPoison(_ state: inout State, _ input: repeat each Input) -> Output {
    var returned: Output?
    do throws(KilnError) {
      return try record(&returned, &state, repeat each input)
    } catch {
      return OutputShape(visit: visitOutput).poisoned(returned, by: error)
    }
  }

  /// The result of a call that failed. What a result looks like only the closure knows, so it is traced for that.
  @inline(never)
  private func poisoned(_ error: KilnError, _ state: State, _ input: repeat each Input) -> Output {
    guard Listeners.current != nil else { Failure.stop(error) }
    var returned: Output?
    _ = Result { () throws(KilnError) in try trace(&returned, state, repeat each input) }
    return OutputShape(visit: visitOutput).poisoned(returned, by: error)
  }

  /// The program for these arguments. It is found, or made, before the run, so that no reference to the state's tensors is
  /// left when the run asks who else has one.
  @inline(never)
  private func program(for state: State, _ input: repeat each Input) throws(KilnError) -> CompiledProgram {
    let signature = try placedSignature(state, repeat each input)
    return try table.program(for: signature) { previous throws(KilnError) in
      try compile(signature, previous, state, repeat each input)
    }
  }

  /// Whether the arguments are what the frame's program takes; notes their addresses. Allocates nothing.
  private func matches(
    _ frame: CallFrame, _ ambient: Ambient?, _ state: inout State, _ input: repeat each Input
  ) -> Bool {
    var matcher = SignatureMatcher(
      frame.program, ambient, isNamed: table.options.device != nil, addresses: frame.inputs)
    state.visit(&matcher)
    for var tree in repeat each input { tree.visit(&matcher) }
    return matcher.isComplete
  }

  /// Runs the program on arguments that match, on the memory of those tensors of the state that nobody else has.
  private func run(_ frame: inout CallFrame, _ state: inout State) throws(KilnError) -> Output {
    var donor = Donor(
      outputs: frame.outputs, counts: frame.program.freshBuffers.first, isOnDevice: frame.program.onDevice != nil)
    state.visit(&donor)
    do throws(KilnError) {
      try frame.run()
    } catch {
      let failure = error.resolved(else: table.location)
      guard frame.hasBegun else { throw failure }
      var invalidator = Invalidator(outputs: frame.outputs, error: failure)
      state.visit(&invalidator)
      throw failure
    }
    table.countInPlace(frame.inPlaceCount)
    var visitor = OutputVisitor(results: frame.results)
    state.visit(&visitor)
    return visitOutput(frame.program.template.assumingMemoryBound(to: Output.self).pointee, &visitor)
  }

  private func placedSignature(_ state: State, _ input: repeat each Input) throws(KilnError) -> Signature {
    var signature = signature(state, repeat each input)
    do throws(KilnError) { try signature.place(on: table.options.device) } catch { throw error.resolved() }
    return signature
  }

  private func signature(_ state: State, _ input: repeat each Input) -> Signature {
    var signature = Signature()
    signature.add(state, "state")
    var index = 0
    for tree in repeat each input {
      signature.add(tree, "arg\(index)")
      index += 1
    }
    return signature
  }

  private struct Traced {
    let closure: TracedClosure<Output>
    let state: State
    let stateCount: Int
  }

  /// - Parameter returned: is given what the closure gave, also if tracing fails.
  private func trace(
    _ returned: inout Output?, _ state: State, _ input: repeat each Input
  ) throws(KilnError) -> Traced {
    let trace = Trace("main", at: table.location, subject: ObjectIdentifier(self))
    var after = state
    var stateCount = 0
    let closure = try trace.recording { binder throws(KilnError) in
      after = binder.bind(state, "state")
      stateCount = binder.inputs.count
      var index = 0
      func bind<Tree: TensorTree>(_ tree: Tree) -> Tree {
        defer { index += 1 }
        return binder.bind(tree, "arg\(index)")
      }
      let before = after
      let arguments = (repeat bind(each input))
      let output = try KilnError.catching(at: table.location) { () throws in
        try body(&after, repeat each arguments)
      }
      returned = output
      try checkStructure(before, after)
      var visitor = OutputVisitor()
      after = visitor.visited(after)
      let placeholder = visitOutput(output, &visitor)
      return (placeholder, visitor.cores)
    }
    return Traced(closure: closure, state: after, stateCount: stateCount)
  }

  /// The state must keep its types and constants: it is the argument of the next call.
  private func checkStructure(_ before: State, _ after: State) throws(KilnError) {
    var old = Signature()
    old.add(before, "state")
    var new = Signature()
    new.add(after, "state")
    guard let reason = old.firstDifference(from: new) else { return }
    if new.leaves.contains(where: { $0.kind == .poisoned }) { return }
    throw KilnError(
      "compile.C4", "an update keeps the types and the structure of its state: \(reason.description)",
      at: table.location
    ).resolved()
  }

  @inline(never)
  private func checkTrace(_ state: State, _ input: repeat each Input) throws(KilnError) {
    let signature = try placedSignature(state, repeat each input)
    guard let program = table.program(for: signature) else { return }
    var returned: Output?
    let module = try trace(&returned, state, repeat each input).closure.recorded.module()
    try RetraceCheck.compare(program.entry.module, module, at: signature.location)
  }

  private func compile(
    _ signature: Signature, _ previous: CompiledProgram?, _ state: State, _ input: repeat each Input
  ) throws(KilnError) -> CompiledProgram {
    try TreeCheck.check(state)
    for tree in repeat each input { try TreeCheck.check(tree) }
    var copy = state
    var counter = OutputVisitor()
    copy.visit(&counter)
    return try table.build(signature, previous, state: counter.cores.count) { () throws(KilnError) in
      var returned: Output?
      return try trace(&returned, state, repeat each input).closure
    }
  }

  /// Traces and runs the update so that the tapes that record see the call; nothing is overwritten.
  @inline(never)
  private func runOnTape(_ state: inout State, _ input: repeat each Input) throws(KilnError) -> Output {
    let signature = signature(state, repeat each input)
    if let failure = signature.failure { throw KilnError([failure]).resolved() }
    var returned: Output?
    let traced = try trace(&returned, state, repeat each input)
    let results = try table.runOnTape(traced.closure.recorded, signature.leaves)
    let count = traced.stateCount
    state = Array(results.prefix(count)).replacingTensors(of: traced.state) { tree, visitor in visitor.visited(tree) }
    return Array(results.dropFirst(count)).replacingTensors(of: traced.closure.output, by: visitOutput)
  }

  /// Records a call in the current trace; the state's tensors become its results.
  private func record(
    _ returned: inout Output?, _ state: inout State, _ input: repeat each Input
  ) throws(KilnError) -> Output {
    guard let trace = Trace.current else { return try run(updating: &state, repeat each input) }
    try table.checkRecursion(ObjectIdentifier(self), trace)
    let signature = signature(state, repeat each input)
    if let failure = signature.treeFailure { throw KilnError(failure).resolved() }
    let traced = try self.trace(&returned, state, repeat each input)
    let recorded = traced.closure.recorded
    let results = trace.call(
      recorded.function.name, in: try recorded.module(), signature.leaves, captures: recorded.captures,
      resultTypes: recorded.function.resultTypes)
    let count = traced.stateCount
    state = Array(results.prefix(count)).replacingTensors(of: traced.state) { tree, visitor in visitor.visited(tree) }
    return Array(results.dropFirst(count)).replacingTensors(of: traced.closure.output, by: visitOutput)
  }
}

/// Offers the memory of the state's tensors to the run, where nothing else can see it.
private struct Donor: TensorVisitor {
  let outputs: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  let counts: UnsafeMutablePointer<Atomic<Int>>
  let isOnDevice: Bool
  private var next = 0

  init(
    outputs: UnsafeMutablePointer<UnsafeMutableRawPointer?>, counts: UnsafeMutablePointer<Atomic<Int>>, isOnDevice: Bool
  ) {
    self.outputs = outputs
    self.counts = counts
    self.isOnDevice = isOnDevice
  }

  mutating func leaf(_ tensor: inout AnyTensor) {
    let kind = tensor.core.kind
    if kind == .view || kind == .deviceView {
      count(.view)
    } else if isOnDevice && kind == .buffer {
      count(.moved)
    } else if isKnownUniquelyReferenced(&tensor.core) && (!isOnDevice || tensor.core.ownsItsElements) {
      outputs[next] = tensor.core.pointer
    } else {
      count(.shared)
    }
    next += 1
  }

  private func count(_ reason: CompilationReport.FreshBufferReason) {
    counts[FreshBufferCounts.place(next, reason)].add(1, ordering: .relaxed)
  }

  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}
}

/// Marks the state's tensors that a failed run may have overwritten.
private struct Invalidator: TensorVisitor {
  let outputs: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  let error: KilnError
  private var next = 0

  init(outputs: UnsafeMutablePointer<UnsafeMutableRawPointer?>, error: KilnError) {
    self.outputs = outputs
    self.error = error
  }

  mutating func leaf(_ tensor: inout AnyTensor) {
    if outputs[next] == tensor.core.pointer {
      let why = error.diagnostics.first?.description ?? "the run failed"
      tensor.core.invalidate(
        Diagnostic("update.invalid", "the update that was overwriting this tensor failed", notes: [why]))
    }
    next += 1
  }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}
}

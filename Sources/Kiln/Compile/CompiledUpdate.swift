public import KilnIR
import KilnRuntime
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
/// Tensors of the state that nothing else refers to are overwritten in place; the others get fresh buffers, and
/// `report` counts them. The difference cannot be seen.
public final class CompiledUpdate<State: TensorTree, Output, each Input: TensorTree>: Sendable {
  private let body: @Sendable (inout State, repeat each Input) throws -> Output
  private let visitOutput: @Sendable (Output, inout OutputVisitor) -> Output
  private let table: ProgramTable
  private let namesDevice: Bool

  init(
    _ body: @escaping @Sendable (inout State, repeat each Input) throws -> Output, _ options: CompileOptions,
    _ location: SourceLocation, _ shape: OutputShape<Output>
  ) {
    self.body = body
    visitOutput = shape.visit
    table = ProgramTable(options, location)
    namesDevice = options.device != nil
  }

  /// What was compiled, and why; what was updated in place.
  public var report: CompilationReport { table.report }

  /// Calls the function. A failure is noted by the trace that records or the `withDiagnostics` that runs, which throws
  /// it at its end, and the state stays; elsewhere it stops the program with its diagnostics. `run` throws them.
  @discardableResult
  public func callAsFunction(updating state: inout State, _ input: repeat each Input) -> Output {
    let ambient = Ambient.current
    if let trace = ambient?.trace { return coldly(&state, repeat each input) { $0.recordOrPoison(in: trace) } }
    do throws(KilnError) {
      return try run(ambient, &state, repeat each input)
    } catch {
      return cold(state, repeat each input).poisoned(by: error)
    }
  }

  /// Calls the function.
  /// - Throws: every diagnostic of the trace, of the transformations in it, of the compilation, or of the run. If a run
  ///   fails the state is as it was, but tensors that were being overwritten are invalid, and each use of them says
  ///   why.
  @discardableResult
  public func run(updating state: inout State, _ input: repeat each Input) throws(KilnError) -> Output {
    let ambient = Ambient.current
    if let trace = ambient?.trace {
      return try coldly(&state, repeat each input) { call throws(KilnError) in try call.record(in: trace) }
    }
    return try run(ambient, &state, repeat each input)
  }

  @inline(__always)
  private func run(
    _ ambient: Ambient?, _ state: inout State, _ input: repeat each Input
  ) throws(KilnError) -> Output {
    if ambient?.tapes != nil {
      return try coldly(&state, repeat each input) { call throws(KilnError) in try call.runOnTape() }
    }
    if table.options.checksEveryTrace { try cold(state, repeat each input).checkTrace() }
    if let frame = table.takeFrame(ambient) {
      if matches(frame, ambient, &state, repeat each input) { return try run(frame, &state) }
      frame.destroy()
    }
    let frame = CallFrame(try program(for: state, repeat each input))
    if matches(frame, ambient, &state, repeat each input) { return try run(frame, &state) }
    frame.destroy()
    throw KilnError("compile.C3", "an argument changed its structure while it was visited", at: CallSite.here())
      .resolved()
  }

  /// The program for these arguments. It is found, or made, before the run, so that no reference to the state's tensors
  /// is left when the run asks who else has one.
  @inline(never)
  private func program(for state: State, _ input: repeat each Input) throws(KilnError) -> CompiledProgram {
    try cold(state, repeat each input).program()
  }

  /// Whether the arguments are what the frame's program takes; notes their addresses. Allocates nothing.
  private func matches(
    _ frame: CallFrame, _ ambient: Ambient?, _ state: inout State, _ input: repeat each Input
  ) -> Bool {
    var matcher = SignatureMatcher(frame, ambient, isNamed: namesDevice)
    state.visit(&matcher)
    repeat matcher.match(each input)
    return matcher.isComplete
  }

  /// Runs the program on arguments that match, on the memory of those tensors of the state that have no other
  /// reference.
  private func run(_ frame: CallFrame, _ state: inout State) throws(KilnError) -> Output {
    defer { table.giveBack(frame) }
    var donor = Donor(
      outputs: frame.outputs, counts: frame.program.freshBuffers.first, isOnDevice: frame.isOnDevice)
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
    return visitOutput(frame.template.assumingMemoryBound(to: Output.self).pointee, &visitor)
  }

  /// Takes the state over from a call of which `way` makes the result.
  @inline(never)
  private func coldly<Failure: Error>(
    _ state: inout State, _ input: repeat each Input, way: (ColdCall<Output>) throws(Failure) -> Output
  ) throws(Failure) -> Output {
    let call = cold(state, repeat each input)
    defer { call.update(&state) }
    return try way(call)
  }

  @inline(never)
  private func cold(_ state: State, _ input: repeat each Input) -> ColdCall<Output> {
    let input = (repeat each input)
    let (body, location) = (body, table.location)
    var signature = Signature()
    signature.add(state, "state")
    signature.addArguments("arg", repeat each input)
    return ColdCall(
      table, OutputShape(visit: visitOutput), signature, stateCount: signature.leafCounts[0]
    ) { () throws(KilnError) in
      try TreeCheck.check(state)
      for tree in repeat each input { try TreeCheck.check(tree) }
    } body: { binder throws(KilnError) in
      let before = binder.bind(state, "state")
      let arguments = binder.bindArguments(repeat each input)
      var after = before
      let output = try KilnError.catching(at: location) { () throws in try body(&after, repeat each arguments) }
      return (output, Self.tensors(of: after, like: before, location))
    }
  }

  /// The tensors of the state, which must keep its types and constants: it is the argument of the next call.
  private static func tensors(
    of after: State, like before: State, _ location: SourceLocation
  ) -> Result<[TensorCore], KilnError> {
    var old = Signature()
    old.add(before, "state")
    var new = Signature()
    new.add(after, "state")
    if let reason = old.firstDifference(from: new), !new.leaves.contains(where: { $0.kind == .poisoned }) {
      return .failure(
        KilnError(
          "compile.C4", "an update keeps the types and the structure of its state: \(reason.description)",
          at: location
        ).resolved())
    }
    return .success(OutputShape.tree().taken(after).results)
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

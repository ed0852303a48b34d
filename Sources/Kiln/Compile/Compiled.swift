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

  /// Calls the function. A failure is noted by the trace that records or the `withDiagnostics` that runs, which throws
  /// it at its end; elsewhere it stops the program with its diagnostics. `run` throws them.
  public func callAsFunction(_ input: repeat each Input) -> Output {
    let ambient = Ambient.current
    if let trace = ambient?.trace { return cold(repeat each input).recordOrPoison(in: trace) }
    do throws(KilnError) {
      return try run(ambient, repeat each input)
    } catch {
      return cold(repeat each input).poisoned(by: error)
    }
  }

  /// Calls the function.
  /// - Throws: every diagnostic of the trace, of the transformations in it, of the compilation, or of the run. What the
  ///   closure itself throws when it is traced is the `cause` of the error.
  public func run(_ input: repeat each Input) throws(KilnError) -> Output {
    let ambient = Ambient.current
    if let trace = ambient?.trace { return try cold(repeat each input).record(in: trace) }
    return try run(ambient, repeat each input)
  }

  @inline(__always)
  private func run(_ ambient: Ambient?, _ input: repeat each Input) throws(KilnError) -> Output {
    if ambient?.tapes != nil { return try cold(repeat each input).runOnTape() }
    if table.options.checksEveryTrace { try cold(repeat each input).checkTrace() }
    if let program = table.first {
      var frame = CallFrame(program)
      defer { frame.end() }
      if matches(frame, ambient, repeat each input) { return try run(&frame) }
    }
    return try runSlowly(repeat each input)
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
    var frame = CallFrame(try cold(repeat each input).program())
    defer { frame.end() }
    if matches(frame, .current, repeat each input) { return try run(&frame) }
    throw KilnError("compile.C3", "an argument changed its structure while it was visited", at: CallSite.here())
      .resolved()
  }

  @inline(never)
  private func cold(_ input: repeat each Input) -> ColdCall<Output> {
    let input = (repeat each input)
    let (body, location) = (body, table.location)
    return ColdCall(table, OutputShape(visit: visitOutput), signature("arg", of: repeat each input)) {
      () throws(KilnError) in
      for tree in repeat each input { try TreeCheck.check(tree) }
    } body: { binder throws(KilnError) in
      let arguments = binder.bindArguments(repeat each input)
      let output = try KilnError.catching(at: location) { () throws in try body(repeat each arguments) }
      return (output, .success([]))
    }
  }
}

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
  private let namesDevice: Bool

  init(
    _ body: @escaping @Sendable (repeat each Input) throws -> Output, _ options: CompileOptions,
    _ location: SourceLocation, _ shape: OutputShape<Output>
  ) {
    self.body = body
    visitOutput = shape.visit
    table = ProgramTable(options, location)
    namesDevice = options.device != nil
  }

  /// What was compiled, and why.
  public var report: CompilationReport { table.report }

  /// Calls the function. A failure is noted by the trace that records or the `withDiagnostics` that runs, which throws
  /// it at its end; elsewhere it stops the program with its diagnostics. `run` throws them.
  public func callAsFunction(_ input: repeat each Input) -> Output {
    let ambient = Ambient.current
    var failure: KilnError?
    if let frame = table.takeFrame(ambient) {
      var matcher = SignatureMatcher(frame, ambient, isNamed: namesDevice)
      repeat matcher.match(each input)
      do throws(KilnError) {
        if matcher.isComplete { return try run(frame) }
        frame.destroy()
      } catch {
        failure = error
      }
    }
    var arguments = Arguments()
    repeat arguments.append(each input)
    return callSlowly(arguments, ambient, failure)
  }

  /// Calls the function.
  /// - Throws: every diagnostic of the trace, of the transformations in it, of the compilation, or of the run. What the
  ///   closure itself throws when it is traced is the `cause` of the error.
  public func run(_ input: repeat each Input) throws(KilnError) -> Output {
    let ambient = Ambient.current
    if let frame = table.takeFrame(ambient) {
      var matcher = SignatureMatcher(frame, ambient, isNamed: namesDevice)
      repeat matcher.match(each input)
      if matcher.isComplete { return try run(frame) }
      frame.destroy()
    }
    var arguments = Arguments()
    repeat arguments.append(each input)
    return try runSlowly(arguments, ambient)
  }

  /// Runs the program on arguments that match. Allocates the results and nothing else.
  private func run(_ frame: CallFrame) throws(KilnError) -> Output {
    defer { table.giveBack(frame) }
    do throws(KilnError) {
      try frame.run()
    } catch {
      throw error.resolved(else: table.location)
    }
    var visitor = OutputVisitor(results: frame.results)
    return visitOutput(frame.template.assumingMemoryBound(to: Output.self).pointee, &visitor)
  }

  @inline(never)
  private func runSlowly(_ arguments: Arguments, _ ambient: Ambient?) throws(KilnError) -> Output {
    if let trace = ambient?.trace { return try cold(arguments).record(in: trace) }
    if ambient?.tapes != nil { return try cold(arguments).runOnTape() }
    if table.options.checksEveryTrace { try cold(arguments).checkTrace() }
    let frame = CallFrame(try cold(arguments).program())
    var matcher = SignatureMatcher(frame, ambient, isNamed: namesDevice)
    arguments.match(&matcher)
    if matcher.isComplete { return try run(frame) }
    frame.destroy()
    throw KilnError("compile.C3", "an argument changed its structure while it was visited", at: CallSite.here())
      .resolved()
  }

  @inline(never)
  private func callSlowly(_ arguments: Arguments, _ ambient: Ambient?, _ failure: KilnError?) -> Output {
    if let failure { return cold(arguments).poisoned(by: failure) }
    if let trace = ambient?.trace { return cold(arguments).recordOrPoison(in: trace) }
    do throws(KilnError) {
      return try runSlowly(arguments, ambient)
    } catch {
      return cold(arguments).poisoned(by: error)
    }
  }

  @inline(never)
  private func cold(_ arguments: Arguments) -> ColdCall<Output> {
    var arguments = arguments
    let input = (repeat arguments.next((each Input).self))
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

import KilnIR
import KilnPasses
import KilnRuntime

/// Makes the programs of one call: traces its closure, and has the trace compiled.
struct ProgramMaker<Output> {
  let table: ProgramTable
  /// How many of the first tensors are those of an update's state: its results may take their memory.
  let stateCount: Int
  let shape: OutputShape<Output>
  /// Traces the closure, for tensors of these types instead of the arguments' own.
  let trace: ([TensorType]) throws(KilnError) -> TracedClosure<Output>

  /// The result of a trace, which programs that run in any thread fill.
  // @unchecked: it is copied, and the copy's tensors are replaced; the constants are values of Sendable types.
  private final class Template: @unchecked Sendable {
    let output: Output
    init(_ output: Output) { self.output = output }
  }

  /// A program for the sizes of this call alone.
  /// - Parameter pins: sizes that had names, and the lines of the closure that asked for their numbers.
  func fixedProgram(_ signature: Signature, pins: [String: SourceLocation]) throws(KilnError) -> CompiledProgram {
    let start = ContinuousClock.now
    let reasons = table.reasons(signature)
    let traced = try trace(signature.types)
    let recorded = traced.recorded
    let module = try recorded.module()
    let device = try place(of: signature, recorded)
    let executable: any Executable
    do throws(KilnError) {
      var options = options(recorded)
      options.arguments = signature.leaves
      executable = try device.executor.prepare(module, function: recorded.function.name, options: options)
    } catch {
      throw error.resolved(else: table.location)
    }
    let entry = reportEntry(signature, signature.types, reasons, module, pins, device, since: start)
    return TypedProgram(
      traced.output, shape, signature, recorded.captures, results: recorded.function.resultTypes, executable,
      on: device, FreshBufferCounts(signature.leafNames.prefix(stateCount)), entry: entry)
  }

  /// A program for all sizes of the extents that have names in `types`, and the lines that asked for the number of a
  /// name, which becomes that of this call. Without a program where that leaves no name, or where the closure cannot be
  /// traced without numbers.
  /// - Throws: what tracing finds, if the names were declared.
  func sizedProgram(
    _ signature: Signature, _ types: [TensorType], isDeclared: Bool
  ) throws(KilnError) -> (program: SizedProgram?, pins: [String: SourceLocation]) {
    let start = ContinuousClock.now
    let reasons = table.reasons(signature)
    var types = types
    var pins: [String: SourceLocation] = [:]
    while types.contains(where: { $0.shape.isSymbolic }) {
      let sizes = try sizesAtHand(types, signature)
      let asked = SizePins(sizes) { CallSite.here() }
      let outcome = SizePins.$current.withValue(asked) {
        Result { () throws(KilnError) in
          let traced = try trace(types)
          let module = try traced.recorded.module()
          // Folding computes as a run does.
          let simple = try FloatingPointMode.withStandard { () throws(KilnError) in
            try Pipeline.default(for: traced.recorded.function.name).run(module)
          }
          return (traced, module, simple)
        }
      }
      if asked.pins.isEmpty {
        guard let (traced, module, simple) = try? outcome.get() else {
          if isDeclared { _ = try outcome.get() }
          return (nil, pins)
        }
        return (try sized(signature, types, isDeclared, pins, reasons, traced, module, simple, since: start), pins)
      }
      pins.merge(asked.pins) { old, _ in old }
      let numbers = sizes.filter { asked.pins[$0.key] != nil }
      types = types.map { type in TensorType(type.dtype, Shape(type.shape.map { $0.bound(to: numbers) })) }
    }
    return (nil, pins)
  }

  private func sized(
    _ signature: Signature, _ types: [TensorType], _ isDeclared: Bool, _ pins: [String: SourceLocation],
    _ reasons: [CompilationReport.Reason], _ traced: TracedClosure<Output>, _ module: Module, _ simple: Module,
    since start: ContinuousClock.Instant
  ) throws(KilnError) -> SizedProgram {
    let recorded = traced.recorded
    let name = recorded.function.name
    let device = try place(of: signature, recorded)
    let entry = reportEntry(signature, types, reasons, module, pins, device, since: start)
    let template = Template(traced.output)
    let counts = FreshBufferCounts(signature.leafNames.prefix(stateCount))
    let executable = device.executor.sized(simple, function: name, options: options(recorded))
    let bounds = isDeclared ? table.options.sizes?.requirements ?? [] : []
    return SizedProgram(
      signature, types: types, isDeclared: isDeclared, try simple.require(name),
      requirements: bounds + simple.functions(reachedFrom: name).flatMap(\.requirements), entry: entry, counts
    ) { [shape] signature, sizes, results throws(KilnError) in
      TypedProgram(
        template.output, shape, signature, recorded.captures, results: results,
        try executable.executable(at: sizes, signature.leaves), on: device, counts, entry: entry)
    }
  }

  /// The sizes that the arguments bring.
  private func sizesAtHand(_ types: [TensorType], _ signature: Signature) throws(KilnError) -> [String: Int] {
    let parameters = zip(signature.leafNames, types).map { Function.Parameter($0, $1) }
    do throws(KilnError) {
      return try Function.sizes(parameters, of: signature.types.map(\.shape), in: "the function")
    } catch {
      throw error.located(at: signature.location).resolved()
    }
  }

  private func options(_ recorded: RecordedFunction) -> ExecutionOptions {
    ExecutionOptions(
      numerics: table.options.numerics,
      donations: (0..<stateCount).map { ExecutionPlan.Donation(parameter: $0, result: $0) },
      captures: recorded.captures, threads: table.options.threads)
  }

  private func reportEntry(
    _ signature: Signature, _ types: [TensorType], _ reasons: [CompilationReport.Reason], _ module: Module,
    _ pins: [String: SourceLocation], _ device: Device, since start: ContinuousClock.Instant
  ) -> CompilationReport.Entry {
    var leaves = types[...]
    var (inputs, sized) = ([String](), [String]())
    for (name, item) in zip(signature.names, signature.items) {
      guard case .tensor = item, let type = leaves.popFirst() else {
        inputs.append("\(name): \(item.text)")
        continue
      }
      inputs.append("\(name): \(type)")
      if type.shape.isSymbolic { sized.append("\(name): \(type)") }
    }
    let duration = (ContinuousClock.now - start).components
    return CompilationReport.Entry(
      inputs: inputs, reasons: reasons, pins: pins, types: types, sizedInputs: sized, call: signature.location,
      closure: table.location, device: device,
      seconds: Double(duration.seconds) + Double(duration.attoseconds) * 1e-18, module: module)
  }

  /// Where a program runs: where its captured tensors lie, if neither its arguments nor the function say.
  private func place(of signature: Signature, _ recorded: RecordedFunction) throws(KilnError) -> Device {
    var captured: [TensorCore] = []
    for case .tensor(let core) in recorded.captures { captured.append(core) }
    do throws(KilnError) {
      let place = try Placement.device(of: captured) { _ in "a captured tensor" }
      let isFree = table.options.device == nil && signature.leaves.allSatisfy { $0.deviceElements == nil }
      let device = isFree ? place ?? signature.device : signature.device
      for core in captured { try Placement.check(core, on: device, named: "a captured tensor") }
      return device
    } catch {
      throw error.located(at: table.location).resolved()
    }
  }
}

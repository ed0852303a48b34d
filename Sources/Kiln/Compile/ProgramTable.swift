import KilnIR
import KilnRuntime
import Synchronization

/// The programs of one compiled function, newest first. Looking one up takes no lock; compiling takes one of this
/// function's own.
final class ProgramTable: Sendable {
  let options: CompileOptions
  let location: SourceLocation
  // The newest program, retained; programs are never removed before the table goes.
  private let newest = Atomic<UInt>(0)
  private let compiling = Lock(())
  private let inPlace = Atomic<Int>(0)

  init(_ options: CompileOptions, _ location: SourceLocation) {
    self.options = options
    self.location = location
  }

  deinit {
    guard let pointer = UnsafeRawPointer(bitPattern: newest.load(ordering: .acquiring)) else { return }
    var next: CompiledProgram? = Unmanaged<CompiledProgram>.fromOpaque(pointer).takeRetainedValue()
    while let program = next { next = program.takePrevious() }
  }

  var first: CompiledProgram? {
    UnsafeRawPointer(bitPattern: newest.load(ordering: .acquiring)).map {
      Unmanaged<CompiledProgram>.fromOpaque($0).takeUnretainedValue()
    }
  }

  func program(for signature: Signature) -> CompiledProgram? {
    var next = first
    while let program = next {
      if program.matches(signature) { return program }
      next = program.previous
    }
    return nil
  }

  /// The program for these arguments, compiled by `make` if it does not exist yet. One thread compiles at a time.
  func program(
    for signature: Signature, _ make: (_ previous: CompiledProgram?) throws(KilnError) -> CompiledProgram
  ) throws(KilnError) -> CompiledProgram {
    var result: Result<CompiledProgram, KilnError>?
    compiling.withLock { _ in
      do throws(KilnError) {
        if let known = program(for: signature) {
          result = .success(known)
          return
        }
        try checkLimit(signature)
        let program = try make(first)
        // The table's reference to the program before is now that of `program`.
        let previous = newest.exchange(
          UInt(bitPattern: Unmanaged.passRetained(program).toOpaque()), ordering: .acquiringAndReleasing)
        if let pointer = UnsafeRawPointer(bitPattern: previous) {
          Unmanaged<CompiledProgram>.fromOpaque(pointer).release()
        }
        result = .success(program)
      } catch {
        result = .failure(error)
      }
    }
    guard let result else { throw KilnError("compile.C2", "the function was not compiled") }
    return try result.get()
  }

  private func checkLimit(_ signature: Signature) throws(KilnError) {
    guard count >= options.limit else { return }
    let found =
      count == 0 ? "this function may have no program" : "this function has \(count) programs already, its limit"
    throw KilnError(
      Diagnostic(
        "compile.limit", "\(found), and these arguments need \(count == 0 ? "one" : "another one")",
        at: signature.location,
        notes: (first?.differences(from: signature) ?? []).map(\.description) + [
          "the function was made at \(location.resolved()) with `CompileOptions(limit: \(options.limit))`; a greater one "
            + "raises the limit"
        ])
    ).resolved()
  }

  private var count: Int {
    var count = 0
    var next = first
    while let program = next {
      count += 1
      next = program.previous
    }
    return count
  }

  /// The differences from the earlier program that is most like these arguments.
  func reasons(_ signature: Signature) -> [CompilationReport.Reason] {
    var best: [CompilationReport.Reason] = []
    var next = first
    while let program = next {
      let reasons = program.differences(from: signature)
      if best.isEmpty || reasons.count < best.count { best = reasons }
      next = program.previous
    }
    return best
  }

  func countInPlace(_ count: Int) { inPlace.add(count, ordering: .relaxed) }

  var report: CompilationReport {
    var entries: [CompilationReport.Entry] = []
    var fresh = CompilationReport.FreshBuffers()
    var next = first
    while let program = next {
      entries.append(program.entry)
      program.freshBuffers.add(to: &fresh)
      next = program.previous
    }
    return CompilationReport(
      entries: entries.reversed(), inPlaceCount: inPlace.load(ordering: .relaxed), freshBuffers: fresh)
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
}

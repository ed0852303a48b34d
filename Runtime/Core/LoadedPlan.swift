public import KilnIR
import SystemPackage

/// A plan from a file, ready to run: what a program needs that runs tensor programs and contains no compiler.
///
/// `kiln show --stage plan` writes such files. Any number of threads may run one at once.
public struct LoadedPlan: Sendable {
  private let plan: ExecutionPlan
  private let executable: any Executable

  /// The name of the function.
  public var name: String { plan.name }
  /// What a run takes, in order. Hidden parameters are captured tensors, and are bound like the others.
  public var parameters: [Function.Parameter] { plan.parameters }
  /// The types of what a run gives.
  public var resultTypes: [TensorType] { plan.results.map(\.type) }

  /// Reads, verifies and prepares a plan.
  /// - Throws: `file.C1` for a file that cannot be read; the label of the mistake, with its file, line and column, for
  ///   one that is damaged, truncated or no plan; `plan.version` for a plan of another version of Kiln's numerics;
  ///   `plan.device` for one that was lowered for another kind of device; `device.unavailable` with what the machine
  ///   lacks.
  public init(contentsOf path: String, on backend: PlanBackend) throws(KilnError) {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try FileSystem.read(path) } catch {
      throw KilnError("file.C1", "cannot read \(path): \(error)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw KilnError(
        "parse.C1", "expected the text of a plan, found bytes that are not UTF-8",
        at: .position(file: path, line: 1, column: 1))
    }
    try self.init(ExecutionPlan(parsing: text, file: path), on: backend)
  }

  /// Prepares a plan whose text was read from elsewhere, by `ExecutionPlan(parsing:file:)`.
  /// - Throws: what `PlanVerifier` finds in a plan that was made by hand; `plan.device`, `device.unavailable`.
  public init(_ plan: ExecutionPlan, on backend: PlanBackend) throws(KilnError) {
    let wrong = PlanVerifier.diagnostics(for: plan)
    guard wrong.isEmpty else { throw KilnError(wrong) }
    self.plan = plan
    executable = try backend.prepare(plan)
  }

  /// The results for these inputs, one a parameter.
  /// - Throws: `run.C2` for other inputs than the parameters say; `gather.R1` and its like for an index out of range,
  ///   at the line of the program that the plan was made of; `memory.exhausted`.
  public func run(_ inputs: [TensorValue]) throws(KilnError) -> [TensorValue] {
    try plan.requireInputs(inputs.map(\.type))
    let (arguments, results): ([HostBuffer], [HostBuffer])
    do throws(RuntimeError) {
      arguments = try inputs.map { input throws(RuntimeError) in
        let buffer = try HostBuffer(byteCount: input.bytes.count)
        buffer.withBytes { $0.copyBytes(from: input.bytes) }
        return buffer
      }
      results = try plan.results.map { result throws(RuntimeError) in
        try HostBuffer(byteCount: result.type.byteCount)
      }
    } catch {
      throw KilnError(error)
    }
    try run(arguments, into: results)
    var values: [TensorValue] = []
    for (type, result) in zip(resultTypes, results) {
      do throws(ConstraintFailure) {
        values.append(try TensorValue(type, bytes: result.withBytes { Array($0) }))
      } catch {
        throw KilnError(error)
      }
    }
    return values
  }

  /// Runs on memory of the caller, with no copies on a processor: a buffer for each parameter and for each result, with
  /// the bytes of its type.
  ///
  /// A result may be written over a parameter where the plan has a donation that says so; else no two are the same
  /// buffer.
  /// - Throws: as `run(_:)`; `run.C2` also for buffers of another size or number, and for results that share memory.
  public func run(_ inputs: [HostBuffer], into results: [HostBuffer]) throws(KilnError) {
    let types = (parameters.map(\.type.byteCount), resultTypes.map(\.byteCount))
    guard inputs.map(\.byteCount) == types.0, results.map(\.byteCount) == types.1 else {
      throw KilnError(
        "run.C2",
        "@\(name) takes buffers of \(types.0) bytes and writes \(types.1), found \(inputs.map(\.byteCount)) and "
          + "\(results.map(\.byteCount))")
    }
    for (number, result) in results.enumerated() {
      let donors = (plan.donations + plan.refusedDonations).filter { $0.result == number }.map(\.parameter)
      let isShared =
        results[..<number].contains { $0 === result }
        || inputs.indices.contains { inputs[$0] === result && !donors.contains($0) }
      if isShared { throw KilnError("run.C2", "result \(number) of @\(name) shares its memory with another buffer") }
    }
    let sources = inputs.map { UnsafeRawPointer($0.pointer) }
    let targets = results.map(\.pointer)
    let outcome = sources.withUnsafeBufferPointer { sources in
      targets.withUnsafeBufferPointer { targets in
        Result { () throws(KilnError) in try executable.run(inputs: sources, outputs: targets) }
      }
    }
    withExtendedLifetime((inputs, results)) {}
    try outcome.get()
  }
}

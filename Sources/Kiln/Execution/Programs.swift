import KilnIR
import KilnRuntime

/// Runs programs that were made by hand or by a transform at every call, and keeps the prepared ones by their content.
enum Programs {
  private struct Key: Hashable {
    let module: Module
    let function: String
    let device: ObjectIdentifier
  }

  private static let limit = 256
  private static let prepared = Lock<[Key: any Executable]>([:])

  /// The results of a function of `module` on `device`; nil: where the arguments lie, or on the current device.
  ///
  /// - Throws: `device.C1` for tensors on other devices.
  static func run(
    _ module: Module, _ name: String, _ arguments: [TensorCore], _ captures: [Trace.Capture] = [],
    on device: Device? = nil
  ) throws(KilnError) -> [TensorCore] {
    guard let function = module[name] else { throw KilnError("module.C2", "there is no function @\(name)") }
    let inputs =
      arguments
      + captures.map { capture in
        switch capture {
        case .tensor(let core): core
        case .variable(let variable): variable.current
        }
      }
    let place = try Placement.device(of: inputs) { function.parameters[$0].name }
    let device = device ?? place ?? .current
    for (parameter, input) in zip(function.parameters, inputs) {
      try Placement.check(input, on: device, named: parameter.name)
    }
    let executable = try executable(module, name, arguments, captures, device)
    let types = function.resultTypes.map { InternedType.of($0) }
    let results: [TensorCore]
    if let executable = executable.onDevice {
      results = try executable.run(inputs, on: device, types)
    } else {
      results = try run(executable, inputs, types)
    }
    RecordingTapes.current?.noteCall(name, in: module, inputs, results)
    return results
  }

  /// Runs a program on tensors in the host's memory.
  private static func run(
    _ executable: any Executable, _ inputs: [TensorCore], _ types: [InternedType]
  ) throws(KilnError) -> [TensorCore] {
    var results: [TensorCore] = []
    for type in types {
      do { results.append(try .allocate(type)) } catch { throw KilnError("memory.exhausted", error.message) }
    }
    let addresses = inputs.map { UnsafeRawPointer($0.pointer) }
    let memory = results.map(\.pointer)
    let outcome = addresses.withUnsafeBufferPointer { addresses in
      memory.withUnsafeBufferPointer { memory in
        Result { () throws(KilnError) in try executable.run(inputs: addresses, outputs: memory) }
      }
    }
    withExtendedLifetime(inputs) {}
    try outcome.get()
    return results
  }

  private static func executable(
    _ module: Module, _ name: String, _ arguments: [TensorCore], _ captures: [Trace.Capture], _ device: Device
  ) throws(KilnError) -> any Executable {
    let key = Key(module: module, function: name, device: ObjectIdentifier(device.executor))
    if let known = prepared.withLock({ $0[key] }) { return known }
    // A module made by hand may be anything.
    let findings = Verifier.diagnostics(for: module)
    if !findings.isEmpty { throw KilnError(findings) }
    let options = ExecutionOptions(captures: captures, arguments: arguments)
    let executable = try device.executor.prepare(module, function: name, options: options)
    prepared.withLock { prepared in
      if prepared.count >= limit { prepared.removeAll(keepingCapacity: true) }
      prepared[key] = executable
    }
    return executable
  }
}

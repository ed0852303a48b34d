import KilnIR
import KilnPasses
import KilnRuntime

/// Runs programs that were made by hand or by a transform at every call, and keeps the prepared ones by their content:
/// the least recently used go first where all of them take more memory than they may.
enum Programs {
  private static let families = Lock(BoundedCache<ModuleForm, ProgramFamily>(limit: MemoryLimits.shared.programs / 2))

  /// Forgets every prepared program.
  static func removeAll() {
    let dropped = families.withLock { $0.removeAll() }
    withExtendedLifetime(dropped) {}
  }

  /// The results of a function of `module` on `device`; nil: where the arguments lie, or on the current device.
  ///
  /// - Throws: `device.C1` for tensors on other devices.
  static func run(
    _ module: Module, _ name: String, _ arguments: [TensorCore], _ captures: [Trace.Capture] = [],
    on device: Device? = nil
  ) throws(KilnError) -> [TensorCore] {
    guard let function = module[name] else { throw KilnError("module.C2", "there is no function @\(name)") }
    let inputs = arguments + captures.map { $0.core() }
    let place = try Placement.device(of: inputs) { function.parameters[$0].name }
    let device = device ?? place ?? .current
    for (parameter, input) in zip(function.parameters, inputs) {
      try Placement.check(input, on: device, named: parameter.name)
    }
    let (executable, numbers) = try executable(module, name, arguments, captures, device)
    let operands = numbers.isEmpty ? inputs : inputs + numbers
    let results = try run(executable, operands, function.resultTypes, on: device)
    RecordingTapes.current?.noteCall(name, in: module, inputs, results)
    return results
  }

  /// Runs a program on tensors of `device`, or in the host's memory.
  static func run(
    _ executable: any Executable, _ inputs: [TensorCore], _ types: [TensorType], on device: Device
  ) throws(KilnError) -> [TensorCore] {
    let types = types.map { InternedType.of($0) }
    if let executable = executable.onDevice { return try executable.run(inputs, on: device, types) }
    var results: [TensorCore] = []
    for type in types { results.append(try .allocate(type)) }
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

  /// The executable for a module, and the operands that stand for its numbers.
  private static func executable(
    _ module: Module, _ name: String, _ arguments: [TensorCore], _ captures: [Trace.Capture], _ device: Device
  ) throws(KilnError) -> (any Executable, [TensorCore]) {
    let form = ModuleForm(module: module, function: name, device: ObjectIdentifier(device.executor))
    let literals = ConstantLifting.literals(of: module)
    let known = families.withLock { $0.find(form) }
    if let member = known?.member(for: literals) { return (member.executable, try member.numbers(literals)) }
    let family = known ?? ProgramFamily()
    let member = try member(family.lifted(for: literals), literals, module, name, arguments, captures, device)
    let byteCount = family.add(member) + module.byteCount
    let dropped = families.withLock { $0.insert(family, for: form, byteCount: byteCount) }
    withExtendedLifetime(dropped) {}
    return (member.executable, try member.numbers(literals))
  }

  private static func member(
    _ lifted: [Int], _ literals: [Literal], _ module: Module, _ name: String, _ arguments: [TensorCore],
    _ captures: [Trace.Capture], _ device: Device
  ) throws(KilnError) -> ProgramFamily.Member {
    // A module made by hand may be anything.
    let findings = Verifier.diagnostics(for: module)
    if !findings.isEmpty { throw KilnError(findings) }
    var program = module
    var captures = captures
    if !lifted.isEmpty {
      program = try ConstantLifting.lift(lifted, of: module)
      for index in lifted { captures.append(.tensor(try .operand(literals[index]))) }
    }
    let options = ExecutionOptions(captures: captures, arguments: arguments)
    let executable = try device.executor.prepare(program, function: name, options: options)
    return ProgramFamily.Member(literals: literals, lifted: lifted, executable: executable)
  }
}

extension Module {
  /// About how many bytes of memory it takes.
  fileprivate var byteCount: Int { functions.reduce(1024) { $0 + 512 * $1.instructions.count } }
}

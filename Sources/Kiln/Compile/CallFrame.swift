import KilnIR
import KilnRuntime

/// The tables of one call. A thread leaves them to its next call of the same program (`ProgramTable.frames`).
///
/// All that a call needs of the program is at one address of its own: a reference to an object that threads share would
/// be counted by all of them in one place.
struct CallFrame {
  private typealias Run = (
    UnsafeBufferPointer<UnsafeRawPointer>, UnsafeBufferPointer<UnsafeMutableRawPointer>
  ) throws(KilnError) -> Void

  private struct Fields {
    /// Retained.
    let program: Unmanaged<CompiledProgram>
    let items: UnsafeBufferPointer<SignatureItem>
    let resultTypes: UnsafeBufferPointer<InternedType>
    let isForPreferred: Bool
    let isOnDevice: Bool
    let hasVariables: Bool
    let template: UnsafeMutableRawPointer
    let inputs: UnsafeMutableBufferPointer<UnsafeRawPointer>
    let outputs: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    let results: UnsafeMutablePointer<TensorCore?>
    let run: Run
    var hasBegun = false
  }

  private let fields: UnsafeMutablePointer<Fields>

  init(_ program: CompiledProgram) {
    let executable = program.executable
    let count = program.results.count
    fields = .allocate(capacity: 1)
    fields.initialize(
      to: Fields(
        program: .passRetained(program), items: program.items, resultTypes: program.results,
        isForPreferred: program.isForPreferred, isOnDevice: program.onDevice != nil,
        hasVariables: !program.variables.isEmpty, template: program.makeTemplate(),
        inputs: .allocate(capacity: program.inputCount), outputs: .allocate(capacity: count),
        results: .allocate(capacity: count)
      ) { inputs, outputs throws(KilnError) in try executable.run(inputs: inputs, outputs: outputs) })
    outputs.initialize(repeating: nil, count: count)
    results.initialize(repeating: nil, count: count)
    for (parameter, core) in program.capturedTensors {
      (inputs + parameter).initialize(to: UnsafeRawPointer(core.pointer))
    }
  }

  init(_ address: UnsafeMutableRawPointer) { fields = address.assumingMemoryBound(to: Fields.self) }

  func destroy() {
    program.destroy(template: template)
    fields.pointee.inputs.deallocate()
    outputs.deallocate()
    results.deinitialize(count: fields.pointee.resultTypes.count).deallocate()
    fields.pointee.program.release()
    fields.deinitialize(count: 1).deallocate()
  }

  var address: UnsafeMutableRawPointer { UnsafeMutableRawPointer(fields) }
  var program: CompiledProgram { fields.pointee.program.takeUnretainedValue() }
  /// What the arguments must be.
  var items: UnsafeBufferPointer<SignatureItem> { fields.pointee.items }
  /// Whether the program is for the device that is taken where nothing says one.
  var isForPreferred: Bool { fields.pointee.isForPreferred }
  /// Whether the program runs on a device with memory of its own.
  var isOnDevice: Bool { fields.pointee.isOnDevice }
  /// What the call copies as its result.
  var template: UnsafeMutableRawPointer { fields.pointee.template }
  /// One address per parameter, of its first element; or of its core, if the program runs on a device with memory of
  /// its own. The matcher writes those of the arguments; those of captured tensors stay.
  var inputs: UnsafeMutablePointer<UnsafeRawPointer> { fields.pointee.inputs.baseAddress.unsafelyUnwrapped }
  /// One address per result; nil where the run has to provide the memory. On a device any address stands for the memory
  /// of the parameter of that number.
  var outputs: UnsafeMutablePointer<UnsafeMutableRawPointer?> { fields.pointee.outputs }
  /// The tensors that the run made, nil where the caller provided the memory.
  var results: UnsafeMutablePointer<TensorCore?> { fields.pointee.results }
  /// Whether the run may have written over memory that it was offered.
  var hasBegun: Bool { fields.pointee.hasBegun }

  /// Results that took the memory of a parameter.
  var inPlaceCount: Int {
    (0..<fields.pointee.resultTypes.count).count { outputs[$0] != nil && results[$0] == nil }
  }

  /// Makes it ready for the next call; tensors that were not taken are released.
  func reset() {
    for index in 0..<fields.pointee.resultTypes.count {
      outputs[index] = nil
      if results[index] != nil { results[index] = nil }
    }
    fields.pointee.hasBegun = false
  }

  /// Makes the results' memory, reads the variables and runs.
  func run() throws(KilnError) {
    if isOnDevice { return try runOnDevice() }
    let types = fields.pointee.resultTypes
    for index in 0..<types.count where outputs[index] == nil {
      let core = try TensorCore.allocate(types[index])
      outputs[index] = core.pointer
      (results + index).initialize(to: core)
    }
    let values = fields.pointee.hasVariables ? try readVariables() : []
    let memory = UnsafeMutableRawPointer(outputs).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    fields.pointee.hasBegun = true
    try fields.pointee.run(
      UnsafeBufferPointer(fields.pointee.inputs), UnsafeBufferPointer(start: memory, count: types.count))
    withExtendedLifetime(values) {}
  }

  private func readVariables() throws(KilnError) -> [TensorCore] {
    var values: [TensorCore] = []
    for (parameter, storage) in program.variables {
      let core = storage.current
      try Placement.check(core, on: program.device, named: "a variable's value")
      values.append(core)
      (inputs + parameter).initialize(to: UnsafeRawPointer(core.pointer))
    }
    return values
  }

  /// Runs on a device; results that took the memory of a parameter are not there, the parameter has them.
  private func runOnDevice() throws(KilnError) {
    let program = program
    guard let executable = program.onDevice else { return }
    var operands: [TensorCore] = []
    operands.reserveCapacity(program.inputCount)
    for index in 0..<program.inputCount - program.captures.count {
      operands.append(Unmanaged<TensorCore>.fromOpaque(inputs[index]).takeUnretainedValue())
    }
    operands += try program.capturesOnDevice()
    let donated = Set((0..<program.results.count).filter { outputs[$0] != nil })
    let cores = try executable.run(
      operands, donating: donated, on: program.device, Array(program.results), hasBegun: &fields.pointee.hasBegun)
    for (index, core) in cores.enumerated() {
      let isInPlace = donated.contains(index) && core.deviceElements === operands[index].deviceElements
      if !isInPlace { results[index] = core }
    }
  }
}

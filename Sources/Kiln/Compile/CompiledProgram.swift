import KilnIR
import KilnRuntime
import Synchronization

/// A program of a compiled function, or the plan of one for all sizes: what its arguments must be, and how to run it.
/// Immutable.
// @unchecked: nothing changes between `init` and the end of its table; the constants are values of Sendable types.
class CompiledProgram: @unchecked Sendable {
  let items: UnsafeBufferPointer<SignatureItem>
  /// Where it runs; not where the signature asked for if the closure captured tensors elsewhere.
  let device: Device
  private let isForPreferred: Bool
  let executable: any Executable
  /// The executable, if its device has memory of its own.
  let onDevice: (any DeviceExecutable)?
  private let copies: CapturedCopies
  let captures: [Trace.Capture]
  /// The signature of the call for which it was made, without its tensors.
  let signature: Signature
  let results: UnsafeBufferPointer<Unmanaged<InternedType>>
  let inputCount: Int
  /// What was compiled; a plan shares it with its program.
  let entry: CompilationReport.Entry
  /// Which tensors of an update's state got fresh buffers.
  let freshBuffers: FreshBufferCounts
  private let hasVariables: Bool
  /// The result of the traced closure, whose tensors each call replaces. Of the type `Output` of the compiled function:
  /// the address of a field of a generic class would have to be looked up at each call.
  let template: UnsafeRawPointer
  /// The scratch memory of a call that has ended.
  private let spareScratch = Atomic<UnsafeMutableRawPointer?>(nil)

  init(
    _ template: UnsafeRawPointer, _ signature: Signature, _ captures: [Trace.Capture], results: [TensorType],
    _ executable: any Executable, on device: Device, _ freshBuffers: FreshBufferCounts, entry: CompilationReport.Entry
  ) {
    self.template = template
    self.signature = signature.withoutTensors
    self.freshBuffers = freshBuffers
    items = Self.immortal(signature.items)
    isForPreferred = signature.device == .preferred
    self.device = device
    self.executable = executable
    onDevice = executable.onDevice
    copies = CapturedCopies(count: captures.count)
    self.captures = captures
    self.results = Self.immortal(results.map { Unmanaged.passUnretained(InternedType.of($0)) })
    inputCount = signature.leaves.count + captures.count
    self.entry = entry
    hasVariables = captures.contains { if case .variable = $0 { true } else { false } }
  }

  deinit {
    UnsafeMutableBufferPointer(mutating: items).deinitialize().deallocate()
    results.deallocate()
    spareScratch.load(ordering: .acquiring)?.deallocate()
  }

  private static func immortal<Element>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
    let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
    _ = buffer.initialize(from: elements)
    return UnsafeBufferPointer(buffer)
  }

  /// Whether the program is for the device of a call whose arguments do not say one.
  func isWanted(_ ambient: Ambient?) -> Bool { ambient?.device.map { $0 == signature.device } ?? isForPreferred }

  func matches(_ other: Signature) -> Bool {
    signature.device == other.device && items.count == other.items.count
      && zip(items, other.items).allSatisfy { $0 == $1 }
  }

  /// Scratch memory for one call: a word for each input, and two for each result.
  func takeScratch() -> UnsafeMutableRawPointer {
    let word = MemoryLayout<UnsafeRawPointer>.stride
    return spareScratch.exchange(nil, ordering: .acquiring)
      ?? .allocate(byteCount: (inputCount + 2 * results.count + 1) * word, alignment: word)
  }

  func giveBack(scratch: UnsafeMutableRawPointer) {
    spareScratch.exchange(scratch, ordering: .acquiringAndReleasing)?.deallocate()
  }
}

/// The tables of one call, in scratch memory of the program. Whoever makes one calls `end`.
struct CallFrame {
  let program: CompiledProgram
  /// One address per parameter, of its first element; or of its core, if the program runs on a device with memory of
  /// its own. The matcher writes those of the arguments.
  let inputs: UnsafeMutablePointer<UnsafeRawPointer>
  /// One address per result; nil where the run has to provide the memory. On a device any address stands for the memory
  /// of the parameter of that number.
  let outputs: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  /// The tensors that the run made, nil where the caller provided the memory.
  let results: UnsafeMutablePointer<TensorCore?>
  /// Whether the run may have written over memory that it was offered.
  private(set) var hasBegun = false

  init(_ program: CompiledProgram) {
    self.program = program
    let base = program.takeScratch()
    let word = MemoryLayout<UnsafeRawPointer>.stride
    inputs = base.assumingMemoryBound(to: UnsafeRawPointer.self)
    outputs = (base + program.inputCount * word).assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    results = (base + (program.inputCount + program.results.count) * word).assumingMemoryBound(to: TensorCore?.self)
    outputs.initialize(repeating: nil, count: program.results.count)
    results.initialize(repeating: nil, count: program.results.count)
  }

  /// Results that took the memory of a parameter.
  var inPlaceCount: Int {
    (0..<program.results.count).count { outputs[$0] != nil && results[$0] == nil }
  }

  /// Ends the frame; tensors that were not taken are released.
  func end() {
    results.deinitialize(count: program.results.count)
    program.giveBack(scratch: UnsafeMutableRawPointer(inputs))
  }

  /// Makes the results' memory, reads the variables and runs.
  mutating func run() throws(KilnError) {
    if let executable = program.onDevice { return try run(executable) }
    let count = program.results.count
    for index in 0..<count where outputs[index] == nil {
      let type = program.results[index]._withUnsafeGuaranteedRef { $0 }
      let core = try TensorCore.allocate(type)
      outputs[index] = core.pointer
      results[index] = core
    }
    let first = program.inputCount - program.captures.count
    var variables: [TensorCore] = []
    for (index, capture) in program.captures.enumerated() {
      switch capture {
      case .tensor(let core): (inputs + first + index).initialize(to: UnsafeRawPointer(core.pointer))
      case .variable(let variable):
        let core = variable.current
        try Placement.check(core, on: program.device, named: "a variable's value")
        variables.append(core)
        (inputs + first + index).initialize(to: UnsafeRawPointer(core.pointer))
      }
    }
    let memory = UnsafeMutableRawPointer(outputs).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    hasBegun = true
    try program.executable.run(
      inputs: UnsafeBufferPointer(start: inputs, count: program.inputCount),
      outputs: UnsafeBufferPointer(start: memory, count: count))
    withExtendedLifetime(variables) {}
  }

  /// Runs on a device; results that took the memory of a parameter are not there, the parameter has them.
  private mutating func run(_ executable: any DeviceExecutable) throws(KilnError) {
    var operands: [TensorCore] = []
    operands.reserveCapacity(program.inputCount)
    for index in 0..<program.inputCount - program.captures.count {
      operands.append(Unmanaged<TensorCore>.fromOpaque(inputs[index]).takeUnretainedValue())
    }
    operands += try program.capturesOnDevice()
    let donated = Set((0..<program.results.count).filter { outputs[$0] != nil })
    let types = program.results.map { $0._withUnsafeGuaranteedRef { $0 } }
    let cores = try executable.run(operands, donating: donated, on: program.device, types, hasBegun: &hasBegun)
    for (index, core) in cores.enumerated() {
      let isInPlace = donated.contains(index) && core.deviceElements === operands[index].deviceElements
      if !isInPlace { results[index] = core }
    }
  }
}

extension CompiledProgram {
  /// The captured tensors on the program's device.
  fileprivate func capturesOnDevice() throws(KilnError) -> [TensorCore] {
    var cores: [TensorCore] = []
    for (index, capture) in captures.enumerated() {
      // Tensors were looked at when the program was made; variables have other values since.
      let core = capture.core()
      try Placement.check(core, on: device, named: "a variable's value")
      cores.append(try copies.copy(index, of: core, on: device))
    }
    return cores
  }
}

/// What a program captured in the host's memory, copied to its device once, and again when a variable has another value
/// or the device was lost.
private final class CapturedCopies: Sendable {
  private struct Copy {
    let source: TensorCore
    let core: TensorCore
  }

  private let copies: Lock<[Copy?]>

  init(count: Int) { copies = Lock(Array(repeating: nil, count: count)) }

  func copy(_ index: Int, of source: TensorCore, on device: Device) throws(KilnError) -> TensorCore {
    try copies.withLock { copies throws(KilnError) in
      if let known = copies[index], known.source === source, known.core.deviceElements?.storage.isValid != false {
        return known.core
      }
      let core = try source.moved(to: device)
      copies[index] = Copy(source: source, core: core)
      return core
    }
  }
}

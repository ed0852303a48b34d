import KilnIR
import KilnRuntime

/// One program of a compiled function: what its arguments must be, and how to run it. Immutable; it lives as long as the
/// compiled function.
// @unchecked: nothing changes between `init` and the end of its table; the constants are values of Sendable types.
class CompiledProgram: @unchecked Sendable {
  let items: UnsafeBufferPointer<SignatureItem>
  let names: [String]
  let executable: any Executable
  let captures: [Trace.Capture]
  let results: UnsafeBufferPointer<Unmanaged<InternedType>>
  let inputCount: Int
  /// The program compiled before this one.
  private(set) var previous: CompiledProgram?
  let entry: CompilationReport.Entry
  private let hasVariables: Bool

  init(
    _ signature: Signature, _ recorded: RecordedFunction, _ executable: any Executable, previous: CompiledProgram?,
    entry: CompilationReport.Entry
  ) {
    items = Self.immortal(signature.items)
    names = signature.names
    self.executable = executable
    captures = recorded.captures
    results = Self.immortal(recorded.function.resultTypes.map { Unmanaged.passUnretained(InternedType.of($0)) })
    inputCount = recorded.function.parameters.count
    self.previous = previous
    self.entry = entry
    hasVariables = captures.contains { if case .variable = $0 { true } else { false } }
  }

  deinit {
    UnsafeMutableBufferPointer(mutating: items).deinitialize().deallocate()
    results.deallocate()
  }

  private static func immortal<Element>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
    let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
    _ = buffer.initialize(from: elements)
    return UnsafeBufferPointer(buffer)
  }

  /// Lets the program before this one go, so that a long list is not released recursively.
  func takePrevious() -> CompiledProgram? { previous.take() }

  func matches(_ signature: Signature) -> Bool {
    items.count == signature.items.count && zip(items, signature.items).allSatisfy { $0 == $1 }
  }

  /// Scratch memory for one call.
  var frameByteCount: Int { (inputCount + 2 * results.count) * MemoryLayout<UnsafeRawPointer>.stride }
}

/// The tables of one call, in scratch memory of `frameByteCount` bytes.
struct CallFrame {
  let program: CompiledProgram
  /// One address per parameter; the matcher writes those of the arguments.
  let inputs: UnsafeMutablePointer<UnsafeRawPointer>
  /// One address per result; nil where the run has to provide the memory.
  let outputs: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  /// The tensors that the run made, nil where the caller provided the memory.
  let results: UnsafeMutablePointer<TensorCore?>

  init(_ program: CompiledProgram, _ scratch: UnsafeMutableRawBufferPointer) {
    self.program = program
    let base = scratch.baseAddress.unsafelyUnwrapped
    let word = MemoryLayout<UnsafeRawPointer>.stride
    inputs = base.assumingMemoryBound(to: UnsafeRawPointer.self)
    outputs = (base + program.inputCount * word).assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    results = (base + (program.inputCount + program.results.count) * word).assumingMemoryBound(to: TensorCore?.self)
    outputs.initialize(repeating: nil, count: program.results.count)
    results.initialize(repeating: nil, count: program.results.count)
  }

  /// Ends the frame; tensors that nobody took are released.
  func end() { results.deinitialize(count: program.results.count) }

  /// Binds the arguments `leaves` (a matcher does it without the array).
  func bind(_ leaves: [TensorCore]) {
    for (index, leaf) in leaves.enumerated() { (inputs + index).initialize(to: UnsafeRawPointer(leaf.pointer)) }
  }

  /// Makes the results' memory, reads the variables and runs.
  func run() throws(KilnError) {
    let count = program.results.count
    for index in 0..<count where outputs[index] == nil {
      let type = program.results[index]._withUnsafeGuaranteedRef { $0 }
      do {
        let core = try TensorCore.allocate(type)
        outputs[index] = core.pointer
        results[index] = core
      } catch {
        throw KilnError("memory.C1", error.message)
      }
    }
    let first = program.inputCount - program.captures.count
    var variables: [TensorCore] = []
    for (index, capture) in program.captures.enumerated() {
      switch capture {
      case .tensor(let core): (inputs + first + index).initialize(to: UnsafeRawPointer(core.pointer))
      case .variable(let variable):
        let core = variable.current
        variables.append(core)
        (inputs + first + index).initialize(to: UnsafeRawPointer(core.pointer))
      }
    }
    let memory = UnsafeMutableRawPointer(outputs).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    try program.executable.run(
      inputs: UnsafeBufferPointer(start: inputs, count: program.inputCount),
      outputs: UnsafeBufferPointer(start: memory, count: count))
    withExtendedLifetime(variables) {}
  }
}

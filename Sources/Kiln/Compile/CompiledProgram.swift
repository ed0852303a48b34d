import KilnIR
import KilnRuntime

/// A program of a compiled function, or the plan of one for all sizes: what its arguments must be, and how to run it.
/// Immutable.
// @unchecked: nothing changes between `init` and the end of its table; the constants are values of Sendable types.
class CompiledProgram: @unchecked Sendable {
  let items: UnsafeBufferPointer<SignatureItem>
  /// Where it runs; not where the signature asked for if the closure captured tensors elsewhere.
  let device: Device
  /// Whether it is for the device that is taken where nothing says one.
  let isForPreferred: Bool
  let executable: any Executable
  /// The executable, if its device has memory of its own.
  let onDevice: (any DeviceExecutable)?
  let copies: CapturedCopies
  let captures: [Trace.Capture]
  /// The signature of the call for which it was made, without its tensors.
  let signature: Signature
  let results: UnsafeBufferPointer<InternedType>
  let inputCount: Int
  /// What it captured, with the numbers of the parameters.
  let capturedTensors: [(parameter: Int, core: TensorCore)]
  let variables: [(parameter: Int, storage: VariableStorage)]
  /// What was compiled; a plan shares it with its program.
  let entry: CompilationReport.Entry
  /// Which tensors of an update's state got fresh buffers.
  let freshBuffers: FreshBufferCounts

  init(
    _ signature: Signature, _ captures: [Trace.Capture], results: [TensorType], _ executable: any Executable,
    on device: Device, _ freshBuffers: FreshBufferCounts, entry: CompilationReport.Entry
  ) {
    self.signature = signature.withoutTensors
    self.freshBuffers = freshBuffers
    items = Self.immortal(signature.items)
    isForPreferred = signature.device == .preferred
    self.device = device
    self.executable = executable
    onDevice = executable.onDevice
    copies = CapturedCopies(count: captures.count)
    self.captures = captures
    self.results = Self.immortal(results.map { InternedType.of($0) })
    let leafCount = signature.leaves.count
    inputCount = leafCount + captures.count
    capturedTensors = captures.enumerated().compactMap { index, capture in
      if case .tensor(let core) = capture { (leafCount + index, core) } else { nil }
    }
    variables = captures.enumerated().compactMap { index, capture in
      if case .variable(let storage) = capture { (leafCount + index, storage) } else { nil }
    }
    self.entry = entry
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

  func matches(_ other: Signature) -> Bool {
    signature.device == other.device && items.count == other.items.count
      && zip(items, other.items).allSatisfy { $0 == $1 }
  }

  /// The result of the traced closure, whose tensors each call replaces: one for each frame, as threads that copy the
  /// same one count references in the same memory. Of the type `Output` of the compiled function: the address of a
  /// field of a generic class would have to be looked up at each call.
  func makeTemplate() -> UnsafeMutableRawPointer { preconditionFailure("made by TypedProgram") }
  func destroy(template: UnsafeMutableRawPointer) { preconditionFailure("made by TypedProgram") }
}

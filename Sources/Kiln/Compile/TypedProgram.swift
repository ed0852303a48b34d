import KilnIR
import KilnRuntime

/// A program that owns the result of its closure.
final class TypedProgram<Output>: CompiledProgram, @unchecked Sendable {
  private let template: Output
  private let shape: OutputShape<Output>

  init(
    _ template: Output, _ shape: OutputShape<Output>, _ signature: Signature, _ captures: [Trace.Capture],
    results: [TensorType], _ executable: any Executable, on device: Device, _ freshBuffers: FreshBufferCounts,
    entry: CompilationReport.Entry
  ) {
    self.template = template
    self.shape = shape
    super.init(signature, captures, results: results, executable, on: device, freshBuffers, entry: entry)
  }

  override func makeTemplate() -> UnsafeMutableRawPointer {
    let (empty, results) = shape.taken(template)
    let pointer = UnsafeMutablePointer<Output>.allocate(capacity: 1)
    pointer.initialize(to: shape.filled(empty, with: Array(repeating: .makePlaceholder(), count: results.count)))
    return UnsafeMutableRawPointer(pointer)
  }

  override func destroy(template: UnsafeMutableRawPointer) {
    template.assumingMemoryBound(to: Output.self).deinitialize(count: 1).deallocate()
  }
}

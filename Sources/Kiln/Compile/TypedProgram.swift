import KilnIR
import KilnRuntime

/// A program that owns the result of its closure.
final class TypedProgram<Output>: CompiledProgram, @unchecked Sendable {
  init(
    _ template: Output, _ signature: Signature, _ captures: [Trace.Capture], results: [TensorType],
    _ executable: any Executable, on device: Device, _ freshBuffers: FreshBufferCounts, entry: CompilationReport.Entry
  ) {
    let pointer = UnsafeMutablePointer<Output>.allocate(capacity: 1)
    pointer.initialize(to: template)
    super.init(
      pointer, signature, captures, results: results, executable, on: device, freshBuffers, entry: entry)
  }

  deinit {
    let pointer = UnsafeMutableRawPointer(mutating: template).assumingMemoryBound(to: Output.self)
    pointer.deinitialize(count: 1).deallocate()
  }
}

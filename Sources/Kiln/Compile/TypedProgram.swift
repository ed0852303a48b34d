import KilnIR
import KilnRuntime

/// A program that owns the result of its closure.
final class TypedProgram<Output>: CompiledProgram, @unchecked Sendable {
  init(
    _ template: Output, _ signature: Signature, _ recorded: RecordedFunction, _ executable: any Executable,
    on device: Device, state: Int, previous: CompiledProgram?, entry: CompilationReport.Entry
  ) {
    let pointer = UnsafeMutablePointer<Output>.allocate(capacity: 1)
    pointer.initialize(to: template)
    super.init(
      pointer, signature, recorded, executable, on: device, state: state, previous: previous, entry: entry)
  }

  deinit {
    let pointer = UnsafeMutableRawPointer(mutating: template).assumingMemoryBound(to: Output.self)
    pointer.deinitialize(count: 1).deallocate()
  }
}

import KilnCPU
import KilnIR
import KilnRuntime

extension Device {
  /// The processor of this machine, through LLVM. Where LLVM or fused multiply-add is missing, programs are refused
  /// with `device.unavailable` and what to install; `Device.reference` runs everywhere.
  public static let cpu = Device("cpu", processor)

  private static let processor: any Executor =
    switch KernelCompiler.shared {
    case .failure(let error): UnavailableExecutor(error.message)
    case .success(let compiler): PlanExecutor(compiler.machine.description(), .cpu)
    }

  /// Why the processor cannot be compiled for; nil if it can.
  static let processorFailure: RuntimeError? =
    if case .failure(let error) = KernelCompiler.shared { error } else { nil }

  /// Kernels so far in this process: compiled by LLVM, and loaded from the cache on disk.
  package static var kernelCounts: (compiled: Int, loaded: Int) {
    guard case .success(let compiler) = KernelCompiler.shared else { return (0, 0) }
    return (compiler.counts.compiled, compiler.counts.loaded)
  }

  /// Objects that LLVM compiled in this process: kernels, and the micro kernels that they share.
  package static var objectCount: Int {
    guard case .success(let compiler) = KernelCompiler.shared else { return 0 }
    return compiler.counts.compiled + compiler.counts.sharedCompiled
  }

  /// Bytes of machine code in memory.
  package static var codeByteCount: Int {
    guard case .success(let compiler) = KernelCompiler.shared else { return 0 }
    return compiler.machine.loader.arena.usedByteCount
  }
}

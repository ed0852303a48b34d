import KilnCPU
import KilnIR
import KilnPasses
import KilnRuntime

/// Runs programs through the whole pipeline: passes, fusion, kernels, plan; and then on a machine for kernels.
///
/// The pipeline is the same for every machine; only the description that it lowers for differs.
final class PlanExecutor: Executor {
  let description: DeviceDescription
  let memory: (any DeviceMemory)?
  private let backend: PlanBackend

  init(_ description: DeviceDescription, memory: (any DeviceMemory)? = nil, _ backend: PlanBackend) {
    self.description = description
    self.memory = memory
    self.backend = backend
  }

  func prepare(_ plan: ExecutionPlan) throws(KilnError) -> any Executable { try backend.prepare(plan) }

  func prepare(
    _ module: Module, function name: String, options: ExecutionOptions
  ) throws(KilnError) -> any Executable {
    // Folding computes as a run does.
    let compilation = try FloatingPointMode.withStandard { () throws(KilnError) in
      try Compilation(module, entry: name, for: description, options: options.compilation)
    }
    try Dump.write(compilation, function: name, options, for: description)
    return try prepare(compilation.plan)
  }
}

/// Stands for a device that cannot be used: every program is told why.
final class UnavailableExecutor: Executor {
  private let reason: String
  init(_ reason: String) { self.reason = reason }

  func prepare(_ plan: ExecutionPlan) throws(KilnError) -> any Executable {
    throw KilnError("device.unavailable", reason)
  }

  func prepare(
    _ module: Module, function: String, options: ExecutionOptions
  ) throws(KilnError) -> any Executable {
    throw KilnError("device.unavailable", reason)
  }
}

extension Device {
  /// The processor of this machine, through LLVM. Where LLVM or fused multiply-add is missing, programs are refused with
  /// `device.unavailable` and what to install; `Device.reference` runs everywhere.
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

  /// Bytes of machine code in memory.
  package static var codeByteCount: Int {
    guard case .success(let compiler) = KernelCompiler.shared else { return 0 }
    return compiler.machine.loader.arena.usedByteCount
  }
}

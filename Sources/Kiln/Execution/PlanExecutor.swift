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
      try Compilation(module, entry: name, for: description, options: options.compilation, passes: options.passes)
    }
    try Dump.write(compilation, function: name, options, for: description)
    return try prepare(compilation.plan)
  }
}

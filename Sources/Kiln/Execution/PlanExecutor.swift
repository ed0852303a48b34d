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
    return try prepare(compilation, name, options, in: nil)
  }

  func sized(_ module: Module, function: String, options: ExecutionOptions) -> any SizedExecutable {
    SizedPlans(self, module, function, options)
  }

  fileprivate func prepare(
    _ compilation: Compilation, _ name: String, _ options: ExecutionOptions, in work: WorkMemory?
  ) throws(KilnError) -> any Executable {
    try Dump.write(compilation, function: name, options, for: description)
    return try backend.prepare(compilation.plan, sharing: RunSharing(work: work, threads: options.threads))
  }
}

/// A program that is fused and lowered once for all sizes that have the same numbers where lowering asks for them, most
/// often none.
private final class SizedPlans: SizedExecutable {
  private let executor: PlanExecutor
  private let module: Module
  private let function: String
  private let options: ExecutionOptions
  /// Oldest first.
  private let compilations = Lock<[Compilation]>([])
  /// Where images of ever new sizes are lowered for their numbers, the oldest go.
  private static let limit = 16
  private let work = WorkMemory()

  init(_ executor: PlanExecutor, _ module: Module, _ function: String, _ options: ExecutionOptions) {
    self.executor = executor
    self.module = module
    self.function = function
    self.options = options
  }

  func executable(at sizes: [String: Int], _ arguments: [TensorCore]) throws(KilnError) -> any Executable {
    let known = compilations.withLock { $0.first { $0.pinnedSizes.allSatisfy { sizes[$0.key] == $0.value } } }
    let compilation: Compilation
    if let known {
      compilation = try known.planned(at: sizes)
    } else {
      compilation = try Compilation(
        module, entry: function, for: executor.description, options: options.compilation, passes: Pipeline([]),
        at: sizes)
      compilations.withLock { $0 = $0.suffix(Self.limit - 1) + [compilation] }
    }
    var options = options
    options.arguments = arguments
    return try executor.prepare(compilation, function, options, in: work)
  }
}

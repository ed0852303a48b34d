import KilnIR
import KilnPasses
import KilnRuntime

/// Runs programs through the whole pipeline: passes, fusion, kernels, plan; and then on a machine for kernels.
///
/// The pipeline is the same for every machine; only the description that it lowers for differs.
final class PlanExecutor: Executor {
  /// Makes a plan ready to run.
  typealias Finish = @Sendable (ExecutionPlan) throws(KilnError) -> any Executable

  let description: DeviceDescription
  let memory: (any DeviceMemory)?
  private let finish: Finish

  init(_ description: DeviceDescription, memory: (any DeviceMemory)? = nil, finish: @escaping Finish) {
    self.description = description
    self.memory = memory
    self.finish = finish
  }

  func prepare(
    _ module: Module, function name: String, options: ExecutionOptions
  ) throws(KilnError) -> any Executable {
    try Dump.write(module, function: name, options, for: description)
    let simplified = try FloatingPointMode.withStandard { () throws(KilnError) in
      try Pipeline.default(for: name).run(module)
    }
    guard let function = simplified[name] else {
      throw KilnError("module.C2", "there is no function @\(name) in this module")
    }
    let donations = options.donations.map { ExecutionPlan.Donation(parameter: $0.parameter, result: $0.result) }
    let lowering = try Lowering(
      function, in: simplified, for: description,
      options: LoweringOptions(
        specializes: !options.isEager, allowsLibrary: options.numerics == .fast, donations: donations))
    return try finish(lowering.plan)
  }
}

import KilnRuntime

extension Device {
  /// The kernel interpreter: it runs the plan that the processor would run, kernel by kernel, without machine code.
  /// Slow; where it differs from the processor the emitter is wrong, where it differs from `reference` fusion or
  /// lowering is.
  public static let kernelReference = Device("kernel-reference", PlanExecutor(.processor, .interpreter))
}

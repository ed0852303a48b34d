public import KilnIR

extension ExecutionPlan {
  /// Runs the plan, for plans that come from files.
  ///
  /// - Parameters:
  ///   - inputs: One tensor per parameter, hidden ones included.
  ///   - device: Where; nil: the device that the plan was lowered for.
  /// - Throws: `run.C2` for other inputs than the parameters say, `run.C5` for inputs without elements, `device.C1` for
  ///   inputs on another device, `plan.device` for a device of another kind than the plan was lowered for, and what the
  ///   run finds.
  public func run(_ inputs: [AnyTensor], on device: Device? = nil) throws(KilnError) -> [AnyTensor] {
    try requireInputs(inputs.map(\.type))
    guard inputs.allSatisfy(\.core.isConcrete) else {
      throw KilnError("run.C5", "a plan runs on tensors with elements")
    }
    let device = if let device { device } else { try Device.described(by: self.device) }
    for (parameter, input) in zip(parameters, inputs) {
      try Placement.check(input.core, on: device, named: parameter.name)
    }
    let executable = try device.executor.prepare(self)
    return try Programs.run(executable, inputs.map(\.core), results.map(\.type), on: device).map { AnyTensor($0) }
  }
}

extension Device {
  /// The device of this machine that lowering knew by this description; another processor will do for a processor's
  /// plan.
  ///
  /// - Throws: `plan.device` if there is no such device.
  fileprivate static func described(by description: DeviceDescription) throws(KilnError) -> Device {
    func isDescribed(_ device: Device) -> Bool {
      (device.executor as? PlanExecutor)?.description.name == description.name
    }
    if isDescribed(.cpu) { return .cpu }
    if let device = available.first(where: isDescribed) { return device }
    if description.scheduleKind == .cpu { return .cpu }
    throw KilnError("plan.device", "the plan was lowered for \(description.name), which this machine does not have")
  }
}

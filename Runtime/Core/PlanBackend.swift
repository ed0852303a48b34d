package import KilnIR

/// What the runs of a plan share with others.
package struct RunSharing: Sendable {
  /// What plans of the same program work in, too; nil: each run has memory of its own.
  package var work: WorkMemory?
  /// The most threads that a run may use; nil: all of the process.
  package var threads: Int?

  package init(work: WorkMemory? = nil, threads: Int? = nil) { (self.work, self.threads) = (work, threads) }
}

/// A back end that runs plans: `.interpreter`, and one of each module of a machine, such as `.cpu` of KilnCPU.
public struct PlanBackend: Sendable {
  /// The name, as on the command line.
  public let name: String
  /// The schedules that its plans have; nil: any.
  private let kind: Schedule.Kind?
  /// What the machine has; nil: all that a kernel may need.
  private let machine: DeviceDescription?
  private let make: Make

  /// Makes a plan ready to run.
  package typealias Make = @Sendable (ExecutionPlan, RunSharing) throws(KilnError) -> any Executable

  package init(
    _ name: String, for kind: Schedule.Kind?, on machine: DeviceDescription? = nil,
    make: @escaping Make
  ) {
    self.name = name
    self.kind = kind
    self.machine = machine
    self.make = make
  }

  /// Makes a plan ready to run.
  /// - Throws: `plan.device` where it was lowered for another kind of device; `device.unavailable` with what the
  ///   machine lacks.
  package func prepare(
    _ plan: ExecutionPlan, sharing: RunSharing = RunSharing()
  ) throws(KilnError) -> any Executable {
    let found = plan.device.scheduleKind
    if let kind, kind != found {
      throw KilnError(
        "plan.device",
        "the plan was lowered for \(plan.device.name), with \(found.rawValue) schedules; \(name) runs plans with "
          + "\(kind.rawValue) schedules")
    }
    if let machine {
      for launch in plan.launches { try machine.require(launch, plan.kernels[launch.kernel].definition) }
    }
    return try make(plan, sharing)
  }

  /// The kernel interpreter: slow, there on every machine, and it runs the plans of all devices.
  public static let interpreter = PlanBackend("kernel-reference", for: nil) { plan, _ in InterpretedPlan(plan) }
}

extension DeviceDescription {
  fileprivate func require(_ launch: ExecutionPlan.Launch, _ kernel: KernelDefinition) throws(KilnError) {
    if let dtype = missingDType(in: kernel) {
      throw KilnError(
        "device.unavailable",
        "\(name) has no \(dtype), which \(launch.label) needs; use another element type there, or another device")
    }
    if kernel.buffers.count > maximumBuffers {
      throw KilnError(
        "device.unavailable",
        "\(launch.label) has \(kernel.buffers.count) operands and results in one kernel; \(name) takes "
          + "\(maximumBuffers)")
    }
  }
}

/// A plan for the kernel interpreter.
private final class InterpretedPlan: Executable {
  private let plan: ExecutionPlan

  init(_ plan: ExecutionPlan) { self.plan = plan }

  func run(
    inputs: UnsafeBufferPointer<UnsafeRawPointer>, outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>
  ) throws(KilnError) {
    let values = try TensorValue.reading(plan.parameters.map(\.type), from: inputs)
    TensorValue.write(try PlanInterpreter.run(plan, inputs: values), to: outputs)
  }
}

extension TensorValue {
  /// Copies of the tensors of `types` at these addresses.
  package static func reading(
    _ types: [TensorType], from addresses: UnsafeBufferPointer<UnsafeRawPointer>
  ) throws(KilnError) -> [TensorValue] {
    var values: [TensorValue] = []
    for (address, type) in zip(addresses, types) {
      let bytes = UnsafeRawBufferPointer(start: address, count: type.byteCount)
      do { values.append(try TensorValue(type, bytes: Array(bytes))) } catch { throw KilnError(error) }
    }
    return values
  }

  /// Copies the tensors to these addresses.
  package static func write(_ values: [TensorValue], to addresses: UnsafeBufferPointer<UnsafeMutableRawPointer>) {
    for (address, value) in zip(addresses, values) {
      value.bytes.withUnsafeBytes { bytes in
        UnsafeMutableRawBufferPointer(start: address, count: bytes.count).copyMemory(from: bytes)
      }
    }
  }
}

import KilnIR

extension Device {
  /// The kernel interpreter: it runs the plan that the processor would run, kernel by kernel, without machine code. Slow; where
  /// it differs from the processor the emitter is wrong, where it differs from `reference` fusion or lowering is.
  public static let kernelReference = Device(
    "kernel-reference", PlanExecutor(.processor) { plan throws(KilnError) in InterpretedPlan(plan) })
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
  static func reading(
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
  static func write(_ values: [TensorValue], to addresses: UnsafeBufferPointer<UnsafeMutableRawPointer>) {
    for (address, value) in zip(addresses, values) {
      value.bytes.withUnsafeBytes { bytes in
        UnsafeMutableRawBufferPointer(start: address, count: bytes.count).copyMemory(from: bytes)
      }
    }
  }
}

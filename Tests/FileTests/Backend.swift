import KilnIR
import KilnPasses

/// Something that runs functions; all must find the same values.
struct Backend: CustomStringConvertible, Sendable {
  let description: String
  let run: @Sendable (Module, String, [TensorValue]) throws -> [TensorValue]

  /// The graph interpreter.
  static let reference = Backend(description: "reference") { module, function, inputs in
    try ReferenceInterpreter.run(module, function: function, inputs: inputs)
  }

  /// Lowered to a plan whose kernels are interpreted.
  static func kernelReference(fuses: Bool) -> Backend {
    Backend(description: "kernel-reference\(fuses ? "" : ", not fused")") { module, name, inputs in
      guard let function = module[name] else { throw KilnError("run.C1", "there is no function @\(name)") }
      if hasCalls(function) { return try ReferenceInterpreter.run(module, function: name, inputs: inputs) }
      let plan = try Lowering(function, for: .testCPU, options: LoweringOptions(fuses: fuses)).plan
      return try PlanInterpreter.run(plan, inputs: inputs)
    }
  }

  /// Lowering takes functions without calls.
  static func hasCalls(_ function: Function) -> Bool {
    function.instructions.elements.contains { if case .control(.call) = $0.op { true } else { false } }
  }

  static let all = [reference, kernelReference(fuses: true), kernelReference(fuses: false)]
}

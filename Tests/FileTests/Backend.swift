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
      let inlined = try Pass.inline.run(module)
      guard let function = inlined[name] else {
        throw KilnError("run.C1", "there is no function @\(name)")
      }
      let plan = try Lowering(function, in: inlined, for: .testCPU, options: LoweringOptions(fuses: fuses)).plan
      return try PlanInterpreter.run(plan, inputs: inputs)
    }
  }

  static let all = [reference, kernelReference(fuses: true), kernelReference(fuses: false)]
}

package import KilnIR
package import KilnPasses
package import KilnTesting

/// One way to run a function of a module. All must find the same bits.
package struct Backend: CustomStringConvertible, Sendable {
  package let description: String
  package let run: @Sendable (_ module: Module, _ entry: String, _ inputs: [TensorValue]) throws -> [TensorValue]

  package init(
    _ description: String, run: @escaping @Sendable (Module, String, [TensorValue]) throws -> [TensorValue]
  ) {
    self.description = description
    self.run = run
  }

  /// The graph interpreter.
  package static let reference = Backend("reference") { try ReferenceInterpreter.run($0, function: $1, inputs: $2) }

  /// Compiled to a plan whose kernels are interpreted.
  package static func kernelReference(
    fuses: Bool = true, for device: DeviceDescription = .testCPU, passes: Pipeline? = nil
  ) -> Backend {
    Backend("kernel-reference\(fuses ? "" : ", not fused")") { module, entry, inputs in
      let options = CompilationOptions(fuses: fuses)
      return try PlanInterpreter.run(
        ExecutionPlan.compiled(module, entry, for: device, options, passes: passes), inputs: inputs)
    }
  }
}

extension RandomProgram {
  package func run(on backend: Backend) throws -> [TensorValue] { try backend.run(module, entry, inputs) }

  /// Why the results are not the reference's bits; nil when they are.
  package func disagreement(on backend: Backend) -> String? { disagreement { try $0.run(on: backend) } }
}

extension ExecutionPlan {
  /// The plan of a function, which must please the verifier.
  ///
  /// - Parameters:
  ///   - entry: the function; nil: the last one.
  ///   - device: by default a plain processor that is the same on every machine.
  ///   - passes: what is done to the module first; nil: the default passes.
  package static func compiled(
    _ module: Module, _ entry: String? = nil, for device: DeviceDescription = .testCPU,
    _ options: CompilationOptions = CompilationOptions(), passes: Pipeline? = nil
  ) throws(KilnError) -> ExecutionPlan {
    let entry = entry ?? module.functions.last?.name ?? ""
    let plan = try Compilation(module, entry: entry, for: device, options: options, passes: passes).plan
    let findings = PlanVerifier.diagnostics(for: plan)
    guard findings.isEmpty else { throw KilnError(findings) }
    return plan
  }

  package static func compiled(
    _ program: RandomProgram, for device: DeviceDescription = .testCPU, fuses: Bool = true
  ) throws(KilnError) -> ExecutionPlan {
    try compiled(program.module, program.entry, for: device, CompilationOptions(fuses: fuses))
  }
}

import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Compares a batched function with the function run on one example after the other, bit for bit (Numerics.md S5).
struct BatchCheck {
  let module: Module
  let name: String
  /// For each parameter the value of every example; one that all share has one.
  let inputs: [[TensorValue]]
  let size: Int

  init(_ module: Module, function name: String = "main", _ inputs: [[TensorValue]], size: Int) {
    (self.module, self.name, self.inputs, self.size) = (module, name, inputs, size)
  }

  /// Why they differ; nil if they agree.
  /// - Parameter mapped: the parameters with a value for every example.
  func disagreement(mapped: [Int], verifying: Bool = true) throws -> String? {
    let batched = try Batching.vmap(of: name, in: module, size: Dimension(size), over: mapped)
    if verifying, let finding = Verifier.diagnostics(for: batched.module).first { return "\(finding)" }
    let arguments = try inputs.enumerated().map { index, values in
      mapped.contains(index) ? try stacked(values, values.first?.type ?? parameterType(index)) : values[0]
    }
    let found = try batched.module.run(batched.name, arguments)
    var examples: [[TensorValue]] = []
    for example in 0..<size {
      examples.append(
        try module.run(name, inputs.enumerated().map { mapped.contains($0) ? $1[example] : $1[0] }))
    }
    for (index, type) in (module[name]?.resultTypes ?? []).enumerated() {
      let expected = try stacked(examples.map { $0[index] }, type)
      guard expected.isIdentical(to: found[index]) else {
        return "result \(index) with \(mapped) mapped: one by one \(expected), batched \(found[index])"
      }
    }
    return nil
  }

  private func parameterType(_ index: Int) throws -> TensorType {
    try #require(module[name]?.parameters[index].type)
  }
}

/// Equal tensors along a new leading axis.
func stacked(_ values: [TensorValue], _ type: TensorType) throws -> TensorValue {
  try TensorValue(
    TensorType(type.dtype, Shape([Dimension(values.count)] + Array(type.shape))), bits: values.flatMap(\.bits))
}

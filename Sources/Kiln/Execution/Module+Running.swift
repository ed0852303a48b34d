public import KilnIR

extension Module {
  /// Runs a function of the module, for programs that come from files.
  ///
  /// - Parameters:
  ///   - inputs: One tensor per parameter, hidden ones included.
  ///   - device: Where; nil: where the inputs lie, or the current device.
  /// - Throws: `module.C2` without such a function, `size.C1` to `size.C3` for sizes that do not fit, `run.C2` for
  ///   other inputs than the parameters say, `run.C5` for inputs without elements, `device.C1` for inputs on another
  ///   device, what the verifier and the compilation have to say, and what the run finds.
  public func run(
    _ function: String, _ inputs: [AnyTensor], on device: Device? = nil
  ) throws(KilnError) -> [AnyTensor] {
    guard let entry = self[function] else { throw KilnError("module.C2", "there is no function @\(function)") }
    if entry.isSymbolic {
      let bound = try bound(toArguments: inputs.map(\.type.shape), of: entry)
      return try bound.run(function, inputs, on: device)
    }
    let parameters = entry.parameters.map(\.type)
    guard inputs.map(\.type) == parameters else {
      func list(_ types: [TensorType]) -> String { "(\(types.map(\.description).joined(separator: ", ")))" }
      throw KilnError("run.C2", "@\(function) takes \(list(parameters)), found \(list(inputs.map(\.type)))")
    }
    guard inputs.allSatisfy(\.core.isConcrete) else {
      throw KilnError("run.C5", "a program runs on tensors with elements")
    }
    return try Programs.run(self, function, inputs.map(\.core), on: device).map { AnyTensor($0) }
  }
}

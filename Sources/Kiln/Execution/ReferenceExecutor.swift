import KilnIR

/// Runs programs on the graph interpreter: slow, and the meaning of everything.
final class ReferenceExecutor: Executor {
  func prepare(
    _ module: Module, function name: String, options: ExecutionOptions
  ) throws(KilnError) -> any Executable {
    guard let function = module[name] else {
      throw KilnError("module.C2", "there is no function @\(name) in this module")
    }
    return Program(module: module, function: function)
  }

  private final class Program: Executable {
    let module: Module
    let function: Function

    init(module: Module, function: Function) {
      self.module = module
      self.function = function
    }

    func run(
      inputs: UnsafeBufferPointer<UnsafeRawPointer>, outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>
    ) throws(KilnError) {
      var values: [TensorValue] = []
      for (pointer, parameter) in zip(inputs, function.parameters) {
        let bytes = UnsafeRawBufferPointer(start: pointer, count: parameter.type.byteCount)
        do { values.append(try TensorValue(parameter.type, bytes: Array(bytes))) } catch { throw KilnError(error) }
      }
      let results = try ReferenceInterpreter.run(module, function: function.name, inputs: values)
      for (pointer, result) in zip(outputs, results) {
        result.bytes.withUnsafeBytes { bytes in
          UnsafeMutableRawBufferPointer(start: pointer, count: bytes.count).copyMemory(from: bytes)
        }
      }
    }
  }
}

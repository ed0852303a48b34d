import KilnIR
import KilnRuntime

/// Runs programs on the graph interpreter: slow, and the meaning of everything.
final class ReferenceExecutor: Executor {
  func prepare(_ plan: ExecutionPlan) throws(KilnError) -> any Executable {
    throw KilnError("plan.device", "the graph interpreter runs modules, not plans; kernel-reference interprets plans")
  }

  func prepare(
    _ module: Module, function name: String, options: ExecutionOptions
  ) throws(KilnError) -> any Executable {
    guard let function = module[name] else {
      throw KilnError("module.C2", "there is no function @\(name) in this module")
    }
    return Program(module: module, function: function)
  }

  func sized(_ module: Module, function: String, options: ExecutionOptions) -> any SizedExecutable {
    Sized(executor: self, module: module, function: function)
  }

  private struct Sized: SizedExecutable {
    let executor: ReferenceExecutor
    let module: Module
    let function: String

    func executable(at sizes: [String: Int], _ arguments: [TensorCore]) throws(KilnError) -> any Executable {
      try executor.prepare(module.bound(to: sizes), function: function, options: ExecutionOptions())
    }
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
      let values = try TensorValue.reading(function.parameters.map(\.type), from: inputs)
      TensorValue.write(try ReferenceInterpreter.run(module, function: function.name, inputs: values), to: outputs)
    }
  }
}

import KilnIR
import KilnRuntime

/// Stands for a device that cannot be used, and says why to every program.
final class UnavailableExecutor: Executor {
  private let reason: String
  init(_ reason: String) { self.reason = reason }

  func prepare(_ plan: ExecutionPlan) throws(KilnError) -> any Executable {
    throw KilnError("device.unavailable", reason)
  }

  func prepare(
    _ module: Module, function: String, options: ExecutionOptions
  ) throws(KilnError) -> any Executable {
    throw KilnError("device.unavailable", reason)
  }

  func sized(_ module: Module, function: String, options: ExecutionOptions) -> any SizedExecutable {
    Unavailable(reason: reason)
  }

  private struct Unavailable: SizedExecutable {
    let reason: String

    func executable(at sizes: [String: Int], _ arguments: [TensorCore]) throws(KilnError) -> any Executable {
      throw KilnError("device.unavailable", reason)
    }
  }
}

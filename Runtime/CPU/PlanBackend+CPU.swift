import KilnIR
public import KilnRuntime

extension CPUExecutable: Executable {}

extension PlanBackend {
  /// The processor of this machine. Its code is made by LLVM, a library that is loaded with the first plan and not
  /// linked.
  public static let cpu = PlanBackend("cpu", for: .cpu) { plan, sharing throws(KilnError) in
    do throws(RuntimeError) {
      return try CPUExecutable(plan, compiler: KernelCompiler.shared.get(), sharing: sharing)
    } catch {
      throw KilnError(error)
    }
  }
}

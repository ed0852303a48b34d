import KilnCPU
public import KilnIR
import KilnPasses
import KilnRuntime

/// A function with every stage of its compilation, for inspection.
///
/// ```swift
/// let lowered = try Lowered(trace(x) { x in softmax(x) }.module)
/// print(lowered.plan.memory)
/// try lowered.write(to: "stages")
/// ```
public struct Lowered: Sendable {
  /// The module before the passes, after each pass that changed it, and in the plain ops that kernels can say, if that
  /// is something else. The last is what is fused: the later stages name values as its text does.
  public let modules: [(name: String, module: Module)]
  /// Which instructions become one kernel.
  public let fusion: FusionPlan
  /// Kernels, memory and steps.
  public let plan: ExecutionPlan
  /// The processor that it was lowered for.
  public let description: DeviceDescription

  /// - Parameters:
  ///   - name: The function; nil: the last one, which a trace makes.
  ///   - description: What to lower for; nil: the processor of this machine, or a plain one where none can be compiled
  ///     for.
  ///   - fuses: Whether several instructions may share a kernel. The bits do not depend on it.
  /// - Throws: What the passes have to say about the program; `module.C2` without such a function.
  public init(
    _ module: Module, function name: String? = nil, for description: DeviceDescription? = nil, fuses: Bool = true
  ) throws(KilnError) {
    guard let name = name ?? module.functions.last?.name else {
      throw KilnError("module.C2", "the module has no function")
    }
    let device = description ?? .processor
    // Folding computes as a run does.
    let compilation = try FloatingPointMode.withStandard { () throws(KilnError) in
      try Compilation(module, entry: name, for: device, options: CompilationOptions(fuses: fuses))
    }
    self.init(compilation, for: device)
  }

  init(_ compilation: Compilation, for description: DeviceDescription) {
    modules = compilation.modules
    fusion = compilation.fusion
    plan = compilation.plan.locatingSites { $0.resolved() }
    self.description = description
  }

  /// The last of `modules`, whose names the later stages use.
  public var plainModule: Module { modules[modules.count - 1].module }

  /// The kernels, numbered as the plan's steps name them.
  public var kernelText: String { plan.kernels.enumerated().map { "k\($0): \($1)" }.joined(separator: "\n\n") }

  /// The code of each kernel (`k0`, …), then of what their contractions share with other programs (`shared0`, …):
  /// LLVM's text, or the assembly of this machine.
  /// - Throws: `device.unavailable` where there is no LLVM, with what to install.
  public func code(assembly: Bool) throws(KilnError) -> [(name: String, text: String)] {
    do {
      let machine = try CPUMachine.shared.get()
      let compiler = try machine.compiler()
      var texts: [(name: String, text: String)] = []
      for (number, kernel) in plan.kernels.enumerated() {
        let text = try KernelEmitter.text(of: .kernel(kernel), compiler: compiler, assembly: assembly)
        texts.append(("k\(number)", text))
      }
      for (number, micro) in plan.sharedCode(on: machine).enumerated() {
        let text = try KernelEmitter.text(of: .shared(micro), compiler: compiler, assembly: assembly)
        texts.append(("shared\(number)", "\(assembly ? "#" : ";") \(micro)\n\(text)"))
      }
      return texts
    } catch {
      throw KilnError("device.unavailable", error.message)
    }
  }
}

extension DeviceDescription {
  /// The processor of this machine, or a plain one where none can be compiled for.
  static var processor: DeviceDescription {
    switch CPUMachine.shared {
    case .success(let machine): machine.description()
    case .failure: .testCPU
    }
  }
}

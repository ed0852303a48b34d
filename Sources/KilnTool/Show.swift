import ArgumentParser
import Foundation
import Kiln
import KilnCPU
import KilnIR
import KilnOpenCL
import KilnRuntime

/// `kiln show`: prints a stage of the compilation of a function.
struct Show: ParsableCommand {
  /// In the order in which a program passes them.
  enum Stage: String, CaseIterable, ExpressibleByArgument {
    case module, plain, fusion, kernels, memory, plan, llvm, assembly, opencl
  }

  static let configuration = CommandConfiguration(abstract: "Prints a stage of the compilation of a function.")

  @Argument(help: "The program, or - for standard input.")
  var file: String
  @Option(
    help: """
      One of \(Stage.allCases.map(\.rawValue).joined(separator: ", ")). fusion, memory and plan name values as plain does.
      """)
  var stage: Stage
  @Option(help: "The function (default: the last one that no other runs).")
  var function: String?
  @Option(help: "The device to compile for: cpu or opencl.")
  var device: DeviceName = .cpu
  @OptionGroup var sizes: SizeOptions
  @Flag(help: "One kernel per instruction.")
  var noFusion = false

  mutating func run() throws {
    var program = try ProgramFile(file)
    program.module = try sizes.bind(program)
    let function = try program.function(function)
    if case .opencl(let name) = device { return show(try openCLText(of: function, in: program, device: name)) }
    if stage == .opencl { return show(try openCLText(of: function, in: program, device: "")) }
    guard device == .cpu || stage == .module else {
      throw ToolError(usage: "the device \(device.rawValue) interprets programs: there is no \(stage.rawValue) to show")
    }
    show(try text(of: function, in: program))
  }

  private func show(_ text: String) { print(text, terminator: text.hasSuffix("\n") ? "" : "\n") }

  /// A stage of the compilation for an OpenCL device.
  private func openCLText(
    of function: Function, in program: ProgramFile, device name: String
  ) throws(ToolError) -> String {
    let device: OpenCLDevice
    do throws(RuntimeError) { device = try OpenCLDevice.choose(name) } catch { throw ToolError(error) }
    return try reporting(program.name) { () throws(KilnError) in
      let lowered = try Lowered(program.module, function: function.name, for: device.lowering(), fuses: !noFusion)
      switch stage {
      case .module: return program.module.description
      case .plain: return lowered.plainModule.description
      case .fusion: return lowered.fusion.description
      case .kernels: return lowered.kernelText
      case .memory: return lowered.plan.memory.description
      case .plan: return lowered.plan.description
      case .opencl: return try lowered.openCLText(for: device)
      case .llvm, .assembly:
        throw KilnError("show.stage", "\(device.properties.name) runs OpenCL C: there is no \(stage.rawValue) to show")
      }
    }
  }

  private func text(of function: Function, in program: ProgramFile) throws(ToolError) -> String {
    if stage == .module { return program.module.description }
    let fuses = !noFusion
    let lowered = try reporting(program.name) { () throws(KilnError) in
      try Lowered(program.module, function: function.name, fuses: fuses)
    }
    if case .failure(let error) = CPUMachine.shared {
      if stage == .llvm || stage == .assembly { throw ToolError(error) }
      note("lowered for a plain CPU: \(error.message)")
    }
    switch stage {
    case .plain: return lowered.plainModule.description
    case .module, .fusion, .opencl: return lowered.fusion.description
    case .kernels: return lowered.kernelText
    case .memory: return lowered.plan.memory.description
    case .plan: return lowered.plan.description
    case .llvm, .assembly:
      let codes = try reporting(program.name) { () throws(KilnError) in try lowered.code(assembly: stage == .assembly) }
      return codes.map { "; \($0.name)\n\($0.text)" }.joined(separator: "\n")
    }
  }
}

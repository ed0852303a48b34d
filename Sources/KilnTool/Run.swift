import ArgumentParser
import Foundation
import Kiln
import KilnIR

/// `kiln run`: runs a function, or a plan, on tensors from files.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Runs a function or a plan and shows its results.")

  @Argument(help: "The program, or a plan that 'show --stage plan' wrote; - for standard input.")
  var file: String
  @Option(help: "The function to run (default: the last one that no other runs).")
  var function: String?
  @Option(
    help: """
      Where it runs: \(DeviceName.list) (default: cpu, or reference where the machine lacks something; \
      for a plan the device that it was lowered for).
      """)
  var device: DeviceName?
  @Option(
    name: .customLong("input"), parsing: .upToNextOption,
    help: ArgumentHelp("The tensor for a parameter (default: NAME.npy beside the program).", valueName: "NAME=FILE.npy")
  )
  var inputs: [String] = []
  @Option(help: "A folder for the results, as 0.npy, 1.npy, ... (default: as text).")
  var output: String?

  mutating func run() throws {
    let text = try TextFile(file)
    let inputs = try InputFiles(inputs, beside: file)
    let results =
      ExecutionPlan.begins(text.text) ? try runPlan(text, inputs) : try runFunction(try ProgramFile(text), inputs)
    try show(results)
  }

  private func runFunction(_ program: ProgramFile, _ inputs: InputFiles) throws(ToolError) -> [AnyTensor] {
    let function = try program.function(function)
    let arguments = try inputs.tensors(for: function.parameters, of: function.name)
    let device = try DeviceName.chosen(device) ?? .preferred
    return try reporting(program.name) { () throws(KilnError) in
      try program.module.run(function.name, arguments, on: device)
    }
  }

  private func runPlan(_ text: TextFile, _ inputs: InputFiles) throws(ToolError) -> [AnyTensor] {
    let plan = try reporting(text.name) { () throws(KilnError) in
      try ExecutionPlan(parsing: text.text, file: text.name)
    }
    if let function {
      throw ToolError(usage: "\(text.name) is the plan of @\(plan.name); --function \(function) is for modules")
    }
    let arguments = try inputs.tensors(for: plan.parameters, of: plan.name)
    let device = try DeviceName.chosen(device)
    return try reporting(text.name) { () throws(KilnError) in try plan.run(arguments, on: device) }
  }

  private func show(_ results: [AnyTensor]) throws(ToolError) {
    guard let output else {
      for (number, result) in results.enumerated() { print("result \(number): \(result.type)\n\(result)") }
      return
    }
    do {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    } catch {
      throw ToolError(usage: "cannot make the folder \(output): \(TextFile.reason(error))")
    }
    for (number, result) in results.enumerated() {
      let path = "\(output)/\(number).npy"
      try reporting(path) { () throws(KilnError) in try result.writeNPY(to: path) }
    }
  }
}

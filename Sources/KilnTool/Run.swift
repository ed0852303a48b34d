import ArgumentParser
import Foundation
import Kiln
import KilnIR

/// `kiln run`: runs a function on tensors from files.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Runs a function and shows its results.")

  @Argument(help: "The program, or - for standard input.")
  var file: String
  @Option(help: "The function to run (default: the last one that no other runs).")
  var function: String?
  @Option(help: "Where it runs: \(DeviceName.list) (default: cpu, or reference where the machine lacks something).")
  var device: DeviceName?
  @Option(
    name: .customLong("input"), parsing: .upToNextOption,
    help: ArgumentHelp("The tensor for a parameter (default: NAME.npy beside the program).", valueName: "NAME=FILE.npy")
  )
  var inputs: [String] = []
  @Option(help: "A folder for the results, as 0.npy, 1.npy, ... (default: as text).")
  var output: String?

  mutating func run() throws {
    let program = try ProgramFile(file)
    let function = try program.function(function)
    let arguments = try InputFiles(inputs, beside: file).tensors(for: function, in: program)
    let device = try DeviceName.chosen(device)
    let results = try reporting(program.name) { () throws(KilnError) in
      try program.module.run(function.name, arguments, on: device)
    }
    try show(results)
  }

  private func show(_ results: [AnyTensor]) throws(ToolError) {
    guard let output else {
      for (number, result) in results.enumerated() { print("result \(number): \(result.type)\n\(result)") }
      return
    }
    do {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    } catch {
      throw ToolError(usage: "cannot make the folder \(output): \(ProgramFile.reason(error))")
    }
    for (number, result) in results.enumerated() {
      let path = "\(output)/\(number).npy"
      try reporting(path) { () throws(KilnError) in try result.writeNPY(to: path) }
    }
  }
}

import ArgumentParser
import Foundation
import Kiln

/// `Networks [NAME...]`: trains and measures the examples, and prints a table of what they came to.
@main
struct Networks: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains networks and other models, and says how well they do.",
    discussion: Example.all.map { "\($0.name): \($0.summary)" }.joined(separator: "\n"))

  @Argument(help: "Which examples; all of them if none is named.")
  var names: [String] = []
  @Option(help: "Where they run: cpu, opencl, opencl:NUMBER or reference.")
  var device: String?
  @Option(help: "Take so many steps only; then no bar has to be reached.")
  var steps: Int?
  @Option(help: "The folder for curves and pictures.")
  var output = ".build/examples"
  @Flag(name: .shortAndLong, help: "Print a line for each epoch.")
  var verbose = false

  func validate() throws {
    if let steps, steps < 1 { throw ValidationError("--steps takes a positive number, found \(steps)") }
    for name in names where !Example.all.contains(where: { $0.name == name }) {
      throw ValidationError(
        "there is no example '\(name)'; there are \(Example.all.map { $0.name }.joined(separator: ", "))")
    }
  }

  func run() throws {
    let device = try self.device.map { try Device.named($0) } ?? .current
    let folder = URL(fileURLWithPath: output)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var table = Table()
    print(Table.head)
    for example in Example.all where names.isEmpty || names.contains(example.name) {
      let run = Run(name: example.name, steps: steps, folder: folder, isVerbose: verbose)
      let start = ContinuousClock.now
      let outcome = try withDevice(device) { try example.body(run) }
      print(table.row(example.name, outcome, seconds: (ContinuousClock.now - start) / .seconds(1)))
      fflush(nil)
    }
    if steps == nil && !table.missed.isEmpty {
      print("error: not reached, or compiled more than once: \(table.missed.joined(separator: ", "))")
      throw ExitCode(1)
    }
  }
}

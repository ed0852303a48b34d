import ArgumentParser
import Kiln
import KilnIR
import KilnPasses

/// `kiln opt`: prints a module after some passes.
struct Opt: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the module after the passes, and on standard error the names of the functions that they made.",
    discussion: "Passes, in the order in which they run: \(Pipeline.usages.joined(separator: ", ")).")

  @Argument(help: "The program, or - for standard input.")
  var file: String
  @Option(help: "What to do, as 'simplify,gradient(f, 0)' (default: the default pipeline; '' for nothing).")
  var passes = "default"
  @Flag(help: "Ends every instruction with its place in the source.")
  var locations = false

  mutating func run() throws {
    let program = try ProgramFile(file)
    let pipeline: Pipeline
    do {
      pipeline = try Pipeline(parsing: passes)
    } catch {
      throw ToolError(usage: error.diagnostics.map { "\($0.message) [\($0.label)]" }.joined(separator: "\n"))
    }
    let module = try reporting(program.name) { () throws(KilnError) in
      try pipeline.run(program.module, verifying: true)
    }
    let made = module.functions.map(\.name).filter { program.module[$0] == nil }
    if !made.isEmpty { note("made \(made.map { "@\($0)" }.joined(separator: ", "))") }
    print(locations ? module.descriptionWithLocations : module.description, terminator: "")
  }
}

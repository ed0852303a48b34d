import ArgumentParser
import KilnIR
import KilnPasses

/// `kiln opt`: prints a module after some passes.
struct Opt: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the module after the passes.",
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
      throw ToolError(usage: error.diagnostics.map(\.message).joined(separator: "\n"))
    }
    let module = try reporting(program.name) { () throws(KilnError) in try pipeline.run(program.module, verifying: true)
    }
    print(locations ? module.descriptionWithLocations : module.description, terminator: "")
  }
}

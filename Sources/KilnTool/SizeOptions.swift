import ArgumentParser
import KilnIR

/// The sizes that a program leaves open, as numbers.
struct SizeOptions: ParsableArguments {
  @Option(
    name: .customLong("size"), parsing: .upToNextOption,
    help: ArgumentHelp("A number for a size that the program names.", valueName: "NAME=NUMBER"))
  var texts: [String] = []

  /// `module` with these sizes.
  func bind(_ program: ProgramFile) throws(ToolError) -> Module {
    if texts.isEmpty { return program.module }
    var sizes: [String: Int] = [:]
    for text in texts {
      let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, Dimension.isName(parts[0]), let size = Int(parts[1]), size >= 0 else {
        throw ToolError(usage: "--size takes NAME=NUMBER, as in n=32; found '\(text)'")
      }
      sizes[parts[0]] = size
    }
    return try reporting(program.name) { () throws(KilnError) in try program.module.bound(to: sizes) }
  }
}

import Foundation
import KilnIR
import KilnRuntime

/// What ends the tool with another status than 0: the status, and the text for standard error.
struct ToolError: Error {
  /// The program, or a file with data, is wrong.
  static let program: Int32 = 1
  /// The command line is wrong.
  static let usage: Int32 = 2
  /// The machine lacks something.
  static let machine: Int32 = 3

  let status: Int32
  let text: String

  /// A mistake in the program. A diagnostic without a place begins with the name of the file.
  init(_ error: KilnError, in file: String) {
    let isMachine = error.diagnostics.contains { ["device.unavailable", "memory.exhausted"].contains($0.label) }
    status = isMachine ? Self.machine : Self.program
    text = error.diagnostics.map { diagnostic in
      diagnostic.location == .unknown ? "\(file): \(diagnostic)" : "\(diagnostic)"
    }.joined(separator: "\n")
  }

  /// Something that the command line names is not there, or does not fit.
  init(usage message: String) {
    status = Self.usage
    text = "error: \(message)"
  }

  /// The machine cannot do what is asked.
  init(_ error: RuntimeError) {
    status = error.kind == .codeGeneration ? Self.program : Self.machine
    text = "error: \(error.message)"
  }
}

/// Prints a remark, which is not an error, on standard error.
func note(_ text: String) { FileHandle.standardError.write(Data("note: \(text)\n".utf8)) }

/// Runs `body`; its diagnostics name `file`.
func reporting<Result>(_ file: String, _ body: () throws(KilnError) -> Result) throws(ToolError) -> Result {
  do { return try body() } catch { throw ToolError(error, in: file) }
}

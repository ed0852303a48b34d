import Foundation

/// The Swift compiler that built the tests, which type-checks files against the built modules.
package enum Compiler {
  package struct Finding: CustomStringConvertible {
    package let line: Int
    package let column: Int
    package let isError: Bool
    package let message: String
    /// The fixes that come with it: what each is called, and the code that it writes.
    package fileprivate(set) var fixes: [String] = []
    package var description: String { "line \(line): \(isError ? "error" : "warning"): \(message)" }
  }

  /// What the compiler says about a file.
  package struct Outcome {
    package var findings: [Finding] = []
    /// What macros wrote, in the order in which they were expanded; the file is called `model.swift` in it.
    package var expansions: [String] = []
  }

  /// The compiler found nothing in a file and failed all the same.
  package struct Failure: Error {
    let output: String
  }

  /// What the compiler says about a file.
  /// - Parameter limit: the milliseconds that an expression may take; one that takes longer is a warning.
  package static func findings(in text: String, limit: Int? = nil) throws -> [Finding] {
    try outcome(of: text, limit.map { ["-Xfrontend", "-warn-long-expression-type-checking=\($0)"] } ?? []).findings
  }

  /// What the compiler says about a file, and what macros wrote for it.
  package static func expanding(_ text: String) throws -> Outcome {
    try outcome(of: text, ["-Xfrontend", "-dump-macro-expansions"])
  }

  private static func outcome(of text: String, _ options: [String]) throws -> Outcome {
    let files = FileManager.default
    let folder = files.temporaryDirectory.appendingPathComponent("kiln-surface-\(UUID().uuidString)")
    try files.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? files.removeItem(at: folder) }
    let source = folder.appendingPathComponent("Surface.swift")
    try Data(text.utf8).write(to: source)
    let arguments =
      ["-typecheck", source.path, "-swift-version", "6", "-diagnostic-style", "llvm"]
      + ["-module-cache-path", folder.appendingPathComponent("cache").path]
      + BuiltModules.searchPaths() + BuiltModules.plugins() + options
    let log = folder.appendingPathComponent("log")
    try Data().write(to: log)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["swiftc"] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: log)
    try process.run()
    process.waitUntilExit()
    let output = try String(contentsOf: log, encoding: .utf8)
    let outcome = read(output, of: source.path)
    // A compiler that could not start on the file has nothing to say about its lines.
    guard process.terminationStatus == 0 || outcome.findings.contains(where: \.isError) else {
      throw Failure(output: output)
    }
    return outcome
  }

  private static func read(_ output: String, of path: String) -> Outcome {
    var outcome = Outcome()
    var lines = output.split(separator: "\n", omittingEmptySubsequences: false)[...]
    while let line = lines.popFirst() {
      if line.hasPrefix("@__swiftmacro"), lines.popFirst()?.hasPrefix("---") == true {
        let text = lines.prefix { !$0.hasPrefix("------") }
        lines = lines.dropFirst(text.count + 1)
        if text != [""] { outcome.expansions.append(text.joined(separator: "\n").replacing(path, with: "model.swift")) }
        continue
      }
      guard let (place, kind, message) = said(line, of: path) else { continue }
      if kind == "note", let last = outcome.findings.indices.last {
        // The code, a mark below it, and below that what a fix writes instead.
        let below = lines.prefix(3).map { $0.trimmingCharacters(in: .whitespaces) }
        guard below.count == 3, below[1].allSatisfy({ "~^ ".contains($0) }), !below[2].isEmpty,
          !["/", "@", "<"].contains(lines[lines.startIndex + 2].first), !below[2].hasPrefix("@__")
        else { continue }
        outcome.findings[last].fixes.append("\(message): \(below[2])")
      } else if kind != "note" {
        outcome.findings.append(
          Finding(line: place.line, column: place.column, isError: kind == "error", message: message))
      }
    }
    return outcome
  }

  /// `FILE:LINE:COLUMN: error: MESSAGE`, without the name of the macro that says it.
  private static func said(
    _ line: Substring, of path: String
  ) -> (place: (line: Int, column: Int), kind: String, message: String)? {
    guard line.hasPrefix("\(path):") else { return nil }
    let parts = line.dropFirst(path.count + 1).split(separator: ":", maxSplits: 3).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    guard parts.count == 4, let number = Int(parts[0]), let column = Int(parts[1]),
      ["error", "warning", "note"].contains(parts[2])
    else { return nil }
    return ((number, column), parts[2], parts[3].replacing(#/ \(from macro '\w+ ?'\)$/#, with: ""))
  }
}

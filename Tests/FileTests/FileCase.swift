import Foundation
import KilnIR
import KilnPasses

/// A `.kiln` file that says itself what it tests.
///
/// The first line is `// test: KIND`:
/// - `parse`: the text before the line `// expect:`, read and printed, is the text after it.
/// - `passes`: a line `// passes: LIST`, as on the command line; the text before the line `// expect:` becomes that after it.
/// - `verify`: each line that ends with `// error: LABEL` gives a diagnostic with that label, and no other line does.
/// - `run`: each line `// run: @f(VALUES) = VALUES` runs a function. A value is a list of elements in row-major order, or one
///   number for all elements; instead of values the right-hand side may be `error LABEL`.
///
/// `KILN_BLESS=1` rewrites the expectations; look at the difference as at code.
struct FileCase: CustomStringConvertible, Sendable {
  enum Kind: String { case parse, passes, verify, run }

  let url: URL
  let text: String

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases")

  /// All cases, in the order of their names.
  static let all: [FileCase] = {
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    let urls = (files?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "kiln" }
    return urls.sorted { $0.path < $1.path }.map { url in
      FileCase(url: url, text: (try? String(contentsOf: url, encoding: .utf8)) ?? "")
    }
  }()

  var description: String { url.pathComponents.suffix(2).joined(separator: "/") }

  var lines: [String] { text.components(separatedBy: "\n") }

  /// What the first line says; nil if it says nothing that the runner knows.
  var kind: Kind? {
    guard let first = lines.first, first.hasPrefix("// test: ") else { return nil }
    return Kind(rawValue: String(first.dropFirst("// test: ".count)))
  }

  /// The text with every expectation replaced by what was found.
  func blessed(_ backend: Backend) -> String {
    switch kind {
    case .parse: input + "// expect:\n" + found { try Module(parsing: input, file: "case").description }
    case .passes: input + "// expect:\n" + found { try passes.run(Module(parsing: input, file: "case")).description }
    case .verify: lines.enumerated().map { blessedLine($1, foundLabels[$0 + 1] ?? []) }.joined(separator: "\n")
    case .run:
      lines.map { line in RunLine(line).map { $0.text(result(of: $0, on: backend)) } ?? line }.joined(separator: "\n")
    case nil: text
    }
  }

  /// The text before `// expect:`.
  var input: String {
    guard let range = text.range(of: "// expect:\n") else { return text }
    return String(text[..<range.lowerBound])
  }

  /// The passes of the line `// passes: …`.
  private var passes: Pipeline {
    get throws {
      let mark = "// passes: "
      guard let line = lines.first(where: { $0.hasPrefix(mark) }) else {
        throw KilnError("pipeline.C1", "the case names no passes")
      }
      return try Pipeline(parsing: String(line.dropFirst(mark.count)))
    }
  }

  private static let errorMark = " // error: "

  private func blessedLine(_ line: String, _ labels: [String]) -> String {
    let bare = line.range(of: Self.errorMark).map { String(line[..<$0.lowerBound]) } ?? line
    return labels.isEmpty ? bare : bare + Self.errorMark + labels.joined(separator: ", ")
  }

  /// The labels of the diagnostics by line.
  private var foundLabels: [Int: [String]] {
    do {
      _ = try Module(parsing: text, file: "case")
      return [:]
    } catch {
      return Dictionary(grouping: error.diagnostics) { diagnostic in
        guard case .position(_, let line, _) = diagnostic.location else { return 0 }
        return line
      }.mapValues { $0.map(\.label) }
    }
  }

  private func result(of run: RunLine, on backend: Backend) -> String {
    found {
      let module = try Module(parsing: text, file: "case")
      guard let function = module[run.function] else { throw KilnError("run.C1", "no @\(run.function)") }
      let inputs = try TensorValue.values(function.parameters.map(\.type), text: run.arguments)
      return try backend.run(module, run.function, inputs).map(\.elementText).joined(separator: ", ")
    }
  }

  private func found(_ body: () throws -> String) -> String {
    do { return try body() } catch let error as KilnError {
      return error.diagnostics.map { "error \($0.label)" }.joined(separator: ", ")
    } catch { return "error \(error)" }
  }
}

/// One `// run:` line.
struct RunLine {
  let function: String
  let arguments: String

  init?(_ line: String) {
    guard line.hasPrefix("// run: @"), let open = line.firstIndex(of: "("), let close = line.firstIndex(of: ")") else {
      return nil
    }
    function = String(line[line.index(line.startIndex, offsetBy: "// run: @".count)..<open])
    arguments = String(line[line.index(after: open)..<close])
  }

  func text(_ result: String) -> String { "// run: @\(function)(\(arguments)) = \(result)" }
}

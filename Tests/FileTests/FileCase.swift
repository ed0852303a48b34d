import Foundation
import Kiln
import KilnBackends
import KilnCPU
import KilnIR
import KilnPasses
import KilnRuntime

/// A `.kiln` file that says itself what it tests.
///
/// The first line is `// test: KIND`:
/// - `parse`: the text before the line `// expect:`, read and printed, is the text after it.
/// - `passes`: a line `// passes: LIST`, as on the command line; the text before the line `// expect:` becomes that
///   after it.
/// - `verify`: each line that ends with `// error: LABEL` gives a diagnostic with that label, and no other line does.
/// - `run`: each line `// run: @f(VALUES) = VALUES` runs a function. A value is a list of elements in row-major order,
///   or one number for all elements; instead of values the right-hand side may be `error LABEL`. A function whose sizes
///   have names is bound first: `// run: @f[n = 3, m = 2](VALUES) = VALUES`. The lines
///   `// passes: LIST`, if there are any, are run first, in their order: what they add, such as `@f_gradient`, can be
///   run too.
/// - `lowering`: the functions before the line `// expect:` become the plans and kernels after it, in order, as
///   `kiln show` prints them, for a plain processor that is the same on every machine.
/// - `plan`: the text is a plan. Lines `// run: …` run it with its kernels, interpreted and on the processor, and a
///   wrong plan has its labels as in `verify`.
///
/// `KILN_BLESS=1` rewrites the expectations; look at the difference as at code.
struct FileCase: CustomStringConvertible, Sendable {
  enum Kind: String { case parse, passes, verify, run, lowering, plan }

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
  func blessed(_ backend: CaseBackend) -> String {
    switch kind {
    case .parse: expecting { try Module(parsing: input, file: "case").description }
    case .passes: expecting { try passed(input).description }
    case .lowering: expecting { try lowered }
    case .verify: labelled(foundLabels { () throws(KilnError) in _ = try Module(parsing: text, file: "case") })
    case .plan: blessedPlan
    case .run: blessedRuns(on: backend)
    case nil: text
    }
  }

  private func expecting(_ body: () throws -> String) -> String { input + "// expect:\n" + found(body) }

  /// The text before `// expect:`.
  var input: String {
    guard let range = text.range(of: "// expect:\n") else { return text }
    return String(text[..<range.lowerBound])
  }

  private static let passMark = "// passes: "

  var hasPasses: Bool { lines.contains { $0.hasPrefix(Self.passMark) } }

  /// What the passes of the lines `// passes: …` make of a module.
  private func passed(_ text: String) throws -> Module {
    let lists = lines.filter { $0.hasPrefix(Self.passMark) }.map { $0.dropFirst(Self.passMark.count) }
    if lists.isEmpty && kind == .passes { throw KilnError("pipeline.C1", "the case names no passes") }
    let passes = try Pipeline(parsing: lists.joined(separator: ", "))
    return try passes.run(Module(parsing: text, file: "case"), verifying: true)
  }

  /// The plan of each function, followed by its kernels.
  private var lowered: String {
    get throws {
      let module = try Module(parsing: input, file: "case")
      return try module.functions.map { function in
        try Lowered(module, function: function.name, for: .testCPU).plan.description
      }.joined(separator: "\n")
    }
  }

  private static let errorMark = " // error: "

  private func labelled(_ labels: [Int: [String]]) -> String {
    lines.enumerated().map { blessedLine($1, labels[$0 + 1] ?? []) }.joined(separator: "\n")
  }

  private func blessedLine(_ line: String, _ labels: [String]) -> String {
    let bare = line.range(of: Self.errorMark).map { String(line[..<$0.lowerBound]) } ?? line
    return labels.isEmpty ? bare : bare + Self.errorMark + labels.joined(separator: ", ")
  }

  /// The labels of the diagnostics by line.
  private func foundLabels(_ read: () throws(KilnError) -> Void) -> [Int: [String]] {
    do throws(KilnError) {
      try read()
      return [:]
    } catch {
      return Dictionary(grouping: error.diagnostics) { diagnostic in
        guard case .position(_, let line, _) = diagnostic.location else { return 0 }
        return line
      }.mapValues { $0.map(\.label) }
    }
  }

  private var blessedPlan: String {
    let labels = foundLabels { () throws(KilnError) in _ = try ExecutionPlan(parsing: text, file: "case") }
    return labelled(labels).components(separatedBy: "\n").map { line in
      RunLine(line).map { run in run.text(found { try result(ofPlan: run) }) } ?? line
    }.joined(separator: "\n")
  }

  private func result(ofPlan run: RunLine) throws -> String {
    let plan = try ExecutionPlan(parsing: text, file: "case")
    let inputs = try TensorValue.values(plan.parameters.map(\.type), text: run.arguments)
    let outcomes = [PlanBackend.interpreter, .cpu].map { backend in
      found { try LoadedPlan(plan, on: backend).run(inputs).map(\.elementText).joined(separator: ", ") }
    }
    return outcomes[0] == outcomes[1] ? outcomes[0] : "\(outcomes[0]), on the processor \(outcomes[1])"
  }

  private func blessedRuns(on backend: CaseBackend) -> String {
    let module = Result { try passed(text) }
    return lines.map { line in RunLine(line).map { $0.text(result(of: $0, in: module, on: backend)) } ?? line }
      .joined(separator: "\n")
  }

  private func result(of run: RunLine, in module: Result<Module, any Error>, on backend: CaseBackend) -> String {
    found {
      let module = try module.get().bound(to: run.sizes, for: run.function)
      guard let function = module[run.function] else { throw KilnError("run.C1", "no @\(run.function)") }
      let inputs = try TensorValue.values(function.parameters.map(\.type), text: run.arguments)
      return try backend.backend.run(module, run.function, inputs).map(\.elementText).joined(separator: ", ")
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
  /// The numbers of its named sizes, in their order.
  private let named: [(name: String, size: Int)]
  let arguments: String

  var sizes: [String: Int] { Dictionary(named.map { ($0.name, $0.size) }) { first, _ in first } }

  init?(_ line: String) {
    guard line.hasPrefix("// run: @"), let open = line.firstIndex(of: "("), let close = line.firstIndex(of: ")") else {
      return nil
    }
    let parts = line[..<open].dropFirst("// run: @".count).split { "[]".contains($0) }
    guard let function = parts.first else { return nil }
    self.function = String(function)
    named = parts.dropFirst().joined().components(separatedBy: ", ").compactMap { text in
      let words = text.components(separatedBy: " = ")
      return words.count == 2 ? Int(words[1]).map { (words[0], $0) } : nil
    }
    arguments = String(line[line.index(after: open)..<close])
  }

  func text(_ result: String) -> String {
    let sizes = named.map { "\($0.name) = \($0.size)" }.joined(separator: ", ")
    return "// run: @\(function)\(sizes.isEmpty ? "" : "[\(sizes)]")(\(arguments)) = \(result)"
  }
}

import Foundation
import KilnIR
import Testing

/// Each op of `Documentation/OpTable.md`, a page that `OpTableTests` makes by trying, is shown by cases in the folder
/// of each rule that it has.
@Suite("Every op has its file tests") struct OpCoverageTests {
  @Test("A row of the table has cases in every folder", arguments: Folder.allCases)
  func rows(_ folder: Folder) throws {
    let rows = try Row.all()
    #expect(rows.count >= 114)
    let missing = rows.filter { folder.excuse(for: $0) == nil && !folder.shows($0) }
    #expect(missing.isEmpty, "\(folder.rawValue) has nothing on \(missing.map(\.label).joined(separator: ", "))")
  }

  @Test("An op is given a wrong number of operands")
  func operandCounts() throws {
    // These take what the function takes that they name, which another label says.
    let named: Set<String> = ["call", "checkpoint", "custom", "while", "scan"]
    let spellings = Set(try Row.all().map(\.spelling)).subtracting(named)
    let missing = spellings.filter { !Folder.errors.has(error: "\($0).C0") }
    #expect(missing.isEmpty, "nothing provokes \(missing.sorted().map { "\($0).C0" }.joined(separator: ", "))")
  }

  /// A row of the table.
  struct Row {
    /// The op with the attribute that decides what it computes: `add`, `reduce sum`, `gather clamp`.
    let label: String
    let takesReals: Bool

    var spelling: String { words[0] }
    private var words: [String] { label.components(separatedBy: " ") }

    /// The function that shows the op: `@add`, `@reduceSum`, `@gatherClamp`.
    var function: String { words[0] + words.dropFirst().map(\.capitalized).joined() }

    var isElementwise: Bool { ScalarFunction.allCases.contains { $0.spelling == label } }

    /// Whether a line of a program is an instruction with the op.
    func isMade(by line: some StringProtocol) -> Bool {
      line.contains("= \(spelling)(") && words.dropFirst().allSatisfy { line.contains(" = \($0)") }
    }

    static func all() throws -> [Row] {
      let page = FileCase.folder.appending(path: "../../../Documentation/OpTable.md").standardized
      let lines = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "\n")
      let cells = lines.map { $0.components(separatedBy: " | ") }
      let dtypes = cells.first { $0[0] == "| op" } ?? []
      let reals = dtypes.indices.filter { ["f16", "bf16", "f32", "f64 |"].contains(dtypes[$0]) }
      return cells.filter { $0[0].hasPrefix("| `") && $0.count == dtypes.count }.map { row in
        Row(label: String(row[0].dropFirst(3).dropLast()), takesReals: reals.contains { !row[$0].hasPrefix("–") })
      }
    }
  }

  /// What the cases of a folder show of an op.
  enum Folder: String, CaseIterable {
    case values = "Ops"
    case errors = "Errors"
    case gradients = "Gradients"
    case forward = "Forward"
    case batching = "Batching"
    case lowering = "Lowering"

    private var cases: [FileCase] {
      FileCase.all.filter { $0.url.deletingLastPathComponent().lastPathComponent == rawValue }
    }

    /// Why no case is asked for; nil: one is.
    func excuse(for row: Row) -> String? {
      switch self {
      case .values, .errors, .batching: nil
      case .gradients, .forward: row.takesReals ? nil : "whole numbers and truth values have no derivative"
      case .lowering: row.isElementwise ? "elementwise functions are lowered alike: @map shows how" : nil
      }
    }

    /// Whether a case runs the op, provokes a label of it, or has the op in the function that is named like it: there
    /// what a transform makes of the function is run, or its lowering is shown.
    func shows(_ row: Row) -> Bool {
      switch self {
      case .values: cases.contains { $0.kind == .run && $0.lines.contains(where: row.isMade) }
      case .errors: has(error: "\(row.spelling).C")
      case .gradients, .forward, .batching:
        cases.contains { test in
          test.kind == .run && test.body(of: row.function).contains(where: row.isMade)
            && test.lines.contains { $0.hasPrefix("// run: @\(row.function)_") }
        }
      case .lowering:
        cases.contains { $0.kind == .lowering && $0.body(of: row.function).contains(where: row.isMade) }
      }
    }

    /// Whether a case provokes a label that begins so.
    func has(error label: String) -> Bool {
      cases.contains { test in
        test.kind == .verify && test.lines.contains { $0.contains("// error: \(label)") || $0.contains(", \(label)") }
      }
    }
  }
}

extension FileCase {
  /// The lines of a function; none without one.
  fileprivate func body(of function: String) -> ArraySlice<String> {
    let lines = input.components(separatedBy: "\n")
    guard let start = lines.firstIndex(where: { $0.hasPrefix("func @\(function)(") }) else { return [] }
    return lines[start...].prefix { $0 != "}" }
  }
}

import Foundation
import Testing

/// Reads the public functions of Kiln from its sources and finds those with a number that no row of the table leaves
/// open.
@Suite("Misuse: the table is complete")
struct ApiTests {
  /// The types in which callers write axes, shapes, sizes, counts, widths and positions.
  private static let types: Set = [
    "Int", "Int...", "Int?", "[Int]", "[Int]?", "[Int?]?", "some ShapeConvertible", "some DimensionConvertible",
    "PerAxis", "PerAxis?", "WindowPadding",
    "Range<Int>", "any TensorIndex", "any TensorIndex...", "[(Int, Int)]", "[(before: Int, after: Int)]",
  ]

  /// Not numbers of a call on tensors.
  private static let others: [String: String] = [
    "init(device:numerics:limit:threads:)": "a limit of 0 allows no program",
    "resolved(in:)": "called with the extent of an axis",
    "init(start:limit:stride:dropsAxis:)": "what an index names; checked where it is used",
    "init(_:)": "makes a `PerAxis`; checked where it is used", "init(integerLiteral:)": "makes a `PerAxis`",
    "init(arrayLiteral:)": "makes a `PerAxis`", "enter(_:)": "called by visits",
    "checkGradients(at:tolerance:samples:of:)": "at least one sample is taken",
    "fori(_:_:_:_:_:)": "as `fori` of one tree", "+(a:b:)": "any sizes have a sum", "-(a:b:)": "may be negative",
    "*(a:b:)": "the nearest number where it is too large", "/(a:b:)": "0 for a divisor of 0",
    "%(a:b:)": "0 for a divisor of 0 leaves `a`", "==(a:b:)": "any two may be compared",
  ]

  @Test("every number of a public function has a row")
  func complete() throws {
    let rows = Set(Rows.all.map { "\($0.function) \($0.parameter)" })
    let found = try Self.numbers()
    #expect(found.count > 100)
    for number in found where !rows.contains(number) {
      let function = String(number.prefix { $0 != " " })
      #expect(Self.others[function] != nil, "\(number) has no row in Tests/MisuseTests/Rows.swift")
    }
    for row in rows { #expect(found.contains(row), "\(row) is not the number of a public function") }
  }

  /// `function parameter` for each of these types.
  private static func numbers() throws -> [String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/Kiln")
    var numbers: [String] = []
    let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)
    while let file = files?.nextObject() as? URL {
      // Hints cannot be called.
      guard file.pathExtension == "swift", !file.lastPathComponent.hasPrefix("Hints+") else { continue }
      let text = try String(contentsOf: file, encoding: .utf8)
      for start in text.ranges(of: /public (static |mutating )*(func |subscript|init)/) {
        let parameters = Signature(text[start.upperBound...], keyword: text[start])
        numbers += parameters.parameters.filter { types.contains($0.type) }.map { "\(parameters.name) \($0.name)" }
      }
    }
    return numbers
  }
}

/// A declaration taken apart.
private struct Signature {
  var name: String
  var parameters: [(name: String, type: String)] = []

  init(_ text: Substring, keyword: Substring) {
    let base = keyword.hasSuffix("func ") ? String(text.prefix { $0 != "(" && $0 != "<" }) : ""
    let first = base.isEmpty ? (keyword.hasSuffix("init") ? "init" : "subscript") : base.filter { $0 != " " }
    var labels = ""
    for part in Self.parts(Self.parenthesized(text)) {
      guard let colon = part.firstIndex(of: ":") else { continue }
      let names = part[..<colon].split(whereSeparator: \.isWhitespace).filter { !$0.hasPrefix("@") }
      guard let label = names.first, let name = names.last else { continue }
      if label == "file" || label == "line" { continue }
      let type = part[part.index(after: colon)...].split(separator: " = ").first ?? ""
      labels += "\(label):"
      parameters.append((String(name), type.trimmingCharacters(in: .whitespacesAndNewlines)))
    }
    name = "\(first)(\(labels))"
  }

  /// What stands between the parentheses that come first outside of `<…>`.
  private static func parenthesized(_ text: Substring) -> Substring {
    var (angles, depth) = (0, 0)
    var start = text.startIndex
    for index in text.indices {
      switch text[index] {
      case "<" where depth == 0: angles += 1
      case ">" where depth == 0: angles -= 1
      case "(" where angles == 0:
        if depth == 0 { start = text.index(after: index) }
        depth += 1
      case ")" where angles == 0:
        depth -= 1
        if depth == 0 { return text[start..<index] }
      case "{" where depth == 0, "}": return text[start..<start]
      default: break
      }
    }
    return text[start..<start]
  }

  /// The parameters: what commas separate outside of brackets.
  private static func parts(_ text: Substring) -> [Substring] {
    var parts: [Substring] = []
    var depth = 0
    var start = text.startIndex
    for index in text.indices {
      switch text[index] {
      case "(", "[": depth += 1
      case "<" where index > text.startIndex && text[text.index(before: index)] != ".": depth += 1
      case ")", "]": depth -= 1
      case ">" where index > text.startIndex && text[text.index(before: index)] != "-": depth -= 1
      case "," where depth == 0:
        parts.append(text[start..<index])
        start = text.index(after: index)
      default: break
      }
    }
    return parts + [text[start...]]
  }
}

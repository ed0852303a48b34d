import Foundation

/// Swift code that stands in a page or in a doc comment.
struct Example {
  struct Block {
    var file: String
    /// The line of the file on which the code begins.
    var line: Int
    var code: [String]

    var isManifest: Bool { code.first?.hasPrefix("// swift-tools-version") == true }
  }

  var file: String
  var blocks: [Block]

  /// With the scenery that it needs: declarations and statements before its own.
  func with(scenery: String) -> Example {
    let lines = scenery.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    return Example(file: file, blocks: [Block(file: "scenery of \(file)", line: 1, code: lines)] + blocks)
  }

  /// The blocks of a page follow on each other, so they are one example; each of a doc comment is one of its own.
  static func all() throws -> [Example] {
    var examples: [Example] = []
    // A manifest is a program of its own, and MacroTests have the page of the macros.
    for page in Repository.pages where page != "Documentation/Macros.md" {
      let blocks = try Self.blocks(ofPage: page).filter { !$0.isManifest }
      if !blocks.isEmpty { examples.append(Example(file: page, blocks: blocks)) }
    }
    for file in Repository.files(in: ["Sources/Kiln", "Sources/KilnNN", "Sources/KilnData", "IR"], ["swift"]) {
      let blocks = Self.blocks(of: try Repository.text(file), file) { line in
        let text = line.drop { $0 == " " }
        return text.hasPrefix("///") ? text.dropFirst(text.hasPrefix("/// ") ? 4 : 3) : nil
      }
      examples += blocks.map { Example(file: file, blocks: [$0]) }
    }
    return examples
  }

  static func blocks(ofPage page: String) throws -> [Block] { blocks(of: try Repository.text(page), page) { $0 } }

  private static func blocks(of text: String, _ file: String, _ content: (Substring) -> Substring?) -> [Block] {
    var (blocks, open): ([Block], Block?) = ([], nil)
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      guard let line = content(line) else {
        open = nil
        continue
      }
      if let block = open, line.hasPrefix("```") {
        blocks.append(block)
        open = nil
      } else if open != nil {
        open?.code.append(String(line))
      } else if line == "```swift" {
        open = Block(file: file, line: index + 2, code: [])
      }
    }
    return blocks
  }

  /// A file that compiles if the example does. Declarations stand at its top, as they would in a program; what else the
  /// blocks say is the body of a function, each block in the scope of those before it.
  func source(number: Int) -> String {
    var imports: Set<String> = ["import Kiln"]
    if file.hasPrefix("Sources/KilnNN/") { imports.insert("import KilnNN") }
    if file.hasPrefix("Sources/KilnData/") { imports.insert("import KilnData") }
    var (declarations, statements) = ("", "")
    // Where a run of lines begins, and not inside: the directive may stand between statements only.
    var ends = (declarations: 0, statements: 0)
    func add(_ line: String, _ place: Int, of file: String, to text: inout String, _ end: inout Int) {
      if place != end { text += "#sourceLocation(file: \"\(file)\", line: \(place))\n" }
      text += line + "\n"
      end = place + 1
    }
    for block in blocks {
      statements += "do {\n"
      ends = (0, 0)
      var depth = 0
      var isInDeclaration = false
      for (index, line) in block.code.enumerated() {
        let startsDeclaration = depth == 0 && Self.startsDeclaration(line)
        if startsDeclaration { isInDeclaration = true }
        if line.hasPrefix("import ") {
          imports.insert(line)
        } else if isInDeclaration {
          add(
            startsDeclaration ? Self.hidden(line) : line, block.line + index, of: block.file, to: &declarations,
            &ends.declarations)
        } else {
          add(line, block.line + index, of: block.file, to: &statements, &ends.statements)
        }
        let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
        for character in code {
          if "([{".contains(character) { depth += 1 }
          if ")]}".contains(character) { depth -= 1 }
        }
        if depth == 0, line.contains("}") || line.hasPrefix("typealias") { isInDeclaration = false }
      }
    }
    statements += String(repeating: "}\n", count: blocks.count)
    return """
      \(imports.sorted().joined(separator: "\n"))
      \(declarations)
      fileprivate func example\(number)() async throws {
      \(statements)}
      """
  }

  /// The first line of a declaration, out of the sight of other examples. A conformance cannot be hidden.
  private static func hidden(_ line: String) -> String {
    if line.prefixMatch(of: #/extension [\w.]+:/#) != nil { return line }
    let words = line.prefixMatch(of: #/(?:@\w+ )*/#)?.0 ?? ""
    return "\(words)fileprivate \(line.dropFirst(words.count))"
  }

  private static func startsDeclaration(_ line: String) -> Bool {
    line.prefixMatch(
      of: #/(?:@\w+ )*(?:final )?(?:func|struct|enum|class|actor|protocol|extension|typealias) /#) != nil
  }
}

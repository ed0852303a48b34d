import Foundation
import Testing

/// Comments and pages: how wide they are, and turns of phrase that a native engineer would not write.
@Suite("Writing")
struct WritingTests {
  private static let width = 120

  /// Lines of prose with their numbers: a page without code, tables and long links; comments of everything else.
  private static func prose(of file: String) throws -> [(number: Int, text: Substring)] {
    var lines: [(number: Int, text: Substring)] = []
    var isCode = false
    let isPage = file.hasSuffix(".md")
    let sign = ["swift", "h", "c", "kiln"].contains((file as NSString).pathExtension) ? "//" : "#"
    let all = try Repository.text(file).split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in all.enumerated() {
      let text = line.drop { $0 == " " }
      if isPage && text.hasPrefix("```") { isCode.toggle() }
      let isProse = isPage ? !isCode && !line.hasPrefix("    ") : text.hasPrefix(sign)
      if isProse { lines.append((index + 1, line)) }
    }
    return lines
  }

  @Test("comments and pages are 120 columns wide at most")
  func columns() throws {
    // What a file test runs and expects is data, and OpTable.md is made by a test.
    let data = ["| ", "// run: ", "// passes: ", "// error: "]
    var wide: [String] = []
    for file in Repository.texts where file != "Documentation/OpTable.md" {
      for line in try Self.prose(of: file) where line.text.count > Self.width {
        if line.text.contains("https://") || data.contains(where: { line.text.hasPrefix($0) }) { continue }
        wide.append("\(file):\(line.number)")
      }
    }
    #expect(wide.isEmpty, "\(wide.joined(separator: "\n"))")
  }

  /// Phrases, each with what is written instead.
  private static let phrases: [(found: String, instead: String)] = [
    (#"\b(is|are|was|were) none\b"#, "does not exist, has none"),
    (
      #"\b(?!there )\w+\W{1,3}(is|are|was|were) no (?!longer|more|less|faster|slower|larger|greater|wider|better)"#,
      "is not a"
    ),
    (#"\bfor want of\b"#, "because … is missing"),
    (#"\bnobody\b"#, "say which values, files or callers"),
    (#"\b(is|are|was|be) told\b|\btold (of|on|at)\b"#, "is reported, learns"),
    (#"\bshall\b"#, "must, should"),
    (#"\bfor people who\b"#, "for reading"),
    (#"\bdoes not bear\b"#, "cannot handle"),
    (#"\bfor ever\b"#, "without end"),
    (#"\bin the place of\b"#, "instead of"),
  ]

  @Test("comments, pages and names of tests are plain English")
  func english() throws {
    let phrases = try Self.phrases.map { (regex: try Regex($0.found).ignoresCase(), instead: $0.instead) }
    var found: [String] = []
    for file in Repository.texts where !file.hasSuffix("WritingTests.swift") {
      var lines = try Self.prose(of: file)
      if file.hasPrefix("Tests/") {
        let names = try Repository.text(file).split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        lines += names.filter { $0.element.contains("@Test(\"") }.map { ($0.offset + 1, $0.element) }
      }
      for line in lines {
        for phrase in phrases where line.text.firstMatch(of: phrase.regex) != nil {
          found.append("\(file):\(line.number): \(line.text.trimmingPrefix { $0 == " " }) → \(phrase.instead)")
        }
      }
    }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }
}

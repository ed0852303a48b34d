import Testing

/// The labels of Documentation/Numerics.md: `E4`, `R2`, `D1`, ….
@Suite("Labels of the numerics contract")
struct NumericLabelTests {
  private static var label: Regex<Substring> { #/[BDEGRSTW][1-9]/# }

  /// The statements that the page makes.
  private static func defined() throws -> Set<String> {
    let page = try Repository.text("Documentation/Numerics.md")
    return Set(page.matches(of: #/(?m)^- \*\*([A-Z][1-9])\*\*/#).map { String($0.1) })
  }

  /// The labels before the colon in the name of a test: "R1 R2, T1: reductions of rows".
  private static func tested() throws -> [String: String] {
    var labels: [String: String] = [:]
    for file in Repository.files(in: ["Tests"], ["swift"]) {
      let names = #/@(?:Test|Suite)\(\s*"([^":]*):/#
      for match in try Repository.text(file).matches(of: names) {
        let words = match.1.split { $0 == " " || $0 == "," }
        guard words.allSatisfy({ $0.wholeMatch(of: label) != nil }) else { continue }
        for word in words { labels[String(word)] = file }
      }
    }
    return labels
  }

  /// The labels that texts refer to: after the name of the page, and in parentheses in the Spec.
  private static func referred() throws -> [String: String] {
    var labels: [String: String] = [:]
    for file in Repository.texts {
      let text = try Repository.text(file)
      let references = #/Numerics\.md,? \(?((?:[A-Z][1-9](?:, | and )?)+)/#
      for match in text.matches(of: references) {
        for label in match.1.matches(of: label) { labels[String(label.0)] = file }
      }
      if file == "Documentation/Spec.md" {
        for match in text.matches(of: #/\(([A-Z][1-9])\)/#) { labels[String(match.1)] = file }
      }
    }
    return labels
  }

  @Test("every statement of the page is in the name of a test that proves it")
  func everyStatementIsTested() throws {
    let (defined, tested) = (try Self.defined(), try Self.tested())
    #expect(defined.count > 35)
    #expect(defined.subtracting(tested.keys).sorted() == [], "statements without a test")
  }

  @Test("every label in a test, a comment or a page is a statement of the page")
  func everyLabelIsDefined() throws {
    let (defined, referred) = (try Self.defined(), try Self.referred())
    #expect(referred.count > 20)
    let unknown = try Self.tested().merging(referred) { $1 }.filter { !defined.contains($0.key) }
    #expect(unknown.isEmpty, "\(unknown)")
  }
}

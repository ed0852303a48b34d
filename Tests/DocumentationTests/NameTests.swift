import Testing

@Suite("Names in pages")
struct NameTests {
  @Test("the names that are promised to those who come from elsewhere are there")
  func names() throws {
    var declared: Set<String> = ["print", "stride"]
    for file in Repository.files(
      in: ["Sources/Kiln", "Sources/KilnNN", "Sources/KilnData", "Sources/KilnMacros"], ["swift"])
    {
      let declarations = try Repository.text(file).matches(
        of: /public [a-z ]*(?:func|var|let|struct|class|typealias|macro) ([a-zA-Z0-9]+)/)
      declared.formUnion(declarations.map { String($0.1) })
    }
    let rows = try Repository.text("Documentation/Names.md").split(separator: "\n").filter { $0.hasPrefix("| `") }
    #expect(rows.count > 50)
    for row in rows {
      let ours = row.split(separator: "|")[1]
      for code in ours.matches(of: /`([^`]+)`/) {
        for name in code.1.matches(of: /([a-zA-Z][a-zA-Z0-9]*)(?:\(| \{|$)/) where !code.1.contains(" .") {
          #expect(declared.contains(String(name.1)), "Documentation/Names.md: \(name.1)")
        }
      }
    }
  }

  /// Names as a program asks for them: literals in Swift, words in scripts.
  @Test("every environment variable that is read is in a page, and every one in a page is read")
  func environment() throws {
    let folders = ["IR", "Passes", "Runtime", "Sources", "Benchmarks", "Examples", "Tests"]
    var read: Set<String> = []
    for file in Repository.files(in: folders, ["swift"]) + ["Package.swift"] {
      read.formUnion(try Repository.text(file).matches(of: /"(KILN_[A-Z_]+)"/).map { String($0.1) })
    }
    for file in Repository.files(in: ["Utilities"], ["", "py"]) + ["Makefile"] {
      read.formUnion(try Repository.text(file).matches(of: /\bKILN_[A-Z_]+\b/).map { String($0.0) })
    }
    var written: Set<String> = []
    for page in Repository.pages {
      written.formUnion(try Repository.text(page).matches(of: /\bKILN_[A-Z_]+\b/).map { String($0.0) })
    }
    #expect(read.count > 10)
    #expect(read.subtracting(written).isEmpty, "in no page: \(read.subtracting(written).sorted())")
    #expect(written.subtracting(read).isEmpty, "read nowhere: \(written.subtracting(read).sorted())")
  }
}

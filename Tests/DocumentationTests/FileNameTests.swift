import Foundation
import Testing

@Suite("Files, targets and counts in pages")
struct FileNameTests {
  private static let folders = [
    "IR", "Passes", "Runtime", "Sources", "Tests", "Benchmarks", "Examples", "Utilities", "Documentation",
  ]
  private static let names = Set(Repository.paths.map { ($0 as NSString).lastPathComponent })
  /// Files of the reader, in examples.
  private static let others: Set<String> = ["Sources/MyModel/main.swift", "model.swift"]

  /// Whether `name` is a path of the repository, or the name of one of its files. `<Family>` stands for any word.
  private static func exists(_ name: String) -> Bool {
    if let open = name.firstIndex(of: "<"), let close = name.firstIndex(of: ">") {
      let (start, end) = (name[..<open], name[name.index(after: close)...])
      let candidates = name.contains("/") ? Repository.paths : names
      return candidates.contains { $0.hasPrefix(start) && $0.hasSuffix(end) }
    }
    let path = name.hasSuffix("/") ? String(name.dropLast()) : name
    return name.contains("/") ? Repository.paths.contains(path) : names.contains(path)
  }

  @Test("every file and folder that a page names is there")
  func filesInPages() throws {
    var count = 0
    for page in Repository.pages {
      for match in try Repository.text(page).matches(of: #/`([A-Za-z0-9_+.\/<>-]+)`/#) {
        let name = String(match.1)
        let isPath = Self.folders.contains { name.hasPrefix($0 + "/") }
        let isFile = [".swift", ".md"].contains { name.hasSuffix($0) }
        guard isPath || isFile, !Self.others.contains(name) else { continue }
        count += 1
        #expect(Self.exists(name), "\(page): \(name)")
      }
    }
    #expect(count > 100)
  }

  @Test("every link from page to page leads somewhere, and every page is linked")
  func links() throws {
    var linked: Set<String> = ["README.md"]
    for page in Repository.pages where !page.hasPrefix("Sources") {
      let folder = (page as NSString).deletingLastPathComponent
      for match in try Repository.text(page).matches(of: #/\]\(([^)#\s]+)(?:#[^)]*)?\)/#)
      where !match.1.contains(":") {
        let path = ((folder as NSString).appendingPathComponent(String(match.1)) as NSString).standardizingPath
        linked.insert(path)
        #expect(Repository.paths.contains(path), "\(page): \(match.1)")
      }
    }
    let pages = Repository.pages.filter { !$0.hasPrefix("Sources") && !$0.contains("/Decisions/") }
    #expect(Set(pages).subtracting(linked).sorted().filter { !$0.contains("/Examples/") } == [], "linked from nowhere")
  }

  @Test("every page and source file that a comment names is there")
  func filesInComments() throws {
    for file in Repository.texts where !file.hasSuffix(".md") {
      for line in try Repository.text(file).split(separator: "\n") {
        guard let comment = line.range(of: "// ") ?? line.range(of: "# ") else { continue }
        for match in line[comment.upperBound...].matches(of: #/\b[A-Z][A-Za-z0-9+]*\.(?:md|swift)\b/#) {
          #expect(Self.exists(String(match.0)), "\(file): \(match.0)")
        }
      }
    }
  }

  @Test("the table of targets in Architecture.md is that of Package.swift")
  func arrows() throws {
    let name = #/"([A-Za-z-]+)"/#
    let code = #/`([A-Za-z-]+)`/#
    let manifest = try Repository.text("Package.swift").replacing("system]", with: "\"SystemPackage\"]")
    var made: [String: Set<String>] = [:]
    let target = #/(?:library|program|cModule|plugin)\(\s*"([A-Za-z-]+)",\s*"([A-Za-z\/]+)"(?:,\s*\[([^\]]*)\])?/#
    for match in manifest.matches(of: target) where !match.2.hasPrefix("Tests/") {
      let products = match.3.map { $0.matches(of: name).map { String($0.1) } } ?? []
      made[String(match.1)] = Set(products).subtracting(["swift-argument-parser"])
    }
    for match in manifest.matches(of: #/systemLibrary\(name: "([A-Za-z]+)"/#) { made[String(match.1)] = [] }
    var written: [String: Set<String>] = [:]
    let page = try Repository.text("Documentation/Architecture.md")
    let table = page.split(separator: "\n").drop { !$0.hasPrefix("| target |") }
    for row in table.dropFirst(2).prefix(while: { $0.hasPrefix("|") }) {
      let cells = row.split(separator: "|").map { cell in cell.matches(of: code).map { String($0.1) } }
      for target in cells[0] { written[target] = Set(cells[2]) }
    }
    #expect(made.count > 12)
    #expect(Set(made.keys) == Set(written.keys))
    for (target, imports) in made { #expect(written[target] == imports, "\(target)") }
  }

  @Test("an op stands in no more files than AddingAnOp.md says")
  func counts() throws {
    let page = try Repository.text("Documentation/AddingAnOp.md")
    let rows = page.split(separator: "\n").compactMap { $0.firstMatch(of: #/^\| `([a-zA-Z]+)` \| ([0-9]+) \|/#) }
    #expect(rows.count >= 4)
    let files = Repository.files(in: ["IR", "Passes", "Runtime", "Sources/Kiln"], ["swift"])
    let texts = try files.map { try Repository.text($0) }
    for row in rows {
      let use = try Regex("\\.\(row.1)\\b")
      let count = texts.count { $0.firstMatch(of: use) != nil }
      #expect(count > 0 && count <= Int(row.2) ?? 0, "\(row.1): \(count)")
    }
  }
}

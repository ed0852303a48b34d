import Foundation
import Testing

@Suite struct ReadmeTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: root.appendingPathComponent(path)), as: UTF8.self)
  }

  @Test func theProgramOfTheReadmeIsTheOneThatIsBuilt() throws {
    let readme = try Self.text("README.md")
    let program = try Self.text("Examples/Hello/main.swift")
    #expect(readme.contains("```swift\n\(program)```"))
    let lines = program.split(separator: "\n").count
    #expect(lines <= 15)
  }

  @Test func theProgramOfTheReadmeTracesPrintsAndRuns() throws {
    let hello = URL(fileURLWithPath: Tool.path).deletingLastPathComponent().appendingPathComponent("Hello").path
    let outcome = try Tool.run(hello, [])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("func @main(%arg0: f32[2,3], %arg1: f32[3,2]) -> (f32[2,2]) {"))
    #expect(outcome.output.contains("dot(%arg0, %arg1) {batch = [], contract = [[1, 0]]}"))
  }

  @Test("every op and label is in the Spec")
  func everyLabelIsDocumented() throws {
    let pages = try Self.text("Documentation/Spec.md") + Self.text("Documentation/Debugging.md")
    var missing: Set<String> = []
    for folder in ["IR", "Passes", "Runtime", "Sources"] {
      let files = FileManager.default.enumerator(atPath: Self.root.appendingPathComponent(folder).path)
      while let file = files?.nextObject() as? String {
        guard file.hasSuffix(".swift") else { continue }
        for match in try Self.text("\(folder)/\(file)").matches(of: /"([a-zA-Z]+)\.([A-Z][0-9]+)"/) {
          let (family, number) = (String(match.1), String(match.2))
          let isThere =
            pages.contains("`\(family).\(number)`") || pages.contains("`\(family).C") && pages.contains("`.\(number)`")
          if !isThere { missing.insert("\(family).\(number)") }
        }
      }
    }
    #expect(missing.isEmpty, "\(missing.sorted())")
  }

  @Test("the names that are promised to those who come from elsewhere are there")
  func names() throws {
    var declared: Set<String> = ["print", "stride"]
    let folder = Self.root.appendingPathComponent("Sources/Kiln")
    let files = FileManager.default.enumerator(atPath: folder.path)
    while let file = files?.nextObject() as? String {
      guard file.hasSuffix(".swift") else { continue }
      for match in try Self.text("Sources/Kiln/\(file)").matches(
        of: /public [a-z ]*(?:func|var|let|struct|class) ([a-zA-Z0-9]+)/)
      {
        declared.insert(String(match.1))
      }
    }
    let rows = try Self.text("Documentation/Names.md").split(separator: "\n").filter { $0.hasPrefix("| `") }
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
}

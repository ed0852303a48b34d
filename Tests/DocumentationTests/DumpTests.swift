import Foundation
import Kiln
import KilnIR
import Testing

@Suite("Dumps in pages")
struct DumpTests {
  /// With `KILN_BLESS=1` the page gets what the compiler says.
  @Test("the dumps that a page explains are those of its program")
  func dumps() throws {
    let path = "Documentation/ReadingDumps.md"
    var page = try Repository.text(path)
    let program = try #require(page.firstMatch(of: #/```kiln\n([^`]*)```/#))
    let module = try Module(parsing: String(program.1), file: path)
    let lowered = try Lowered(module, for: .testCPU)
    let memory = lowered.plan.memory.description
    // Memory and kernels follow the steps.
    let plan = lowered.plan.description.components(separatedBy: "\n" + memory)[0]
    let stages = ["fusion": lowered.fusion.description, "memory": memory, "plan": plan]
    let isBlessing = ProcessInfo.processInfo.environment["KILN_BLESS"] == "1"
    for (name, text) in stages {
      let start = try #require(page.range(of: "```text \(name)\n"))
      let end = try #require(page.range(of: "```", range: start.upperBound..<page.endIndex))
      if isBlessing {
        page.replaceSubrange(start.upperBound..<end.lowerBound, with: text + "\n")
      } else {
        #expect(page[start.upperBound..<end.lowerBound] == text + "\n", "\(path): \(name)")
      }
    }
    if isBlessing { try Data(page.utf8).write(to: Repository.root.appendingPathComponent(path)) }
  }
}

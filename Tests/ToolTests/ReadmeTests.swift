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
}

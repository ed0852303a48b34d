import Testing

/// What the script of all tests runs under ThreadSanitizer.
@Suite("Tests under ThreadSanitizer")
struct SanitizerTests {
  private static let starts = ["concurrent" + "Perform(", "with" + "TaskGroup("]

  @Test("every test that starts threads is in a suite that the script chooses")
  func complete() throws {
    #expect(try Repository.text("Utilities/test").contains("--filter 'ThreadTests/'"))
    // Drivers of OpenCL are not built for the sanitizer, and Accuracy is a program.
    let files = Repository.files(in: ["Tests"], ["swift"]).filter {
      !$0.hasPrefix("Tests/OpenCLTests/") && !$0.hasPrefix("Tests/Accuracy/")
    }
    var found = 0
    for file in files {
      var type = ""
      for line in try Repository.text(file).split(separator: "\n") {
        if let match = line.firstMatch(of: #/^(?:[a-z]+ )*(?:struct|class|enum|extension|actor) (\w+)/#) {
          type = String(match.1)
        }
        guard Self.starts.contains(where: { line.contains($0) }) else { continue }
        found += 1
        #expect(type.hasSuffix("ThreadTests"), "\(file): \(type) starts threads")
      }
    }
    #expect(found >= 6)
  }
}

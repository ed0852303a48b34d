import Kiln
import Testing

@Suite("Mistakes with networks")
struct MistakeTableTests {
  @Test(
    "each has a message that says what is wrong, where in the model, and on which line", arguments: mistakeTable.indices
  )
  func mistake(index: Int) throws {
    let mistake = mistakeTable[index]
    try withFolder { folder in
      let message = failure { try mistake.body(folder) } ?? "no error"
      #expect(message.contains("[\(mistake.label)]"), "\(message)")
      for text in mistake.texts { #expect(message.contains(text), "\(message)") }
      // The line is one of the row's.
      let first = String(message.prefix { $0 != "\n" })
      let match = try #require(first.firstMatch(of: #/^[^ ]*MistakeTable\.swift:(\d+)/#), "\(message)")
      let line = try #require(UInt(match.1))
      let end = index + 1 < mistakeTable.count ? mistakeTable[index + 1].line : .max
      #expect(
        (mistake.line..<end).contains(line) || sharedLines.contains(line), "row of line \(mistake.line): \(message)")
    }
  }

  @Test("there are 40 and more, and no two are the same")
  func count() {
    #expect(mistakeTable.count >= 40)
    #expect(Set(mistakeTable.map { "\($0.label) \($0.texts)" }).count == mistakeTable.count)
  }
}

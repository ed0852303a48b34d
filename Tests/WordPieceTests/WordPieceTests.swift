import Testing
import WordPiece

@Suite struct WordPieceTests {
  /// `[UNK]` 0, `[CLS]` 1, `[SEP]` 2, then the pieces from 3 on.
  private func tokenizer() throws -> WordPiece {
    let pieces = ["un", "##aff", "##able", "cafe", ",", "$", "\u{4E2D}", "\u{6587}", "a", "##a"]
    return try WordPiece(vocabulary: (["[UNK]", "[CLS]", "[SEP]"] + pieces).joined(separator: "\n") + "\n")
  }

  @Test(arguments: [
    ("unaffable", [3, 4, 5]),
    ("UNaffable", [3, 4, 5]),
    ("Caf\u{E9}", [6]),
    ("Cafe\u{301}", [6]),
    ("cafe,un$", [6, 7, 3, 8]),
    ("un\u{4E2D}\u{6587}cafe", [3, 9, 10, 6]),
    ("unx cafe", [0, 6]),
    (" \t\r\n\u{A0}un\u{0}\u{200B}affable ", [3, 4, 5]),
    ("", []),
  ])
  func splitsAsBERTDoes(text: String, pieces: [Int]) throws {
    #expect(try tokenizer().encode(text) == [1] + pieces + [2])
  }

  @Test func wordOfMoreThanAHundredScalarsIsUnknown() throws {
    let tokenizer = try tokenizer()
    #expect(tokenizer.encode(String(repeating: "a", count: 100)).count == 102)
    #expect(tokenizer.encode(String(repeating: "a", count: 101)) == [1, 0, 2])
  }

  @Test(arguments: [(4, [1, 6, 6, 2]), (2, [1, 2]), (-1, [1, 2])])
  func keepsTheEndsWithinTheLimit(limit: Int, expected: [Int]) throws {
    #expect(try tokenizer().encode("cafe cafe cafe", limit: limit) == expected)
  }

  @Test func vocabularyWithoutASpecialTokenIsRefused() {
    #expect(throws: WordPiece.MissingToken.self) { try WordPiece(vocabulary: "[UNK]\n[CLS]\n") }
  }
}

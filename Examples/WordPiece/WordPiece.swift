import Foundation

/// Splits text into the pieces of a vocabulary, as uncased BERT models do.
///
/// A word is the longest piece that begins it, then the longest `##` piece that begins what is left, and so on
/// (Wu et al., "Google's Neural Machine Translation System", 2016, section 4.1; Devlin et al., "BERT", 2018).
public struct WordPiece: Sendable {
  /// A vocabulary that lacks a token each text needs.
  public struct MissingToken: Error, CustomStringConvertible {
    /// The token that the vocabulary lacks.
    public let token: String

    public var description: String { "expected the token \(token) in the vocabulary, found no line with it" }
  }

  /// A word with more scalars than this is unknown as a whole.
  static let longestWord = 100

  private let identifiers: [String: Int]
  private let unknown: Int
  private let first: Int
  private let last: Int

  /// A tokenizer with the pieces of `vocabulary`, the text of a `vocab.txt`: a piece a line, its number the line's,
  /// counted from 0.
  ///
  /// - Throws: `MissingToken` if `[UNK]`, `[CLS]` or `[SEP]` is missing.
  public init(vocabulary: String) throws {
    var identifiers: [String: Int] = [:]
    for (number, line) in vocabulary.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      identifiers[line.trimmingCharacters(in: .whitespacesAndNewlines)] = number
    }
    func identifier(_ token: String) throws -> Int {
      guard let number = identifiers[token] else { throw MissingToken(token: token) }
      return number
    }
    unknown = try identifier("[UNK]")
    first = try identifier("[CLS]")
    last = try identifier("[SEP]")
    self.identifiers = identifiers
  }

  /// The numbers of the pieces of `text`, between those of `[CLS]` and `[SEP]`.
  ///
  /// At most `limit` numbers come back, at least the two at the ends; pieces after them are dropped.
  public func encode(_ text: String, limit: Int = 256) -> [Int] {
    let pieces = BasicWords.split(text).flatMap(encodeWord)
    return [first] + pieces.prefix(max(0, max(2, limit) - 2)) + [last]
  }

  private func encodeWord(_ word: String) -> [Int] {
    let scalars = Array(word.unicodeScalars)
    guard scalars.count <= Self.longestWord else { return [unknown] }
    var result: [Int] = []
    var start = 0
    while start < scalars.count {
      var end = scalars.count
      var found: Int?
      while end > start {
        var piece = String.UnicodeScalarView(scalars[start..<end])
        if start > 0 { piece.insert(contentsOf: "##".unicodeScalars, at: piece.startIndex) }
        found = identifiers[String(piece)]
        if found != nil { break }
        end -= 1
      }
      guard let found else { return [unknown] }
      result.append(found)
      start = end
    }
    return result
  }
}

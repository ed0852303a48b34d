import ArgumentParser
import Kiln
import KilnNN

/// `MiniLM check --expected FILE`: compares pieces and embeddings with those of `Utilities/minilm-reference`.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares the fifty sentences with what Utilities/minilm-reference wrote.")

  /// The greatest difference of a number of an embedding.
  static let bar = 1e-5

  @Option(help: "The file that Utilities/minilm-reference wrote.")
  var expected: String
  @OptionGroup var options: EncoderOptions

  func run() throws {
    let encoder = try options.encoder()
    let file = try SafetensorsFile(expected)
    let numbers = try file.tensor("pieces", of: Int32.self).scalars
    let lengths = try file.tensor("lengths", of: Int32.self).scalars.map(Int.init)
    let embeddings = try file.tensor("embeddings", of: Double.self)
    let sentences = Sentences.own
    guard lengths.count == sentences.count, embeddings.dimensions[0] == sentences.count else {
      throw ModelError("\(expected): expected \(sentences.count) sentences, found \(lengths.count)")
    }

    var (start, largest, rounded) = (0, 0.0, Set<Int>())
    for (index, sentence) in sentences.enumerated() {
      let pieces = encoder.pieces(of: sentence)
      let theirs = numbers[start..<start + lengths[index]]
      guard pieces.elementsEqual(theirs) else {
        throw ModelError("'\(sentence)': expected the pieces \(Array(theirs)), found \(pieces)")
      }
      let found = try encoder.embedding(of: pieces)[0].converted(to: Double.self)
      let difference = abs(found - embeddings[index]).max().item
      // The greatest of a NaN and a number would be the number.
      guard !difference.isNaN else { throw ModelError("'\(sentence)': the embedding is not a number") }
      largest = max(largest, difference)
      start += lengths[index]
      rounded.insert(SentenceEncoder.roundedUp(pieces.count))
    }
    print("sentences: \(sentences.count), of \(lengths.min() ?? 0) to \(lengths.max() ?? 0) pieces, all as expected")
    print("largest difference of an embedding: \(largest), bar \(Self.bar)")
    print("lengths, rounded up: \(rounded.sorted().map(String.init).joined(separator: ", "))")
    let report = encoder.report
    print("compiles: \(report.entries.count)")
    print(report)
    let wanted = options.programs == .one ? 1 : rounded.count
    guard largest <= Self.bar, report.entries.count == wanted else {
      print("error: more than \(Self.bar), or other than \(wanted) compiles")
      throw ExitCode(1)
    }
  }
}

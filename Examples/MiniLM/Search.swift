import ArgumentParser
import Kiln

/// `MiniLM search "QUERY"`: the sentences whose meaning is nearest.
struct Search: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Finds the sentences whose meaning is nearest.")

  @Argument(help: "What is looked for.")
  var query: String
  @Option(help: "A file with a sentence on each line; without it fifty that the example brings along.")
  var text: String?
  @Option(help: "How many are shown.")
  var count = 5
  @OptionGroup var options: EncoderOptions

  func validate() throws {
    if count < 1 { throw ValidationError("--count takes a positive number, found \(count)") }
  }

  func run() throws {
    let encoder = try options.encoder()
    let sentences = try text.map { try Sentences.lines(ofFile: $0) } ?? Sentences.own
    let wanted = try encoder.embedding(of: encoder.pieces(of: query))
    // Of vectors of length 1 the product is the cosine of their angle.
    let cosines = matmul(try encoder.embeddings(of: sentences), wanted[0])
    let nearest = cosines.topK(min(count, sentences.count))
    for (cosine, index) in zip(nearest.values.scalars, nearest.indices.scalars) {
      print("\(fixed(cosine, digits: 3))  \(sentences[Int(index)])")
    }
  }
}

import ArgumentParser
import Foundation
import Kiln

/// `MiniLM search|check|time`: embeddings of sentences by all-MiniLM-L6-v2.
@main
struct MiniLM: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Embeddings of sentences by a BERT model, such as all-MiniLM-L6-v2.",
    subcommands: [Search.self, Check.self, Time.self])
}

/// What every command needs.
struct EncoderOptions: ParsableArguments {
  @Option(help: "The folder with config.json, vocab.txt and model.safetensors.")
  var model: String
  @Option(help: "One program for all lengths, or one for each length.")
  var programs = Programs.one

  func encoder() throws -> SentenceEncoder {
    try SentenceEncoder(folder: URL(fileURLWithPath: model), programs: programs)
  }
}

/// Sentences to look through.
enum Sentences {
  /// The fifty that the example brings along.
  static let own = lines(String(decoding: PackageResources.sentences_txt, as: UTF8.self))

  /// The lines of a text, but for empty ones.
  static func lines(_ text: String) -> [String] { text.split(whereSeparator: \.isNewline).map(String.init) }

  /// The lines of a file.
  static func lines(ofFile path: String) throws -> [String] {
    let lines = try lines(String(contentsOfFile: path, encoding: .utf8))
    guard !lines.isEmpty else { throw ModelError("\(path): expected a sentence on each line, found no line") }
    return lines
  }
}

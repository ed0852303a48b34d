import ArgumentParser
import Foundation
import Kiln
import WordPiece

/// How lengths of texts become programs.
enum Programs: String, CaseIterable, ExpressibleByArgument, Sendable {
  /// One program that serves all lengths.
  case one
  /// A program for each length, rounded up.
  case each

  var options: CompileOptions {
    switch self {
    case .one: .sizes("...", "1, time", "1")
    case .each: .sizes("...", "1, _", "1")
    }
  }
}

/// Turns texts into embeddings.
struct SentenceEncoder {
  /// Lengths are rounded up to a multiple of this, so that few of them differ.
  static let multiple = 16
  /// More pieces than the model was trained for are dropped.
  static let limit = 256

  private let tokenizer: WordPiece
  private let model: SentenceModel
  private let step: Compiled<Tensor<Float>, SentenceModel, Tensor<Int32>, Tensor<Int32>>
  /// What was compiled, and why.
  var report: CompilationReport { step.report }

  /// The encoder whose configuration, vocabulary and weights are in `folder`.
  init(folder: URL, programs: Programs) throws {
    model = try SentenceModel(
      Configuration(folder: folder), weights: folder.appendingPathComponent("model.safetensors").path)
    let vocabulary = folder.appendingPathComponent("vocab.txt")
    tokenizer = try WordPiece(vocabulary: String(contentsOf: vocabulary, encoding: .utf8))
    step = compile(options: programs.options) {
      (model: SentenceModel, pieces: Tensor<Int32>, lengths: Tensor<Int32>) in model(pieces, lengths: lengths)
    }
  }

  /// The numbers of the pieces of a text.
  func pieces(of text: String) -> [Int32] { tokenizer.encode(text, limit: Self.limit).map(Int32.init) }

  /// The embedding of a text, [1, width].
  func embedding(of pieces: [Int32]) throws -> Tensor<Float> {
    let rest = Array(repeating: Int32(0), count: Self.roundedUp(pieces.count) - pieces.count)
    return try step.run(model, Tensor([pieces + rest]), Tensor([Int32(pieces.count)]))
  }

  /// The embeddings of texts, [count, width].
  func embeddings(of texts: [String]) throws -> Tensor<Float> {
    concatenated(try texts.map { try embedding(of: pieces(of: $0)) }, axis: 0)
  }

  /// How many places a text of so many pieces takes.
  static func roundedUp(_ count: Int) -> Int { (count + multiple - 1) / multiple * multiple }
}

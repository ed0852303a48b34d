import Kiln
import KilnNN

extension SentenceModel {
  /// The model of these sizes, with the weights of a file that Hugging Face's library wrote.
  init(_ sizes: Configuration, weights path: String) throws {
    self.init(sizes)
    let differences = try loadWeights(from: path, strict: false) { Self.foreignWeight($0, rank: $1) }
    // A file may have more: the layer that BERT was trained with, and the numbers 0, 1, 2, … of its places.
    let isKnown = differences.unexpected.allSatisfy { $0.hasPrefix("pooler.") || $0 == "embeddings.position_ids" }
    guard differences.missing.isEmpty, differences.mismatched.isEmpty, isKnown else {
      throw ModelError("\(path) has other tensors than the model:\n\(differences)")
    }
  }

  /// What a tensor is called in the file, where the weights of dense layers are [outputs, inputs].
  static func foreignWeight(_ name: String, rank: Int) -> ForeignWeight {
    let steps = name.split(separator: ".").map(String.init)
    guard let last = steps.last, let leaf = leaves[last] else { return ForeignWeight(name) }
    if steps[0] != "blocks" { return ForeignWeight("embeddings.\(tables[steps[0]] ?? steps[0]).\(leaf)") }
    let part = steps[2..<steps.count - 1].joined(separator: ".")
    return ForeignWeight(
      "encoder.layer.\(steps[1]).\(parts[part] ?? part).\(leaf)", order: rank == 2 ? .linear : .same)
  }

  private static let leaves = [
    "table": "weight", "weight": "weight", "bias": "bias", "scale": "weight", "offset": "bias",
  ]
  private static let tables = [
    "words": "word_embeddings", "positions": "position_embeddings", "kinds": "token_type_embeddings",
    "norm": "LayerNorm",
  ]
  private static let parts = [
    "attention.query": "attention.self.query", "attention.key": "attention.self.key",
    "attention.value": "attention.self.value", "attention.output": "attention.output.dense",
    "attentionNorm": "attention.output.LayerNorm", "expansion": "intermediate.dense", "contraction": "output.dense",
    "feedForwardNorm": "output.LayerNorm",
  ]
}

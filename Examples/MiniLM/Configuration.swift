import Foundation

/// The sizes of a BERT model, as its `config.json` names them.
struct Configuration: Decodable {
  /// How many pieces the vocabulary has.
  var vocabularySize: Int
  /// The length of the vector of a place.
  var width: Int
  /// How many blocks there are.
  var depth: Int
  /// Into how many heads attention is cut.
  var heads: Int
  /// The length of the vectors between the dense layers of a block.
  var hidden: Int
  /// How many places a text may have.
  var places: Int
  /// How many kinds of text the model tells apart.
  var kinds: Int
  /// What the norms add to the variance.
  var epsilon: Double
  /// The function between the dense layers: `gelu` is the exact one.
  var activation: String

  enum CodingKeys: String, CodingKey {
    case vocabularySize = "vocab_size"
    case width = "hidden_size"
    case depth = "num_hidden_layers"
    case heads = "num_attention_heads"
    case hidden = "intermediate_size"
    case places = "max_position_embeddings"
    case kinds = "type_vocab_size"
    case epsilon = "layer_norm_eps"
    case activation = "hidden_act"
  }

  /// The configuration in `folder`.
  init(folder: URL) throws {
    let file = folder.appendingPathComponent("config.json")
    guard let bytes = FileManager.default.contents(atPath: file.path) else {
      throw ModelError("expected a folder with config.json, vocab.txt and model.safetensors, found no \(file.path)")
    }
    do { self = try JSONDecoder().decode(Configuration.self, from: bytes) } catch {
      throw ModelError("\(file.path): expected the configuration of a BERT model, found \(error)")
    }
    guard activation == "gelu" else {
      throw ModelError("\(file.path): expected the activation gelu, found \(activation)")
    }
  }
}

/// A folder or a file that is not what the model needs.
struct ModelError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

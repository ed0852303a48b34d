import Kiln
import KilnNN

/// BERT (Devlin and others, 2018) with the mean over the places of a text as its embedding (Reimers and Gurevych,
/// Sentence-BERT, 2019): all-MiniLM-L6-v2 has six blocks of width 384.
struct SentenceModel: TensorTree {
  var words: Embedding<Float>
  var positions: LearnedPositions<Float>
  var kinds: Embedding<Float>
  var norm: LayerNorm<Float>
  var blocks: [TransformerEncoderBlock<Float>]

  /// A model of these sizes, whose weights come from a file.
  init(_ sizes: Configuration) {
    let key = RandomKey(seed: 0)
    words = Embedding(count: sizes.vocabularySize, width: sizes.width, table: .zeros, key: key)
    positions = LearnedPositions(count: sizes.places, width: sizes.width, table: .zeros, key: key)
    kinds = Embedding(count: sizes.kinds, width: sizes.width, table: .zeros, key: key)
    norm = LayerNorm(features: sizes.width, epsilon: sizes.epsilon)
    blocks = Array(
      repeating: TransformerEncoderBlock(
        width: sizes.width, heads: sizes.heads, hidden: sizes.hidden, activation: .gelu(.exact), normFirst: false,
        epsilon: sizes.epsilon, key: key),
      count: sizes.depth)
  }

  /// The embeddings of texts, [batch, width], each of length 1.
  ///
  /// - Parameters:
  ///   - pieces: The numbers of their pieces, [batch, time], with anything behind the ends.
  ///   - lengths: How many pieces each has, [batch].
  func callAsFunction(_ pieces: Tensor<Int32>, lengths: Tensor<Int32>) -> Tensor<Float> {
    let isThere = lengthMask(lengths, length: pieces.shape[1])
    var pass = ForwardPass.inference
    // All is of kind 0: the others are for pairs of texts.
    var x = norm(positions(words(pieces)) + kinds.table[0])
    for var block in blocks { x = block(x, mask: isThere.expandingShape(at: 1), &pass) }
    let sum = select(isThere.expandingShape(at: 2), x, Tensor(0)).sum(axes: [1])
    let mean = sum / lengths.expandingShape(at: 1).converted(to: Float.self)
    return mean / mean.norm(axes: [1], keepDims: true)
  }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&words, "words")
    visitor.visit(&positions, "positions")
    visitor.visit(&kinds, "kinds")
    visitor.visit(&norm, "norm")
    visitor.visit(&blocks, "blocks")
  }
}

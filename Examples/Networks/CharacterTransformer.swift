import Foundation
import Kiln
import KilnNN

/// Predicts the next character of a text from those before it.
struct CharacterTransformer: Layer {
  var embedding: Embedding<Float>
  var blocks: [TransformerEncoderBlock<Float>]
  var norm: LayerNorm<Float>

  init(characters: Int, width: Int, heads: Int, depth: Int, dropout: Float, key: RandomKey) {
    let keys = key.split(depth + 1)
    embedding = Embedding(count: characters, width: width, key: keys[depth])
    blocks = keys[..<depth].map {
      TransformerEncoderBlock(
        width: width, heads: heads, dropout: dropout, isCausal: true, rotary: Rotary(), key: $0)
    }
    norm = LayerNorm(features: width)
  }

  /// The scores of each character at each place: [batch, time] to [batch, time, characters].
  mutating func callAsFunction(_ ids: Tensor<Int32>, _ pass: inout ForwardPass) -> Tensor<Float> {
    embedding.scores(norm(blocks(embedding(ids), &pass)))
  }

  /// The scores for the next places, with the keys and values of those before them.
  func callAsFunction(_ ids: Tensor<Int32>, caches: inout [AttentionCache<Float>]) -> Tensor<Float> {
    var x = embedding(ids)
    for (index, block) in blocks.enumerated() { x = block(x, cache: &caches[index]) }
    return embedding.scores(norm(x))
  }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&embedding, "embedding")
    visitor.visit(&blocks, "blocks")
    visitor.visit(&norm, "norm")
  }
}

extension CharacterTransformer {
  /// `count` characters that follow on `prompt`, one after the other, each drawn with a key of its own; every call
  /// looks at the one place that is new.
  func continued(_ prompt: [Int32], count: Int, temperature: Float, key: RandomKey) throws -> [Int32] {
    let decode = compile {
      (caches: inout [AttentionCache<Float>], model: CharacterTransformer, id: Tensor<Int32>, key: RandomKey) in
      randomCategorical(model(id, caches: &caches)[0, 0] / Tensor(temperature), key: key)
    }
    var caches = blocks.map { AttentionCache(for: $0.attention, capacity: prompt.count + count) }
    var text = prompt
    for place in 0..<prompt.count + count - 1 {
      let id = Tensor([[text[place]]])
      let next = try decode.run(updating: &caches, self, id, key.folding(in: UInt32(place))).item
      if place + 1 == text.count { text.append(Int32(next)) }
    }
    return text
  }

  /// The same without a cache: every call looks at the whole text so far, and one program serves all its lengths.
  func continuedWithoutCache(_ prompt: [Int32], count: Int, temperature: Float, key: RandomKey) throws -> [Int32] {
    let predict = compile(options: .sizes("...", "1, time", "...")) {
      (model: CharacterTransformer, ids: Tensor<Int32>, key: RandomKey) in
      let (scores, time) = (model(ids)[0], ids.shape[1])
      let last = scores.sliced(axis: 0, from: time - 1, to: time).squeezed(0)
      return randomCategorical(last / Tensor(temperature), key: key)
    }
    var text = prompt
    for place in prompt.count - 1..<prompt.count + count - 1 {
      let next = try predict.run(self, Tensor([text]), key.folding(in: UInt32(place))).item
      text.append(Int32(next))
    }
    return text
  }
}

extension Example {
  static let transformer = Example(
    name: "transformer", summary: "a transformer learns the language of the documentation, character by character"
  ) { run in
    let text = try Corpus.documentation()
    let (time, batch, epochs) = (128, 24, 12)
    let model = CharacterTransformer(
      characters: text.alphabet.count, width: 128, heads: 4, depth: 3, dropout: 0.1, key: RandomKey(seed: 1))
    let stepCount = text.training.count / (time * batch)
    var training = TrainingStep(
      model,
      optimizer: Optimizer(
        AdamW(), for: model, decay: .decoupled(0.1) { $0.hasSuffix("weight") }, clipping: .globalNorm(1)),
      schedule: .oneCycle(peak: 3e-3, steps: epochs * stepCount)
    ) { (scores: Tensor<Float>, next: Tensor<Int32>) in softmaxCrossEntropy(scores, next) }
    let heldOut = text.windows(of: text.heldOut, time: time, batch: batch)
    try run.fit(&training, epochs: epochs, validation: heldOut) { epoch in
      text.windows(
        of: text.training, time: time, batch: batch, offset: epoch * 37 % time,
        key: RandomKey(seed: 2).folding(in: UInt32(epoch)))
    }
    let bits = try training.evaluate(heldOut).loss / log(2)
    let counts = NGrams(longest: 6, of: text.training)
    let bars = (2...6).map { counts.bits(of: text.heldOut, order: $0) }
    if run.isVerbose { print("bits per character of n-grams of order 2 to 6: \(bars)") }
    try sample(training.model, text, run)
    return Outcome(
      "bits per character, bar of the best n-gram", bits, .atMost(bars.min() ?? 0), compiled: training.report,
      of: training.state)
  }

  /// Writes a text by the model, and makes sure that it is the same without the cache.
  private static func sample(_ model: CharacterTransformer, _ text: Corpus, _ run: Run) throws {
    let prompt = text.ids(of: "A compiled function ")
    let (count, key) = (run.steps == nil ? 108 : 10, RandomKey(seed: 9))
    let ids = try model.continued(prompt, count: count, temperature: 0.7, key: key)
    guard try model.continuedWithoutCache(prompt, count: count, temperature: 0.7, key: key) == ids else {
      throw ExampleError("decoding with a cache gave another text than decoding without one")
    }
    let written = String(ids.map { text.alphabet[Int($0)] })
    try Data((written + "\n").utf8).write(to: run.folder.appendingPathComponent("\(run.name).txt"))
    if run.isVerbose { print(written) }
  }
}

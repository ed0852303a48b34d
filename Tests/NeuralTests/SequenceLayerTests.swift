import Kiln
import KilnNN
import Testing

@Suite("Layers of sequences")
struct SequenceLayerTests {
  private let key = RandomKey(seed: 1)
  private let x = Tensor<Float>.randomNormal([2, 5, 8], key: RandomKey(seed: 2))

  @Test("decoding with a cache gives what the whole sequence gives, by one program for each place")
  func cache() throws {
    struct Decoder: TensorTree {
      var block: TransformerEncoderBlock<Float>
      var cache: AttentionCache<Float>
      mutating func visit(_ visitor: inout some TensorVisitor) {
        visitor.visit(&block, "block")
        visitor.visit(&cache, "cache")
      }
    }
    let block = TransformerEncoderBlock(
      width: 8, heads: 4, hidden: 6, isCausal: true, keyValueHeads: 2, rotary: Rotary(), key: key)
    let whole = block(x)
    var state = Decoder(block: block, cache: AttentionCache(for: block.attention, batch: 2, capacity: 5))
    let step = compile { (state: inout Decoder, x: Tensor<Float>) in state.block(x, cache: &state.cache) }
    let first = step(updating: &state, x[0..., 0..<2])
    var parts = [first]
    for place in 2..<5 { parts.append(step(updating: &state, x[0..., place..<place + 1])) }
    #expect(concatenated(parts, axis: 1).isClose(to: whole, absoluteTolerance: 1e-5))
    #expect(state.cache.count.item == 5)
    #expect(step.report.entries.count <= 2)
    let error = try #require(throws: KilnError.self) { try step.run(updating: &state, x[0..., 0..<1]) }
    #expect("\(error)".contains("dynamicUpdateSlice.R1"), "\(error)")
  }

  @Test("positions with an offset are those of the rest of the sequence")
  func offsets() {
    func rest(_ call: (Tensor<Float>, Tensor<Int32>) -> Tensor<Float>, _ whole: Tensor<Float>) {
      #expect(call(x[0..., 2..<5], Tensor(2)).isClose(to: whole[0..., 2..<5], absoluteTolerance: 1e-6))
    }
    let (sines, rotary) = (SinusoidalPositions(width: 8), RotaryPositions(width: 8))
    let learned = LearnedPositions(count: 5, width: 8, key: key)
    rest({ sines($0, offset: $1) }, sines(x))
    rest({ rotary($0, offset: $1) }, rotary(x))
    rest({ learned($0, offset: $1) }, learned(x))
  }

  @Test("masks of two, three and four axes, also one for each head")
  func masks() {
    let layer = MultiHeadAttention(width: 8, heads: 4, keyValueHeads: 2, key: key)
    let causal = Tensor<Int32>.range(5).expandingShape(at: 0) .<= Tensor<Int32>.range(5).expandingShape(at: 1)
    let expected = MultiHeadAttention(width: 8, heads: 4, keyValueHeads: 2, isCausal: true, key: key)(x)
    for shape in [[5, 5], [1, 5, 5], [2, 5, 5], [1, 1, 5, 5], [2, 4, 5, 5]] {
      let mask = causal.broadcast(to: shape)
      #expect(layer(x, mask: mask).isClose(to: expected, absoluteTolerance: 1e-6), "\(shape)")
    }
    // The first head of the queries alone is masked: only its part of the output differs.
    let all = Tensor<Bool>.full([1, 3, 5, 5], true)
    let one = concatenated([causal.reshaped(to: [1, 1, 5, 5]), all], axis: 1)
    var open = layer
    open.output = Dense(weight: .identity(8))
    let (masked, plain) = (open(x, mask: one), open(x))
    #expect(masked[0..., 0..., 2..<8].scalars == plain[0..., 0..., 2..<8].scalars)
    #expect(masked[0..., 0..., 0..<2].scalars != plain[0..., 0..., 0..<2].scalars)
  }

  @Test("a block drops in training, and not in inference")
  func dropout() {
    var block = TransformerEncoderBlock(width: 8, heads: 2, hidden: 4, dropout: 0.5, key: key)
    var pass = ForwardPass(training: key)
    let (a, b) = (block(x, &pass), block(x, &pass))
    #expect(a.scalars != b.scalars && block(x).scalars == block(x).scalars && block(x).scalars != a.scalars)
  }

  @Test("recurrent layers begin with gates that do not forget, and orthogonal matrices")
  func beginnings() {
    let layer = LSTM(inputs: 2, units: 3, key: key)
    #expect(layer.cell.bias.scalars == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    let weight = GRU(inputs: 2, units: 3, key: key).cell.hiddenWeight
    #expect(matmul(weight, weight.swappingAxes(0, 1)).isClose(to: .identity(3), absoluteTolerance: 1e-6))
  }

  @Test("one program serves sequences of any length and batches of any size")
  func sizes() {
    let keys = key.split(3)
    let network = Sequential {
      LSTM(inputs: 8, units: 4, key: keys[0])
      MultiHeadAttention(width: 4, heads: 2, isCausal: true, rotary: Rotary(), key: keys[1])
      GRU(inputs: 4, units: 3, output: .last, key: keys[2])
    }
    let run = compile(options: .sizes("batch, time, 8")) { (x: Tensor<Float>) in network(x) }
    #expect(run(x).isClose(to: network(x), absoluteTolerance: 1e-5))
    #expect(run(x[0..<1, 0..<3]).dimensions == [1, 3])
    #expect(run.report.entries.count == 1, "\(run.report)")
  }

  @Test("what does not fit is reported")
  func mistakes() {
    let (key, x) = (key, x)
    let ends = Tensor<Bool>.full([2, 4], true)
    let rows: [(String, String, () -> Void)] = [
      ("layer.C1", "LSTM takes [batch, time, 3], found f32[2,5,8]", { _ = LSTM(inputs: 3, units: 2, key: key)(x) }),
      (
        "layer.C1", "and a mask [batch, time], found f32[2,5,8] and",
        { _ = GRU(inputs: 8, units: 2, key: key)(x, mask: ends) }
      ),
      ("layer.C1", "SimpleRNN takes", { _ = SimpleRNN(inputs: 8, units: 2, key: key)(x[0]) }),
      (
        "layer.C1", "MultiHeadAttention takes [batch, time, 6]",
        { _ = MultiHeadAttention(width: 6, heads: 2, key: key)(x) }
      ),
      (
        "layer.C1", "a memory of the same batch",
        { _ = MultiHeadAttention(width: 8, heads: 2, key: key)(x, memory: x[0..<1]) }
      ),
      ("layer.C1", "takes a mask [m, n]", { _ = MultiHeadAttention(width: 8, heads: 2, key: key)(x, mask: ends[0]) }),
      ("layer.C2", "into 3 heads", { _ = MultiHeadAttention(width: 8, heads: 3, key: key) }),
      ("layer.C2", "of which 3 have keys", { _ = MultiHeadAttention(width: 8, heads: 4, keyValueHeads: 3, key: key) }),
      ("layer.C1", "SinusoidalPositions takes [..., time, 6]", { _ = SinusoidalPositions(width: 6)(x) }),
      ("layer.C1", "RotaryPositions takes [..., time, 7]", { _ = RotaryPositions(width: 7)(x) }),
      ("layer.C1", "LearnedPositions takes", { _ = LearnedPositions(count: 9, width: 6, key: key)(x) }),
      ("gather.R1", "index 4 is out of range", { _ = LearnedPositions(count: 4, width: 8, key: key)(x).scalars }),
    ]
    for (label, text, body) in rows {
      let found = NeuralTests.mistakes(body)
      #expect(found.map(\.label) == [label], "\(text): \(found)")
      #expect(found.first?.message.contains(text) == true, "\(found)")
    }
  }
}

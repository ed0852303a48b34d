import Kiln
import KilnNN
import Testing

/// `LSTM` from a state, with all that it gives.
private struct Resumed<Scalar: TensorReal>: PureLayer {
  var layer: LSTM<Scalar>
  func callAsFunction(_ x: [Tensor<Scalar>]) -> Tensor<Scalar> {
    let (outputs, last) = layer.states(of: x[0], initial: LSTMState(hidden: x[1], cell: x[2]))
    return concatenated([outputs, last.hidden.expandingShape(at: 1), last.cell.expandingShape(at: 1)], axis: 1)
  }
  mutating func visit(_ visitor: inout some TensorVisitor) { layer.visit(&visitor) }
}

/// A layer that is called in another way.
private struct Called<Body: Layer, Input: TensorTree, Scalar: TensorReal>: Layer where Body.Output == Tensor<Scalar> {
  var body: Body
  let call: @Sendable (inout Body, Input) -> Tensor<Scalar>

  init(_ body: Body, _ call: @escaping @Sendable (inout Body, Input) -> Tensor<Scalar>) {
    (self.body, self.call) = (body, call)
  }
  mutating func callAsFunction(_ input: Input, _ pass: inout ForwardPass) -> Tensor<Scalar> { call(&body, input) }
  mutating func visit(_ visitor: inout some TensorVisitor) {
    body.visit(&visitor)
    visitor.constant(0, "call")
  }
}

/// Recurrent layers, attention and blocks of transformers beside those of PyTorch.
@Suite("Layers of sequences beside PyTorch")
struct SequenceCaseTests {
  private let key = RandomKey(seed: 1)

  @Test("recurrent layers in f64")
  func recurrentInDouble() throws { try recurrent(Double.self) }
  @Test("recurrent layers in f32")
  func recurrentInFloat() throws { try recurrent(Float.self) }

  private func recurrent<Scalar: TensorReal>(_ type: Scalar.Type) throws {
    let cases = try LayerCases("sequences")
    let ends = lengthMask(Tensor<Int32>([4, 2, 1]), length: 4)
    try cases.compare("simpleRNN", SimpleRNN(inputs: 3, units: 2, of: type, key: key), type)
    let cell = SimpleRNNCell<Scalar>(inputs: 3, units: 2, activation: .relu, key: key)
    try cases.compare("simpleRNNRelu", Recurrent(cell), type)
    let lstm = LSTM(inputs: 3, units: 2, of: type, key: key)
    try cases.compare("lstm", lstm, type)
    try cases.compare("lstmReversed", LSTM(inputs: 3, units: 2, isReversed: true, of: type, key: key), type)
    try cases.compare("lstmMasked", Called(lstm) { $0($1, mask: ends) }, type)
    try cases.compare("lstmLast", LSTM(inputs: 3, units: 2, output: .last, of: type, key: key), type)
    try cases.compare("lstmInitial", Resumed(layer: lstm), type) { all in
      all.layer(all.input)
    } input: {
      try ["", "2", "3"].map { try cases.tensor("lstmInitial.input\($0)", type) }
    }
    let gru = GRU(inputs: 3, units: 2, of: type, key: key)
    try cases.compare("gru", gru, type)
    try cases.compare("gruReversed", GRU(inputs: 3, units: 2, isReversed: true, of: type, key: key), type)
    try cases.compare("gruMasked", Called(gru) { $0($1, mask: ends) }, type)
    let last = GRU(inputs: 3, units: 2, output: .last, of: type, key: key)
    try cases.compare("gruMaskedLast", Called(last) { $0($1, mask: ends) }, type)
    func both(_ inputs: Int) -> Bidirectional<LSTMCell<Scalar>> {
      Bidirectional(
        LSTM(inputs: inputs, units: 2, of: type, key: key), LSTM(inputs: inputs, units: 2, of: type, key: key))
    }
    let deep = Called([both(3), both(4)]) { layers, x in layers[1](layers[0](x, mask: ends), mask: ends) }
    try cases.compare("deepBidirectional", deep, type)
  }

  @Test("attention and positions in f64")
  func attentionInDouble() throws { try attention(Double.self) }
  @Test("attention and positions in f32")
  func attentionInFloat() throws { try attention(Float.self) }

  private func attention<Scalar: TensorReal>(_ type: Scalar.Type) throws {
    let cases = try LayerCases("sequences")
    let plain = MultiHeadAttention(width: 6, heads: 2, of: type, key: key)
    try cases.compare("attention", plain, type)
    try cases.compare(
      "attentionCausal", MultiHeadAttention(width: 6, heads: 2, isCausal: true, of: type, key: key), type)
    let cross = Called(plain) { (layer: inout MultiHeadAttention<Scalar>, x: [Tensor<Scalar>]) in
      layer(x[0], memory: x[1])
    }
    try cases.compare("attentionCross", cross, type) { all in
      all.layer(all.input)
    } input: {
      try ["", "2"].map { try cases.tensor("attentionCross.input\($0)", type) }
    }
    let ends = lengthMask(Tensor<Int32>([4, 2]), length: 4).expandingShape(at: 1)
    try cases.compare("attentionMasked", Called(plain) { $0($1, mask: ends) }, type)
    try cases.compare(
      "attentionGrouped",
      MultiHeadAttention(
        width: 8, heads: 4, keyValueHeads: 2, isCausal: true, hasBias: false, of: type, key: key), type)
    try cases.compare(
      "attentionRotary",
      MultiHeadAttention(
        width: 8, heads: 4, keyValueHeads: 2, isCausal: true, hasBias: false, rotary: Rotary(pairs: .neighbours),
        of: type, key: key), type)
    try cases.compare("rotaryHalves", RotaryPositions(width: 6, of: type), type)
    try cases.compare("rotaryNeighbours", RotaryPositions(width: 6, Rotary(pairs: .neighbours), of: type), type)
    try cases.compare("sinusoidal", SinusoidalPositions(width: 6, of: type), type)
    try cases.compare("sinusoidalOdd", SinusoidalPositions(width: 5, of: type), type)
    try cases.compare("learned", LearnedPositions(count: 5, width: 3, of: type, key: key), type)
  }

  @Test("blocks of transformers in f64")
  func blocksInDouble() throws { try blocks(Double.self) }
  @Test("blocks of transformers in f32")
  func blocksInFloat() throws { try blocks(Float.self) }

  private func blocks<Scalar: TensorReal>(_ type: Scalar.Type) throws {
    let cases = try LayerCases("sequences")
    for normFirst in [true, false] {
      let suffix = normFirst ? "" : "NormLast"
      let encoder = TransformerEncoderBlock(
        width: 4, heads: 2, hidden: 5, activation: .gelu(.exact), normFirst: normFirst, of: type, key: key)
      try cases.compare("encoder\(suffix)", encoder, type)
      let decoder = TransformerDecoderBlock(
        width: 4, heads: 2, hidden: 5, activation: .relu, normFirst: normFirst, of: type, key: key)
      try cases.compare("decoder\(suffix)", decoder, type) { all in
        all.layer(all.input)
      } input: {
        DecoderInput(
          try cases.tensor("decoder\(suffix).input", type), memory: try cases.tensor("decoder\(suffix).input2", type))
      }
    }
    let encoder = TransformerEncoderBlock(
      width: 4, heads: 2, hidden: 5, activation: .gelu(.exact), normFirst: false, epsilon: 0.1, of: type, key: key)
    let ends = lengthMask(Tensor<Int32>([4, 2]), length: 4).expandingShape(at: 1)
    let masked = Called(encoder) { (block: inout TransformerEncoderBlock<Scalar>, x: Tensor<Scalar>) in
      var pass = ForwardPass.inference
      return block(x, mask: ends, &pass)
    }
    try cases.compare("encoderMasked", masked, type)
    let decoder = TransformerDecoderBlock(
      width: 4, heads: 2, hidden: 5, activation: .relu, normFirst: false, epsilon: 0.1, of: type, key: key)
    try cases.compare("decoderEpsilon", decoder, type) { all in
      all.layer(all.input)
    } input: {
      DecoderInput(
        try cases.tensor("decoderEpsilon.input", type), memory: try cases.tensor("decoderEpsilon.input2", type))
    }
  }
}

public import Kiln

/// Attention of a sequence to itself, then two dense layers at each place, each added to its input: a block of an
/// encoder (Vaswani and others, Attention is all you need, 2017), and with `isCausal` of a model that predicts the next
/// place.
///
/// Takes and gives [batch, time, width]. By default each part normalises its input (Xiong and others, On layer
/// normalization in the transformer architecture, 2020); as in the first article the sum behind it without `normFirst`.
public struct TransformerEncoderBlock<Scalar: TensorReal>: Layer {
  /// The mixture of places.
  public var attention: MultiHeadAttention<Scalar>
  /// The norm of the first part.
  public var attentionNorm: LayerNorm<Scalar>
  /// [width, hidden], at each place.
  public var expansion: Dense<Scalar>
  /// [hidden, width], at each place.
  public var contraction: Dense<Scalar>
  /// The norm of the second part.
  public var feedForwardNorm: LayerNorm<Scalar>
  /// In training, behind each part and between the dense layers.
  public var dropout: Dropout<Scalar>
  /// What is between the dense layers.
  public let activation: ActivationFunction
  /// Whether the norms are before their parts.
  public let normFirst: Bool

  /// A block with new parameters.
  /// - Parameters:
  ///   - hidden: The width between the two dense layers; 4 · width unless given.
  ///   - epsilon: What the norms add to the variance.
  public init(
    width: Int, heads: Int, hidden: Int? = nil, dropout rate: Float = 0, isCausal: Bool = false,
    activation: ActivationFunction = .gelu(.tanh), normFirst: Bool = true, epsilon: Double = 1e-5,
    keyValueHeads: Int? = nil, rotary: Rotary? = nil, of type: Scalar.Type = Float.self, key: RandomKey
  ) {
    let keys = key.split(3)
    let hidden = hidden ?? 4 * width
    attention = MultiHeadAttention(
      width: width, heads: heads, keyValueHeads: keyValueHeads, isCausal: isCausal, rotary: rotary, of: type,
      key: keys[0])
    expansion = Dense(inputs: width, outputs: hidden, of: type, key: keys[1])
    contraction = Dense(inputs: hidden, outputs: width, of: type, key: keys[2])
    attentionNorm = LayerNorm(features: width, epsilon: epsilon, of: type)
    feedForwardNorm = attentionNorm
    dropout = Dropout(rate: rate, of: type)
    (self.activation, self.normFirst) = (activation, normFirst)
  }

  public mutating func callAsFunction(_ x: Tensor<Scalar>, _ pass: inout ForwardPass) -> Tensor<Scalar> {
    self(x, mask: nil, &pass)
  }

  /// The output for sequences of different lengths; the mask is that of `MultiHeadAttention`.
  public mutating func callAsFunction(
    _ x: Tensor<Scalar>, mask: Tensor<Bool>?, _ pass: inout ForwardPass
  ) -> Tensor<Scalar> {
    let attention = attention
    return output(x, &pass) { attention($0, mask: mask) }
  }

  /// The next places of a sequence, in inference; see `MultiHeadAttention.callAsFunction(_:cache:)`.
  public func callAsFunction(_ x: Tensor<Scalar>, cache: inout AttentionCache<Scalar>) -> Tensor<Scalar> {
    var (copy, pass) = (self, ForwardPass.inference)
    return copy.output(x, &pass) { attention($0, cache: &cache) }
  }

  private mutating func output(
    _ x: Tensor<Scalar>, _ pass: inout ForwardPass, attend: (Tensor<Scalar>) -> Tensor<Scalar>
  ) -> Tensor<Scalar> {
    let mixed = added(x, attentionNorm, &pass) { x, _, _ in attend(x) }
    return fedForward(mixed, &pass)
  }

  /// The second part.
  fileprivate mutating func fedForward(_ x: Tensor<Scalar>, _ pass: inout ForwardPass) -> Tensor<Scalar> {
    added(x, feedForwardNorm, &pass) { x, block, pass in
      block.contraction(block.dropout(block.activation(block.expansion(x)), &pass))
    }
  }

  /// A part with its norm, added to its input.
  fileprivate mutating func added(
    _ x: Tensor<Scalar>, _ norm: LayerNorm<Scalar>, _ pass: inout ForwardPass,
    _ part: (Tensor<Scalar>, inout TransformerEncoderBlock, inout ForwardPass) -> Tensor<Scalar>
  ) -> Tensor<Scalar> {
    let y = part(normFirst ? norm(x) : x, &self, &pass)
    let sum = x + dropout(y, &pass)
    return normFirst ? sum : norm(sum)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&attention, "attention")
    visitor.visit(&attentionNorm, "attentionNorm")
    visitor.visit(&expansion, "expansion")
    visitor.visit(&contraction, "contraction")
    visitor.visit(&feedForwardNorm, "feedForwardNorm")
    visitor.visit(&dropout, "dropout")
    visitor.constant(activation, "activation")
    visitor.constant(normFirst, "normFirst")
  }
}

/// What a block of a decoder is given.
public struct DecoderInput<Scalar: TensorReal>: TensorTree, Sendable {
  /// The sequence so far, [batch, m, width].
  public var sequence: Tensor<Scalar>
  /// What the encoder gave, [batch, n, width].
  public var memory: Tensor<Scalar>
  /// Which places of the memory count; the mask is that of `MultiHeadAttention`.
  public var memoryMask: Tensor<Bool>?

  /// An input of these parts.
  public init(_ sequence: Tensor<Scalar>, memory: Tensor<Scalar>, memoryMask: Tensor<Bool>? = nil) {
    (self.sequence, self.memory, self.memoryMask) = (sequence, memory, memoryMask)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&sequence, "sequence")
    visitor.visit(&memory, "memory")
    visitor.visit(&memoryMask, "memoryMask")
  }
}

/// Causal attention of a sequence to itself, attention to what an encoder gave, then two dense layers at each place,
/// each added to its input: a block of a decoder (Vaswani and others, Attention is all you need, 2017).
///
/// Gives [batch, m, width]. The norms are as in `TransformerEncoderBlock`.
public struct TransformerDecoderBlock<Scalar: TensorReal>: Layer {
  /// The first and the third part: attention to the sequence itself, and the dense layers.
  public var own: TransformerEncoderBlock<Scalar>
  /// The second part: attention to the memory.
  public var crossAttention: MultiHeadAttention<Scalar>
  /// The norm of the second part.
  public var crossNorm: LayerNorm<Scalar>

  /// A block with new parameters.
  /// - Parameters:
  ///   - hidden: The width between the two dense layers; 4 · width unless given.
  ///   - epsilon: What the norms add to the variance.
  public init(
    width: Int, heads: Int, hidden: Int? = nil, dropout rate: Float = 0, activation: ActivationFunction = .gelu(.tanh),
    normFirst: Bool = true, epsilon: Double = 1e-5, of type: Scalar.Type = Float.self, key: RandomKey
  ) {
    let keys = key.split()
    own = TransformerEncoderBlock(
      width: width, heads: heads, hidden: hidden, dropout: rate, isCausal: true, activation: activation,
      normFirst: normFirst, epsilon: epsilon, of: type, key: keys[0])
    crossAttention = MultiHeadAttention(width: width, heads: heads, of: type, key: keys[1])
    crossNorm = LayerNorm(features: width, epsilon: epsilon, of: type)
  }

  public mutating func callAsFunction(_ input: DecoderInput<Scalar>, _ pass: inout ForwardPass) -> Tensor<Scalar> {
    let (cross, memory, mask) = (crossAttention, input.memory, input.memoryMask)
    let attention = own.attention
    let mixed = own.added(input.sequence, own.attentionNorm, &pass) { x, _, _ in attention(x) }
    let looked = own.added(mixed, crossNorm, &pass) { x, _, _ in cross(x, memory: memory, mask: mask) }
    return own.fedForward(looked, &pass)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&own, "own")
    visitor.visit(&crossAttention, "crossAttention")
    visitor.visit(&crossNorm, "crossNorm")
  }
}

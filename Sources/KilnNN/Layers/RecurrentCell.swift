public import Kiln

/// What a recurrent layer does at one place of a sequence; `SimpleRNN`, `LSTM` and `GRU` repeat one.
public protocol RecurrentCell<Scalar>: TensorTree, Sendable {
  /// The type of the numbers.
  associatedtype Scalar: TensorReal
  /// What is passed on from one place to the next.
  associatedtype State: TensorTree

  /// A cell with new parameters.
  init(inputs: Int, units: Int, key: RandomKey)
  /// What the layer is called.
  static var name: String { get }
  /// The width of the input.
  var inputs: Int { get }
  /// The width of the output.
  var units: Int { get }
  /// The part that depends on the input alone, for all places at once: [..., inputs] to [..., n].
  func projected(_ x: Tensor<Scalar>) -> Tensor<Scalar>
  /// The state after a place whose projected input is `x` [batch, n].
  func next(_ x: Tensor<Scalar>, _ state: State) -> State
  /// The output of a state: [batch, units].
  func output(_ state: State) -> Tensor<Scalar>
  /// The state before the first place, of zeros, for a batch of this size.
  func zeroState(batch: Dimension) -> State
}

/// h' = f(x · inputWeight + h · hiddenWeight + bias) (Elman, Finding structure in time, 1990).
public struct SimpleRNNCell<Scalar: TensorReal>: RecurrentCell {
  /// [inputs, units]
  public var inputWeight: Tensor<Scalar>
  /// [units, units]
  public var hiddenWeight: Tensor<Scalar>
  /// [units]
  public var bias: Tensor<Scalar>
  /// f
  public let activation: ActivationFunction

  public static var name: String { "SimpleRNN" }
  public var inputs: Int { inputWeight.dimensions[0] }
  public var units: Int { hiddenWeight.dimensions[0] }

  public init(inputs: Int, units: Int, key: RandomKey) {
    self.init(inputs: inputs, units: units, activation: .tanh, key: key)
  }

  /// A cell with new parameters and another function than the hyperbolic tangent.
  public init(inputs: Int, units: Int, activation: ActivationFunction, key: RandomKey) {
    let keys = key.split()
    inputWeight = Initializer.glorotUniform([inputs, units], key: keys[0])
    hiddenWeight = Initializer.orthogonal()([units, units], key: keys[1])
    (bias, self.activation) = (.zeros([units]), activation)
  }

  public func projected(_ x: Tensor<Scalar>) -> Tensor<Scalar> { matmul(x, inputWeight) + bias }
  public func next(_ x: Tensor<Scalar>, _ state: Tensor<Scalar>) -> Tensor<Scalar> {
    activation(x + matmul(state, hiddenWeight))
  }
  public func output(_ state: Tensor<Scalar>) -> Tensor<Scalar> { state }
  public func zeroState(batch: Dimension) -> Tensor<Scalar> { .zeros([batch, Dimension(units)]) }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&inputWeight, "inputWeight")
    visitor.visit(&hiddenWeight, "hiddenWeight")
    visitor.visit(&bias, "bias")
    visitor.constant(activation, "activation")
  }
}

/// What an LSTM passes on.
public struct LSTMState<Scalar: TensorReal>: TensorTree, Sendable {
  /// The output, [batch, units].
  public var hidden: Tensor<Scalar>
  /// The memory, [batch, units].
  public var cell: Tensor<Scalar>

  /// A state of these parts.
  public init(hidden: Tensor<Scalar>, cell: Tensor<Scalar>) { (self.hidden, self.cell) = (hidden, cell) }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hidden, "hidden")
    visitor.visit(&cell, "cell")
  }
}

/// Long short-term memory (Hochreiter and Schmidhuber, 1997; with the forget gate of Gers, Schmidhuber and Cummins,
/// Learning to forget, 2000). With the four parts i, f, g, o of x · inputWeight + h · hiddenWeight + bias:
/// c' = σ(f) · c + σ(i) · tanh(g) and h' = σ(o) · tanh(c').
public struct LSTMCell<Scalar: TensorReal>: RecurrentCell {
  /// [inputs, 4 · units]; the parts in the order i, f, g, o.
  public var inputWeight: Tensor<Scalar>
  /// [units, 4 · units]
  public var hiddenWeight: Tensor<Scalar>
  /// [4 · units]
  public var bias: Tensor<Scalar>

  public static var name: String { "LSTM" }
  public var inputs: Int { inputWeight.dimensions[0] }
  public var units: Int { hiddenWeight.dimensions[0] }

  public init(inputs: Int, units: Int, key: RandomKey) {
    let keys = key.split()
    inputWeight = Initializer.glorotUniform([inputs, 4 * units], key: keys[0])
    hiddenWeight = Initializer.orthogonal()([units, 4 * units], key: keys[1])
    // Gates that do not forget at first (Jozefowicz, Zaremba and Sutskever, An empirical exploration of recurrent
    // network architectures, 2015).
    bias = concatenated([.zeros([units]), .ones([units]), .zeros([2 * units])])
  }

  public func projected(_ x: Tensor<Scalar>) -> Tensor<Scalar> { matmul(x, inputWeight) + bias }
  public func next(_ x: Tensor<Scalar>, _ state: LSTMState<Scalar>) -> LSTMState<Scalar> {
    let parts = (x + matmul(state.hidden, hiddenWeight)).split(count: 4, axis: 1)
    let cell = sigmoid(parts[1]) * state.cell + sigmoid(parts[0]) * tanh(parts[2])
    return LSTMState(hidden: sigmoid(parts[3]) * tanh(cell), cell: cell)
  }
  public func output(_ state: LSTMState<Scalar>) -> Tensor<Scalar> { state.hidden }
  public func zeroState(batch: Dimension) -> LSTMState<Scalar> {
    let zeros = Tensor<Scalar>.zeros([batch, Dimension(units)])
    return LSTMState(hidden: zeros, cell: zeros)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&inputWeight, "inputWeight")
    visitor.visit(&hiddenWeight, "hiddenWeight")
    visitor.visit(&bias, "bias")
  }
}

/// The gated recurrent unit (Cho and others, Learning phrase representations using RNN encoder-decoder, 2014), with the
/// reset gate behind the product, as in cuDNN and PyTorch. With the three parts r, z, n of x · inputWeight + bias and
/// those of h · hiddenWeight: r and z are σ of the sums, n' = tanh(n + r · (n of h + candidateBias)), and
/// h' = (1 - z) · n' + z · h.
public struct GRUCell<Scalar: TensorReal>: RecurrentCell {
  /// [inputs, 3 · units]; the parts in the order r, z, n.
  public var inputWeight: Tensor<Scalar>
  /// [units, 3 · units]
  public var hiddenWeight: Tensor<Scalar>
  /// [3 · units]
  public var bias: Tensor<Scalar>
  /// [units]
  public var candidateBias: Tensor<Scalar>

  public static var name: String { "GRU" }
  public var inputs: Int { inputWeight.dimensions[0] }
  public var units: Int { hiddenWeight.dimensions[0] }

  public init(inputs: Int, units: Int, key: RandomKey) {
    let keys = key.split()
    inputWeight = Initializer.glorotUniform([inputs, 3 * units], key: keys[0])
    hiddenWeight = Initializer.orthogonal()([units, 3 * units], key: keys[1])
    (bias, candidateBias) = (.zeros([3 * units]), .zeros([units]))
  }

  public func projected(_ x: Tensor<Scalar>) -> Tensor<Scalar> { matmul(x, inputWeight) + bias }
  public func next(_ x: Tensor<Scalar>, _ state: Tensor<Scalar>) -> Tensor<Scalar> {
    let own = x.split(count: 3, axis: 1)
    let past = matmul(state, hiddenWeight).split(count: 3, axis: 1)
    let (reset, update) = (sigmoid(own[0] + past[0]), sigmoid(own[1] + past[1]))
    let candidate = tanh(own[2] + reset * (past[2] + candidateBias))
    return candidate + update * (state - candidate)
  }
  public func output(_ state: Tensor<Scalar>) -> Tensor<Scalar> { state }
  public func zeroState(batch: Dimension) -> Tensor<Scalar> { .zeros([batch, Dimension(units)]) }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&inputWeight, "inputWeight")
    visitor.visit(&hiddenWeight, "hiddenWeight")
    visitor.visit(&bias, "bias")
    visitor.visit(&candidateBias, "candidateBias")
  }
}

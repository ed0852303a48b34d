public import Kiln

/// What a recurrent layer gives.
public enum RecurrentOutput: Hashable, Sendable {
  /// The output at every place: [batch, time, units].
  case sequence
  /// The output at the last place: [batch, units].
  case last
}

/// A cell that goes through sequences [batch, time, inputs], by `scan`: `SimpleRNN`, `LSTM`, `GRU`.
///
/// ```swift
/// let keys = RandomKey(seed: 1).split(3)
/// let network = Sequential {
///   LSTM(inputs: 8, units: 16, key: keys[0])
///   LSTM(inputs: 16, units: 16, output: .last, key: keys[1])
///   Dense(inputs: 16, outputs: 10, key: keys[2])
/// }
/// let scores = network(Tensor<Float>.zeros([2, 5, 8]))
/// ```
/// The parameters are those of the cell. The input's part is computed for all places at once before the loop.
public struct Recurrent<Cell: RecurrentCell>: PureLayer {
  /// What happens at each place.
  public var cell: Cell
  /// Whether the last place comes first.
  public let isReversed: Bool
  /// What `callAsFunction` gives.
  public let output: RecurrentOutput

  /// A layer of this cell.
  public init(_ cell: Cell, isReversed: Bool = false, output: RecurrentOutput = .sequence) {
    (self.cell, self.isReversed, self.output) = (cell, isReversed, output)
  }

  public func callAsFunction(_ x: Tensor<Cell.Scalar>) -> Tensor<Cell.Scalar> { self(x, mask: nil) }

  /// The output for sequences of different lengths; see `states(of:mask:initial:)`.
  public func callAsFunction(_ x: Tensor<Cell.Scalar>, mask: Tensor<Bool>?) -> Tensor<Cell.Scalar> {
    let (outputs, last) = states(of: x, mask: mask)
    switch output {
    case .sequence: return noted(Cell.name, outputs)
    case .last: return noted(Cell.name, cell.output(last))
    }
  }

  /// The output at every place of `x` [batch, time, inputs], and the state after the last one.
  ///
  /// - Parameters:
  ///   - mask: [batch, time], for sequences of different lengths: `lengthMask(lengths, length: time)`. Where it is
  ///     false the state stays, and the output is 0; so the last state is that of the last place that counts.
  ///   - initial: The state before the first place; zeros if it is nil.
  public func states(
    of x: Tensor<Cell.Scalar>, mask: Tensor<Bool>? = nil, initial: Cell.State? = nil
  ) -> (outputs: Tensor<Cell.Scalar>, last: Cell.State) {
    let units = cell.units
    guard x.rank == 3, x.mayHave(cell.inputs, at: 2) else {
      let wanted = "[batch, time, \(cell.inputs)]"
      return (
        misfit(Cell.name, takes: wanted, x.untyped, shape: [1, 1, units]), initial ?? cell.zeroState(batch: 1)
      )
    }
    if let mask,
      mask.rank != 2 || Dimension.equality(mask.shape[0], x.shape[0]) == false
        || Dimension.equality(mask.shape[1], x.shape[1]) == false
    {
      let wanted = "[batch, time, \(cell.inputs)] and a mask [batch, time]"
      return (
        misfit(Cell.name, takes: wanted, x.untyped, mask.untyped, shape: [1, 1, units]),
        initial ?? cell.zeroState(batch: 1)
      )
    }
    // The axes of the input change places before the product: it is narrower than what the product gives.
    let places = Places(x: cell.projected(x.swappingAxes(0, 1)), isPresent: mask?.swappingAxes(0, 1))
    let start = initial ?? cell.zeroState(batch: x.shape[0])
    let (last, outputs) = scan(start, over: places, reverse: isReversed) { state, place in step(state, place) }
    return (outputs.swappingAxes(0, 1), last)
  }

  private func step(_ state: Cell.State, _ place: Places) -> (Cell.State, Tensor<Cell.Scalar>) {
    let next = cell.next(place.x, state)
    guard let isPresent = place.isPresent?.expandingShape(at: 1) else { return (next, cell.output(next)) }
    let kept = combined(next, state, of: Cell.Scalar.self) { select(isPresent, $0, $1) }
    return (kept, select(isPresent, cell.output(next), Tensor(0)))
  }

  /// What the loop goes over.
  private struct Places: TensorTree {
    var x: Tensor<Cell.Scalar>
    var isPresent: Tensor<Bool>?

    mutating func visit(_ visitor: inout some TensorVisitor) {
      visitor.visit(&x, "x")
      visitor.visit(&isPresent, "isPresent")
    }
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    cell.visit(&visitor)
    visitor.constant(isReversed, "isReversed")
    visitor.constant(output, "output")
  }
}

/// A recurrent layer with `SimpleRNNCell`.
public typealias SimpleRNN<Scalar: TensorReal> = Recurrent<SimpleRNNCell<Scalar>>
/// A recurrent layer with `LSTMCell`.
public typealias LSTM<Scalar: TensorReal> = Recurrent<LSTMCell<Scalar>>
/// A recurrent layer with `GRUCell`.
public typealias GRU<Scalar: TensorReal> = Recurrent<GRUCell<Scalar>>

extension Recurrent {
  /// A layer with new parameters: Glorot's for the input, an orthogonal matrix for the state, biases of 0, and of 1 for
  /// gates that forget.
  public init(
    inputs: Int, units: Int, isReversed: Bool = false, output: RecurrentOutput = .sequence, of type: Cell.Scalar.Type,
    key: RandomKey
  ) {
    self.init(Cell(inputs: inputs, units: units, key: key), isReversed: isReversed, output: output)
  }
}

// Without `of:` a layer is of `Float`.

extension Recurrent where Cell == SimpleRNNCell<Float> {
  /// A layer of `Float` with new parameters.
  public init(
    inputs: Int, units: Int, isReversed: Bool = false, output: RecurrentOutput = .sequence, key: RandomKey
  ) {
    self.init(inputs: inputs, units: units, isReversed: isReversed, output: output, of: Float.self, key: key)
  }
}

extension Recurrent where Cell == LSTMCell<Float> {
  /// A layer of `Float` with new parameters.
  public init(
    inputs: Int, units: Int, isReversed: Bool = false, output: RecurrentOutput = .sequence, key: RandomKey
  ) {
    self.init(inputs: inputs, units: units, isReversed: isReversed, output: output, of: Float.self, key: key)
  }
}

extension Recurrent where Cell == GRUCell<Float> {
  /// A layer of `Float` with new parameters.
  public init(
    inputs: Int, units: Int, isReversed: Bool = false, output: RecurrentOutput = .sequence, key: RandomKey
  ) {
    self.init(inputs: inputs, units: units, isReversed: isReversed, output: output, of: Float.self, key: key)
  }
}

/// Two recurrent layers, one from the front and one from the back; their outputs stand side by side: [..., 2 · units]
/// (Schuster and Paliwal, Bidirectional recurrent neural networks, 1997).
///
/// ```swift
/// let keys = RandomKey(seed: 1).split()
/// let layer = Bidirectional(
///   LSTM(inputs: 8, units: 16, key: keys[0]), LSTM(inputs: 8, units: 16, isReversed: true, key: keys[1]))
/// let y = layer(Tensor<Float>.zeros([2, 5, 8]))   // [2, 5, 32]
/// ```
public struct Bidirectional<Cell: RecurrentCell>: PureLayer {
  /// The layer that begins with the first place.
  public var forward: Recurrent<Cell>
  /// The layer that begins with the last place.
  public var backward: Recurrent<Cell>

  /// A layer of these two, of which the second goes backward whatever it says. Both give what `forward` says.
  public init(_ forward: Recurrent<Cell>, _ backward: Recurrent<Cell>) {
    self.forward = Recurrent(forward.cell, output: forward.output)
    self.backward = Recurrent(backward.cell, isReversed: true, output: forward.output)
  }

  public func callAsFunction(_ x: Tensor<Cell.Scalar>) -> Tensor<Cell.Scalar> { self(x, mask: nil) }

  /// The output for sequences of different lengths, with a mask [batch, time]; see
  /// `Recurrent.states(of:mask:initial:)`.
  public func callAsFunction(_ x: Tensor<Cell.Scalar>, mask: Tensor<Bool>?) -> Tensor<Cell.Scalar> {
    concatenated([forward(x, mask: mask), backward(x, mask: mask)], axis: -1)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&forward, "forward")
    visitor.visit(&backward, "backward")
  }
}

public import Kiln

/// Examples in memory: inputs, and for each its target, side by side in tensors whose leading axis counts the examples.
///
/// ```swift
/// let (training, heldOut) = try Dataset.digits.split(heldOut: 297, key: RandomKey(seed: 1))
/// for (images, labels) in training.shuffled(key: RandomKey(seed: 2)).batched(100) {
///   print(images.shape, labels.shape)
/// }
/// print(heldOut.inputs.shape, heldOut.targets.shape)
/// ```
/// It is a collection of pairs of an input and its target, each without the leading axis, so `prefix`, `dropLast` and
/// the like take parts of it, and an index out of bounds stops the program. Shuffling and taking parts copies an order
/// of the examples, and no tensor.
public struct Dataset<Input: TensorTree & Sendable, Target: TensorTree & Sendable>: Sendable {
  private let wholeInputs: Input
  private let wholeTargets: Target
  private let wholeCount: Int
  /// The rows of the tensors that are the examples.
  private let order: ArraySlice<Int32>
  /// Whether the examples are all rows, in their order.
  private var isWhole: Bool { order.count == wholeCount && order.elementsEqual(0..<Int32(wholeCount)) }

  /// Trees of tensors, all of one leading extent.
  /// - Throws: `dataset.C1` when a tensor has no axis or another leading extent.
  public init(inputs: Input, targets: Target) throws(KilnError) {
    let tensors = inputs.tensors.map { ("inputs", $0) } + targets.tensors.map { ("targets", $0) }
    let count = tensors.first?.1.tensor.dimensions.first
    for (side, (name, tensor)) in tensors where tensor.rank == 0 || tensor.dimensions[0] != count {
      let expected = count.map { "\($0) examples along its leading axis, as the first has" } ?? "a leading axis"
      let path = name.isEmpty ? side : "\(side).\(name)"
      throw KilnError.atCall("dataset.C1", "\(path) has \(expected), expected; found \(tensor.type)")
    }
    guard let count, count <= Int32.max else {
      throw KilnError.atCall("dataset.C1", "a dataset has tensors of 0 to \(Int32.max) examples")
    }
    self.init(inputs, targets, count, Array(0..<Int32(count))[...])
  }

  private init(_ inputs: Input, _ targets: Target, _ count: Int, _ order: ArraySlice<Int32>) {
    (wholeInputs, wholeTargets, wholeCount, self.order) = (inputs, targets, count, order)
  }

  private func with(_ order: ArraySlice<Int32>) -> Dataset { Dataset(wholeInputs, wholeTargets, wholeCount, order) }

  /// The inputs of all examples, in their order: [count, …].
  public var inputs: Input { isWhole ? wholeInputs : wholeInputs.rows(order) }
  /// The targets of all examples, in their order: [count, …].
  public var targets: Target { isWhole ? wholeTargets : wholeTargets.rows(order) }

  /// The examples in the order of `randomPermutation` by `key`: the same on every machine and device.
  public func shuffled(key: RandomKey) -> Dataset {
    let permutation = Tensor<Int32>.randomPermutation(count, key: key).scalars
    return with(permutation.map { order[order.startIndex + Int($0)] }[...])
  }

  /// The examples, shuffled by `key`, in two parts: one to learn from, and the last `heldOut` of them to be tested on.
  /// - Throws: `dataset.C2` when there are not so many.
  public func split(heldOut: Int, key: RandomKey) throws(KilnError) -> (training: Dataset, heldOut: Dataset) {
    guard (0...count).contains(heldOut) else {
      throw KilnError.atCall("dataset.C2", "0 to \(count) of \(count) examples can be held out, not \(heldOut)")
    }
    let shuffled = shuffled(key: key)
    return (shuffled.dropLast(heldOut), shuffled.suffix(heldOut))
  }
}

extension Dataset: RandomAccessCollection {
  public var startIndex: Int { order.startIndex }
  public var endIndex: Int { order.endIndex }
  public subscript(position: Int) -> (Input, Target) {
    let row = Tensor(order[position])
    return (wholeInputs.rows(row), wholeTargets.rows(row))
  }
  public subscript(bounds: Range<Int>) -> Dataset { with(order[bounds]) }
}

extension TensorTree {
  /// The rows of every tensor, along its leading axis.
  fileprivate func rows(_ indices: ArraySlice<Int32>) -> Self { rows(Tensor(Array(indices))) }

  /// The tree of the rows; a scalar index takes the leading axis away.
  fileprivate func rows(_ indices: Tensor<Int32>) -> Self {
    var copy = self
    copy.updateTensors { _, tensor in tensor.gathered(indices) }
    return copy
  }
}

public import Kiln

/// The elements of a sequence in batches, which are made when they are asked for; see `batched` and `paddedBatches`.
public struct BatchedSequence<Base: Sequence, Batch>: Sequence {
  fileprivate let base: Base
  fileprivate let size: Int
  fileprivate let remainder: Remainder
  /// A batch of elements, the number of the first of which in the sequence is given.
  fileprivate let combine: @Sendable (_ elements: [Base.Element], _ first: Int) -> Batch

  init(
    _ base: Base, _ size: Int, _ remainder: Remainder,
    _ combine: @escaping @Sendable (_ elements: [Base.Element], _ first: Int) -> Batch
  ) {
    (self.base, self.size, self.remainder, self.combine) = (base, checkedBatchSize(size), remainder, combine)
  }

  /// Takes elements until a batch is full.
  public struct Iterator: IteratorProtocol {
    private var base: Base.Iterator
    private let batches: BatchedSequence
    private var taken = 0

    fileprivate init(_ batches: BatchedSequence) { (base, self.batches) = (batches.base.makeIterator(), batches) }

    public mutating func next() -> Batch? {
      var elements: [Base.Element] = []
      while elements.count < batches.size, let element = base.next() { elements.append(element) }
      if elements.isEmpty || batches.remainder == .drop && elements.count < batches.size { return nil }
      defer { taken += elements.count }
      return batches.combine(elements, taken)
    }
  }

  public func makeIterator() -> Iterator { Iterator(self) }
}

extension BatchedSequence: Sendable where Base: Sendable {}

extension Sequence {
  /// The trees in batches of `size`, stacked along a new leading axis: elements of [3] become [size, 3].
  ///
  /// A size below 1 is `batch.C1`, elements of different shapes `batch.C2`.
  public func batched(_ size: Int, remainder: Remainder = .keep) -> BatchedSequence<Self, Element>
  where Element: TensorTree {
    BatchedSequence(self, size, remainder) { stackedTrees($0, "element", $1) }
  }

  /// Pairs of inputs and targets in batches of `size`, each stacked along a new leading axis.
  ///
  /// ```swift
  /// let inputs = [Tensor<Float>([1, 2]), Tensor<Float>([3, 4]), Tensor<Float>([5, 6])]
  /// let labels = [Tensor<Int32>(0), Tensor<Int32>(1), Tensor<Int32>(0)]
  /// for (x, y) in zip(inputs, labels).batched(2) { print(x.shape, y.shape) }      // [2, 2] [2], [1, 2] [1]
  /// ```
  /// A size below 1 is `batch.C1`, elements of different shapes `batch.C2`.
  public func batched<Input: TensorTree, Target: TensorTree>(
    _ size: Int, remainder: Remainder = .keep
  ) -> BatchedSequence<Self, (Input, Target)> where Element == (Input, Target) {
    BatchedSequence(self, size, remainder) { elements, first in
      (stackedTrees(elements.map(\.0), "input", first), stackedTrees(elements.map(\.1), "target", first))
    }
  }
}

/// The trees as one, whose tensors are stacked along a new leading axis.
func stackedTrees<Tree: TensorTree>(_ trees: [Tree], _ what: String, _ first: Int) -> Tree {
  let rows = trees.map(\.tensors)
  var result = trees[0]
  for (number, row) in rows.enumerated() {
    let fault: String? =
      if row.count != rows[0].count {
        "has \(row.count) tensors, \(what) \(first) has \(rows[0].count)"
      } else if let place = row.indices.first(where: { row[$0].tensor.type != rows[0][$0].tensor.type }) {
        "has \(shown(row[place])), \(what) \(first) has \(shown(rows[0][place])); `paddedBatches` takes several lengths"
      } else {
        nil
      }
    if let fault {
      report("batch.C2", "\(what) \(first + number) \(fault)")
      return result
    }
  }
  var place = 0
  result.updateTensors { _, _ in
    defer { place += 1 }
    return stacked(rows.map { $0[place].tensor })
  }
  return result
}

private func shown(_ entry: (name: String, tensor: AnyTensor)) -> String {
  entry.name.isEmpty ? "\(entry.tensor.type)" : "\(entry.name) of \(entry.tensor.type)"
}

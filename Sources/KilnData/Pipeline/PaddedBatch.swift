public import Kiln

/// Sequences of several lengths in one tensor, the input of a model that masks what is behind their ends.
public struct PaddedBatch<Scalar: TensorNumber>: TensorTree, Sendable {
  /// [sequences, length, …]
  public var values: Tensor<Scalar>
  /// How many places of each sequence count: [sequences].
  public var lengths: Tensor<Int32>

  /// Which places count: [sequences, length].
  public var mask: Tensor<Bool> { lengthMask(lengths, length: values.shape[1]) }

  /// Sequences that are padded already.
  public init(values: Tensor<Scalar>, lengths: Tensor<Int32>) { (self.values, self.lengths) = (values, lengths) }

  init(_ sequences: [Tensor<Scalar>], _ multiple: Int, _ value: Scalar) {
    let (values, lengths) = paddedBatch(sequences, multiple: multiple, with: value)
    self.init(values: values, lengths: lengths)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&values, "values")
    visitor.visit(&lengths, "lengths")
  }
}

extension Sequence {
  /// Sequences [length, …] in batches of `size`, each padded to the longest of its batch; see `paddedBatch`.
  ///
  /// - Parameters:
  ///   - multiple: the common length is a multiple of this, so that fewer lengths come and fewer plans are made.
  ///   - value: what stands behind the end of a sequence.
  public func paddedBatches<Scalar: TensorNumber>(
    _ size: Int, multiple: Int = 1, with value: Scalar = 0, remainder: Remainder = .keep
  ) -> BatchedSequence<Self, PaddedBatch<Scalar>> where Element == Tensor<Scalar> {
    BatchedSequence(self, size, remainder) { elements, _ in PaddedBatch(elements, multiple, value) }
  }

  /// Pairs of a sequence [length, …] and a target in batches of `size`; the targets are stacked.
  ///
  /// ```swift
  /// let words = [Tensor<Int32>([3, 1, 4]), Tensor<Int32>([1, 5]), Tensor<Int32>([9])]
  /// let classes = [Tensor<Int32>(0), Tensor<Int32>(1), Tensor<Int32>(1)]
  /// for (batch, labels) in zip(words, classes).paddedBatches(2, multiple: 4) {
  ///   print(batch.values.shape, batch.lengths, batch.mask, labels)
  /// }
  /// ```
  /// - Parameters:
  ///   - multiple: the common length is a multiple of this, so that fewer lengths come and fewer plans are made.
  ///   - value: what stands behind the end of a sequence.
  public func paddedBatches<Scalar: TensorNumber, Target: TensorTree>(
    _ size: Int, multiple: Int = 1, with value: Scalar = 0, remainder: Remainder = .keep
  ) -> BatchedSequence<Self, (PaddedBatch<Scalar>, Target)> where Element == (Tensor<Scalar>, Target) {
    BatchedSequence(self, size, remainder) { elements, first in
      (PaddedBatch(elements.map(\.0), multiple, value), stackedTrees(elements.map(\.1), "target", first))
    }
  }
}

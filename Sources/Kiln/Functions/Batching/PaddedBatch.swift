import KilnIR

/// Sequences of several lengths in one tensor, for a function that takes batches.
///
/// ```swift
/// let sequences = [Tensor<Float>([1, 2, 3]), Tensor<Float>([4])]
/// let (batch, lengths) = paddedBatch(sequences, multiple: 4)   // [[1, 2, 3, 0], [4, 0, 0, 0]] and [3, 1]
/// let mask = lengthMask(lengths, length: 4)
/// print(batch.shape, mask.shape)
/// ```
/// A compiled function serves all lengths with one program; rounding them up means that fewer of them come, each of
/// which needs a plan.
///
/// - Parameters:
///   - sequences: At least one; they agree in all axes but the leading one.
///   - multiple: The common length is a multiple of this.
///   - value: What stands behind the end of a sequence.
/// - Returns: a tensor of shape [sequences, length, …], and the length of each sequence.
public func paddedBatch<Scalar: TensorNumber>(
  _ sequences: [Tensor<Scalar>], multiple: Int = 1, with value: Scalar = 0
) -> (batch: Tensor<Scalar>, lengths: Tensor<Int32>) {
  func failed(_ message: String) -> (Tensor<Scalar>, Tensor<Int32>) {
    let core = TensorCore.nothing("paddedBatch.C1", message)
    return (Tensor(core: core), Tensor(core: core))
  }
  guard !sequences.isEmpty else { return failed("there is no sequence to make a batch of") }
  guard multiple >= 1 else { return failed("a length is a multiple of a positive number, found \(multiple)") }
  if let scalar = sequences.first(where: { $0.rank == 0 }) {
    return failed("a sequence has a leading axis, found \(scalar.core.type)")
  }
  let lengths = sequences.map { $0.shape.dimensions[0] }
  let longest = lengths.max() ?? 0
  let length = ceilDivide(longest, multiple).saturatingProduct(multiple)
  let padded = zip(sequences, lengths).map { sequence, own in
    sequence.padded([(0, length - own)] + sequence.shape.dropFirst().map { _ in (0, 0) }, with: value)
  }
  return (stacked(padded), Tensor(lengths.map { Int32($0) }))
}

/// Which places of padded sequences hold an element: place i of a row is true if i is below the row's length.
///
/// - Parameters:
///   - lengths: The lengths, of shape [sequences].
///   - length: The places of a row; a `Dimension` of the trace, too.
/// - Returns: `Tensor<Bool>` of shape [sequences, length].
public func lengthMask(_ lengths: Tensor<Int32>, length: some DimensionConvertible) -> Tensor<Bool> {
  guard lengths.rank == 1 else {
    return Tensor(core: lengths.core.failed("lengthMask.C1", "lengths have one axis, found \(lengths.core.type)"))
  }
  return Tensor<Int32>.range(length).expandingShape(at: 0) .< lengths.expandingShape(at: 1)
}

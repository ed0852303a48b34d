public import Kiln

/// What becomes of the last examples when they are fewer than a batch.
public enum Remainder: Hashable, Sendable {
  /// They are a smaller batch.
  case keep
  /// They are left out.
  case drop
}

/// The examples of a dataset in batches: a collection of pairs of inputs, [size, …], and targets, [size, …], that are
/// gathered when they are asked for.
public struct BatchedDataset<Input: TensorTree & Sendable, Target: TensorTree & Sendable>: Sendable {
  private let examples: Dataset<Input, Target>
  private let size: Int
  public let endIndex: Int

  fileprivate init(_ examples: Dataset<Input, Target>, _ size: Int, _ remainder: Remainder) {
    self.examples = examples
    self.size = size
    let (whole, rest) = examples.count.quotientAndRemainder(dividingBy: size)
    endIndex = rest > 0 && remainder == .keep ? whole + 1 : whole
  }
}

extension BatchedDataset: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public subscript(position: Int) -> (Input, Target) {
    precondition(indices.contains(position), "there are \(endIndex) batches, and batch \(position) is not among them")
    let batch = examples.dropFirst(position * size).prefix(size)
    return (batch.inputs, batch.targets)
  }
}

extension Dataset {
  /// The examples in batches of `size`, in their order; at least 1 (`batch.C1`).
  ///
  /// ```swift
  /// let batches = try Dataset.digits.batched(100, remainder: .drop)
  /// print(batches.count)  // 17
  /// ```
  public func batched(_ size: Int, remainder: Remainder = .keep) -> BatchedDataset<Input, Target> {
    BatchedDataset(self, checkedBatchSize(size), remainder)
  }
}

/// The size of a batch, or after a message 1.
func checkedBatchSize(_ size: Int) -> Int {
  if size >= 1 { return size }
  report("batch.C1", "a batch has 1 example or more, not \(size)")
  return 1
}

/// Says what is wrong as the functions of Kiln do: to the trace or `withDiagnostics` that is open, or by stopping the
/// program with the message.
func report(_ label: String, _ message: String) {
  _ = Tensor<Float>(failed: label, message, shape: [], operands: [])
}

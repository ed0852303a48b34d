import KilnIR

extension TensorTree {
  /// The tree with its tensors replaced by `cores`, in order.
  func replacingTensors(by cores: [TensorCore]) -> Self { Kiln.replacingTensors(of: self, by: cores) }
}

/// The trees with their tensors replaced by `cores`, in order.
func replacingTensors<each Input: TensorTree>(
  of input: repeat each Input, by cores: [TensorCore]
) -> (repeat each Input) {
  // One slot more: an empty array has no address.
  var replacements: [TensorCore?] = cores + [nil]
  return replacements.withUnsafeMutableBufferPointer { buffer in
    var visitor = OutputVisitor(results: buffer.baseAddress.unsafelyUnwrapped)
    return (repeat visitor.visitedIfValue(each input))
  }
}

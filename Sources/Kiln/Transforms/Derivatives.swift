import KilnIR

extension TensorCore {
  static func zero(_ type: TensorType) -> TensorCore {
    .constant(Literal(splat: .zero(type.dtype), shape: type.shape))
  }
}

/// One derivative for each tensor of `types`: the next of `derivatives` for one that is real, zeros of the type that
/// `zero` gives for another.
func filling(
  _ types: [TensorType], with derivatives: some Sequence<TensorCore>, zero: (TensorType) -> TensorType = { $0 }
) -> [TensorCore] {
  var next = derivatives.makeIterator()
  return types.map { type in (type.dtype.isReal ? next.next() : nil) ?? .zero(zero(type)) }
}

/// The tensors of `tree` that belong to the real ones of `expected`.
/// - Throws: `label` where one has another type.
func directions(
  _ tree: Signature, like expected: [TensorType], _ label: String, _ what: String, _ location: SourceLocation
) throws(KilnError) -> [TensorCore] {
  if let failure = tree.failure { throw KilnError(failure) }
  guard tree.leaves.count == expected.count else {
    throw KilnError(
      label, "\(tree.leaves.count) tensors are given for the \(expected.count) of the \(what)", at: location)
  }
  var directions: [TensorCore] = []
  for (index, wanted) in expected.enumerated() where wanted.dtype.isReal {
    let found = tree.leaves[index]
    guard found.dtype == wanted.dtype, found.shape.mayEqual(wanted.shape) else {
      throw KilnError(
        label, "\(tree.leafNames[index]) has type \(found.type), that of the \(what) is \(wanted)", at: location)
    }
    directions.append(found)
  }
  return directions
}

/// - Throws: `gradient.C3` where there are tensors to differentiate by, none of which is real.
func requireReal(_ leaves: [TensorCore], _ location: SourceLocation) throws(KilnError) {
  guard let first = leaves.first, !leaves.contains(where: \.dtype.isReal) else { return }
  let found = leaves.count == 1 ? "\(first.type)" : "\(leaves.count) tensors, the first \(first.type)"
  throw KilnError(
    "gradient.C3", "a derivative is taken with respect to real tensors; the arguments have none, found \(found)",
    at: location, notes: ["convert them, for example with converted(to: Float.self)"])
}

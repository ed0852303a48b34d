import KilnIR

/// The order in which `einsum` multiplies more than two tensors. It is part of the meaning: each product rounds.
public enum ContractionOrder: Hashable, Sendable {
  /// The first two, then the result with the third, and so on.
  case leftToRight
  /// Next always the two whose product takes the fewest multiplications; of equal ones the leftmost.
  case cheapestFirst
}

/// Sums of products in Einstein's notation, as in NumPy.
///
/// ```swift
/// einsum("ij,jk->ik", a, b)        // matrix product
/// einsum("bhqd,bhkd->bhqk", q, k)  // scores of attention
/// einsum("...ii", x)               // traces
/// ```
/// A label that the result does not name is summed over. A label twice in one operand takes its diagonal. Without `->`
/// the result has the labels that occur once, in alphabetical order. `...` stands for equal leading axes.
public func einsum<Scalar: TensorNumber>(
  _ subscripts: String, _ operands: Tensor<Scalar>..., order: ContractionOrder = .leftToRight
) -> Tensor<Scalar> {
  for operand in operands where operand.core.kind == .poisoned {
    return Tensor(core: Failure.poison(after: operand.core, operand.type))
  }
  do {
    let parsed = try EinsumSubscripts(subscripts, operands.map(\.type))
    var terms = zip(operands, parsed.operands).map { EinsumTerm(core: $0.core, labels: $1).withoutRepeats() }
    while terms.count > 1 {
      let (first, second) = order == .leftToRight ? (0, 1) : cheapestPair(terms, parsed)
      let others = terms.indices.filter { $0 != first && $0 != second }
      let kept = Set(parsed.result + others.flatMap { terms[$0].labels })
      let product = terms[first].summed(keeping: kept.union(terms[second].labels))
        .times(terms[second].summed(keeping: kept.union(terms[first].labels)), keeping: kept, parsed)
      terms.remove(at: second)
      terms[first] = product
    }
    return Tensor(core: terms[0].summed(keeping: Set(parsed.result)).arranged(parsed.result).core)
  } catch {
    return Tensor(
      core: Failure.poison(
        error, operands.first?.type ?? TensorType(Scalar.dtype, .scalar), operands: operands.map(\.core)))
  }
}

/// All products of an element of `a` and one of `b`: the axes of `a`, then those of `b`.
public func outer<Scalar: TensorNumber>(_ a: Tensor<Scalar>, _ b: Tensor<Scalar>) -> Tensor<Scalar> {
  for operand in [a, b] where operand.core.kind == .poisoned {
    return Tensor(core: Failure.poison(after: operand.core, operand.type))
  }
  let shape = Shape(Array(a.shape) + Array(b.shape))
  let left = a.core.broadcast(shape, axes: Array(0..<a.rank))
  let right = b.core.broadcast(shape, axes: Array(a.rank..<a.rank + b.rank))
  return Tensor(core: emit(.map(.multiply), [left, right]))
}

/// The two terms whose product has the smallest space of indices. The order decides the bits of the result, so sizes
/// that a call brings count with the numbers of the one that is traced.
private func cheapestPair(_ terms: [EinsumTerm], _ subscripts: EinsumSubscripts) -> (Int, Int) {
  if terms.count == 2 { return (0, 1) }
  var best = (0, 1)
  var least = Double.infinity
  for first in terms.indices {
    for second in terms.indices where second > first {
      let labels = Set(terms[first].labels + terms[second].labels)
      let cost = labels.reduce(1.0) { $0 * Double(subscripts.extents[$1]?.staticSize ?? 1) }
      if cost < least { (best, least) = ((first, second), cost) }
    }
  }
  return best
}

/// A tensor and the labels of its axes.
private struct EinsumTerm {
  var core: TensorCore
  var labels: [Int]

  /// The diagonals of labels that stand twice.
  func withoutRepeats() -> EinsumTerm {
    var term = self
    while let place = term.labels.indices.first(where: { term.labels[..<$0].contains(term.labels[$0]) }),
      let first = term.labels.firstIndex(of: term.labels[place])
    {
      let rest = term.labels.indices.filter { $0 != first && $0 != place }
      let moved = term.core.transposed(rest + [first, place])
      // Where a call decides whether both axes are equal, the broadcast asks.
      var square = moved.shape
      square[rest.count + 1] = square[rest.count]
      let diagonal = moved.broadcast(square, axes: Array(square.indices)).diagonal()
      term = EinsumTerm(core: diagonal, labels: rest.map { term.labels[$0] } + [term.labels[place]])
    }
    return term
  }

  /// The sum over the labels that nothing else needs.
  func summed(keeping kept: Set<Int>) -> EinsumTerm {
    let axes = labels.indices.filter { !kept.contains(labels[$0]) }
    return EinsumTerm(core: core.reduced(.sum, axes), labels: labels.filter { kept.contains($0) })
  }

  /// The product, summed over the labels of both that are not kept.
  func times(_ other: EinsumTerm, keeping kept: Set<Int>, _ subscripts: EinsumSubscripts) -> EinsumTerm {
    let shared = labels.filter { other.labels.contains($0) }
    let contracted = shared.filter { !kept.contains($0) }
    if contracted.isEmpty {
      // No sum: a plain product, exact in its signs of zero, and fused with what follows.
      let union = labels + other.labels.filter { !labels.contains($0) }
      let shape = Shape(union.map { subscripts.extents[$0] ?? 1 })
      let right = other.arranged(union.filter { other.labels.contains($0) })
      let factors = [self, right].map { term in
        term.core.broadcast(shape, axes: union.indices.filter { term.labels.contains(union[$0]) })
      }
      return EinsumTerm(core: emit(.map(.multiply), factors), labels: union)
    }
    func pairs(_ list: [Int]) -> [AxisPair] {
      list.compactMap { label in
        guard let a = labels.firstIndex(of: label), let b = other.labels.firstIndex(of: label) else { return nil }
        return AxisPair(a, b)
      }
    }
    let batch = shared.filter { kept.contains($0) }
    let product = emit(.contraction(.dot(batch: pairs(batch), contract: pairs(contracted))), [core, other.core])
    let free = labels.filter { !shared.contains($0) } + other.labels.filter { !shared.contains($0) }
    return EinsumTerm(core: product, labels: batch + free)
  }

  /// The axes in the order of `order`, which has the same labels.
  func arranged(_ order: [Int]) -> EinsumTerm {
    EinsumTerm(core: core.transposed(order.compactMap { labels.firstIndex(of: $0) }), labels: order)
  }
}

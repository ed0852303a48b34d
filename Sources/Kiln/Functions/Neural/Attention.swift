import KilnIR

/// softmax(q·kᵀ · scale) · v for queries [..., m, d], keys [..., n, d] and values [..., n, e]; leading axes broadcast.
///
/// The division by the sum comes after the second product.
/// - Parameters:
///   - mask: where it is false, in a shape that broadcasts to [..., m, n], the key is not looked at.
///   - isCausal: a query looks at no later key; the last query is beside the last key.
///   - scale: 1 / √d if it is nil.
/// - Returns: [..., m, e]. A query that may look at no key gets zeros.
public func attention<Scalar: TensorReal>(
  _ q: Tensor<Scalar>, _ k: Tensor<Scalar>, _ v: Tensor<Scalar>, mask: Tensor<Bool>? = nil, isCausal: Bool = false,
  scale: Scalar? = nil
) -> Tensor<Scalar> {
  for operand in [q, k, v] where operand.core.kind == .poisoned {
    return Tensor(core: Failure.poison(after: operand.core, q.type))
  }
  guard q.rank >= 2, k.rank >= 2, v.rank >= 2,
    Dimension.equality(q.shape[q.rank - 1], k.shape[k.rank - 1]) != false,
    Dimension.equality(k.shape[k.rank - 2], v.shape[v.rank - 2]) != false
  else {
    return Tensor(
      core: q.core.failed(
        "attention.C1",
        "attention takes queries [..., m, d], keys [..., n, d] and values [..., n, e], found \(q.type), \(k.type) and \(v.type)",
        with: k.core, v.core))
  }
  // A number of the program: without `scale` it has one width.
  let factor = scale ?? Scalar(1 / Double(Swift.max(q.shape[q.rank - 1].staticSize, 1)).squareRoot())
  var scores = matmul(q, k.swappingAxes(-1, -2)) * Tensor(factor)
  var allowed = mask
  if isCausal {
    let causal = causalMask(q.core, k.core)
    allowed = allowed.map { $0 .&& causal } ?? causal
  }
  if let allowed { scores = select(allowed, scores, Tensor(-Scalar.infinity)) }
  let axes = [scores.rank - 1]
  var greatest = stopGradient(scores.max(axes: axes, keepDims: true))
  // Without a key the maximum is -infinity, and the sum 0.
  if allowed != nil { greatest = select(isFinite(greatest), greatest, Tensor(0)) }
  let weights = exp(scores - greatest)
  var sum = weights.sum(axes: axes, keepDims: true)
  if allowed != nil { sum = select(sum .== Tensor(0), Tensor(1), sum) }
  return matmul(weights, v) / sum
}

/// True where query i, counted from the end, may look at key j.
private func causalMask(_ q: TensorCore, _ k: TensorCore) -> Tensor<Bool> {
  let (queries, keys) = (q.shape[q.shape.rank - 2], k.shape[k.shape.rank - 2])
  let type = TensorType(.i32, [queries, keys])
  let rows = Tensor<Int32>(core: emit(.source(.iota(type, axis: 0)), []))
  let columns = Tensor<Int32>(core: emit(.source(.iota(type, axis: 1)), []))
  func size(_ core: TensorCore) -> Tensor<Int32> {
    let size = emit(.source(.dimensionSize(axis: core.shape.rank - 2)), [core])
    return Tensor(core: size.converted(to: .i32))
  }
  let offset = (keys - queries).size.map { Tensor(Int32(clamping: $0)) } ?? size(k) - size(q)
  return columns .<= rows + offset
}

import KilnIR

/// The domain of a contraction, the axes of its result and then those of its terms, and where its operands are read
/// there.
struct ContractionDomain {
  let domain: IndexDomain
  /// How many axes the result has.
  let resultRank: Int
  let lhs: IndexExpression
  let rhs: IndexExpression

  var termExtents: [Dimension] { Array(domain.extents[resultRank...]) }

  /// A convolution must be plain (see `PlainConvolution`): all its reads lie within the operand.
  init(_ op: ContractionOp, _ lhs: TensorType, _ rhs: TensorType, _ result: TensorType) {
    switch op {
    case .dot(let batch, let contract): self.init(batch, contract, lhs, rhs, result)
    case .convolution(let convolution): self.init(convolution, lhs, rhs, result)
    }
  }

  private init(
    _ batch: [AxisPair], _ contract: [AxisPair], _ lhs: TensorType, _ rhs: TensorType, _ result: TensorType
  ) {
    let pairs = batch + contract
    var (next, lhsAxis, rhsAxis) = (batch.count, [Int: Int](), [Int: Int]())
    for (number, pair) in batch.enumerated() { (lhsAxis[pair.lhs], rhsAxis[pair.rhs]) = (number, number) }
    for axis in ContractionOp.freeAxes(lhs.rank, pairs.map(\.lhs)) {
      lhsAxis[axis] = next
      next += 1
    }
    for axis in ContractionOp.freeAxes(rhs.rank, pairs.map(\.rhs)) {
      rhsAxis[axis] = next
      next += 1
    }
    for (number, pair) in contract.enumerated() {
      (lhsAxis[pair.lhs], rhsAxis[pair.rhs]) = (result.rank + number, result.rank + number)
    }
    domain = IndexDomain(extents: Array(result.shape) + contract.map { lhs.shape[$0.lhs] })
    resultRank = result.rank
    self.lhs = domain.identity((0..<lhs.rank).map { lhsAxis[$0] ?? 0 })
    self.rhs = domain.identity((0..<rhs.rank).map { rhsAxis[$0] ?? 0 })
  }

  private init(_ convolution: Convolution, _ lhs: TensorType, _ rhs: TensorType, _ result: TensorType) {
    let domain = IndexDomain(extents: result.shape + convolution.termExtents(lhs, rhs))
    var (left, right) = (IndexExpression(), IndexExpression())
    for _ in 0..<lhs.rank { left.append(.zero(domain.extents.count)) }
    for _ in 0..<rhs.rank { right.append(.zero(domain.extents.count)) }
    func coordinate(_ axis: Int) -> LinearExpression { .axis(axis, of: domain.extents.count) }
    for (axis, role) in convolution.resultAxes(lhsRank: lhs.rank, rhsRank: rhs.rank).enumerated() {
      switch role {
      case .batch(let pair): (left[pair.lhs], right[pair.rhs]) = (coordinate(axis), coordinate(axis))
      case .lhs(let lhsAxis): left[lhsAxis] = coordinate(axis)
      case .rhs(let rhsAxis): right[rhsAxis] = coordinate(axis)
      case .positions(let number):
        let window = convolution.windows[number]
        left[window.axes.lhs] = left[window.axes.lhs] + coordinate(axis) * Dimension(window.stride) + window.low * -1
      }
    }
    for (number, role) in convolution.termAxes.enumerated() {
      let tap = coordinate(result.rank + number)
      switch role {
      case .contract(let pair): (left[pair.lhs], right[pair.rhs]) = (tap, tap)
      case .taps(let number):
        let window = convolution.windows[number]
        left[window.axes.lhs] = left[window.axes.lhs] + tap * Dimension(window.rhsDilation)
        right[window.axes.rhs] = tap
      }
    }
    self.domain = domain
    resultRank = result.rank
    (self.lhs, self.rhs) = (left, right)
  }
}

import KilnIR

extension Rewriter {
  mutating func contractionPullback(_ op: ContractionOp, _ use: Use) throws(KilnError) -> [ValueID?] {
    switch op {
    case .dot(let batch, let contract): try dotPullback(use, batch, contract)
    case .convolution(let convolution): try convolutionPullback(convolution, use)
    }
  }

  /// Each operand gets the `dot` of the cotangent with the other operand over the other's free axes, its axes put back
  /// into the operand's order. For `x[m,k] · w[k,n]` that is `ct · wᵀ` and `xᵀ · ct`, neither with a transpose.
  private mutating func dotPullback(
    _ use: Use, _ batch: [AxisPair], _ contract: [AxisPair]
  ) throws(KilnError) -> [ValueID?] {
    let (lhs, rhs) = (use.operands[0], use.operands[1])
    let lhsFree = ContractionOp.freeAxes(type(of: lhs).rank, (batch + contract).map(\.lhs))
    let rhsFree = ContractionOp.freeAxes(type(of: rhs).rank, (batch + contract).map(\.rhs))
    // The cotangent has the batch axes, then the free axes of lhs, then those of rhs.
    let lhsFreeStart = batch.count
    let rhsFreeStart = batch.count + lhsFree.count

    var lhsPart: ValueID?
    if use.needed[0] {
      let product = try dot(
        use.cotangent, rhs, batch: batch.enumerated().map { AxisPair($0, $1.rhs) },
        contract: rhsFree.enumerated().map { AxisPair(rhsFreeStart + $0, $1) })
      let contracted = contract.sorted { $0.rhs < $1.rhs }.map(\.lhs)
      lhsPart = try transpose(product, inverse(batch.map(\.lhs) + lhsFree + contracted))
    }
    var rhsPart: ValueID?
    if use.needed[1] {
      let product = try dot(
        lhs, use.cotangent, batch: batch.enumerated().map { AxisPair($1.lhs, $0) },
        contract: lhsFree.enumerated().map { AxisPair($1, lhsFreeStart + $0) })
      let contracted = contract.sorted { $0.lhs < $1.lhs }.map(\.rhs)
      rhsPart = try transpose(product, inverse(batch.map(\.rhs) + contracted + rhsFree))
    }
    return [lhsPart, rhsPart]
  }
}

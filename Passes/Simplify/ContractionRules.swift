import KilnIR

/// Transposes that meet sums. The terms keep their order (Numerics.md R2, D1), since `reduce` and `dot` list their axes
/// in traversal order.
extension Simplifier {
  static let contractionRules: [RewriteRule] = [reduceOfTranspose, dotOfTranspose, transposeOfDot]

  /// `reduce` reads the axes through the transpose, where the axes that stay keep their order.
  static let reduceOfTranspose = RewriteRule("reduce of transpose") { rewriter, op, operands throws(KilnError) in
    guard case .reduction(.reduce(let kind, let axes)) = op, let (inner, source) = rewriter.movement(operands[0]),
      case .transpose(let permutation) = inner, keepsOrder(permutation, but: axes)
    else { return nil }
    return try rewriter.reduce(kind, source, axes: axes.map { permutation[$0] })
  }

  /// `dot` reads the axes of each operand through its transpose, where the free axes keep their order.
  static let dotOfTranspose = RewriteRule("dot of transpose") { rewriter, op, operands throws(KilnError) in
    guard case .contraction(.dot(var batch, var contract)) = op else { return nil }
    var sources = operands
    if let permutation = transpose(operands[0], freeBut: (batch + contract).map(\.lhs)) {
      sources[0] = permutation.source
      for index in batch.indices { batch[index].lhs = permutation.axes[batch[index].lhs] }
      for index in contract.indices { contract[index].lhs = permutation.axes[contract[index].lhs] }
    }
    if let permutation = transpose(operands[1], freeBut: (batch + contract).map(\.rhs)) {
      sources[1] = permutation.source
      for index in batch.indices { batch[index].rhs = permutation.axes[batch[index].rhs] }
      for index in contract.indices { contract[index].rhs = permutation.axes[contract[index].rhs] }
    }
    return sources == operands ? nil : try rewriter.dot(sources[0], sources[1], batch: batch, contract: contract)

    func transpose(_ value: ValueID, freeBut paired: [Int]) -> (source: ValueID, axes: [Int])? {
      guard let (inner, source) = rewriter.movement(value), case .transpose(let permutation) = inner,
        keepsOrder(permutation, but: paired)
      else { return nil }
      return (source, permutation)
    }
  }

  /// A transpose that exchanges the free axes of the two sides of a `dot` is the `dot` with its operands exchanged: the
  /// products commute and the terms keep their order. A `dot` that is used elsewhere as well is not computed twice.
  static let transposeOfDot = RewriteRule("transpose of dot") { rewriter, op, operands throws(KilnError) in
    guard case .movement(.transpose(let permutation)) = op, let inner = rewriter.definition(of: operands[0]),
      case .contraction(.dot(let batch, let contract)) = inner.op, rewriter.isUsedOnce(operands[0])
    else { return nil }
    let paired = batch.count + contract.count
    let batchAxes = Array(0..<batch.count)
    let lhsFree = batch.count..<batch.count + rewriter.type(of: inner.operands[0]).rank - paired
    let rhsFree = lhsFree.upperBound..<lhsFree.upperBound + rewriter.type(of: inner.operands[1]).rank - paired
    guard permutation == batchAxes + Array(rhsFree) + Array(lhsFree) else { return nil }
    return try rewriter.dot(
      inner.operands[1], inner.operands[0], batch: batch.map { AxisPair($0.rhs, $0.lhs) },
      contract: contract.map { AxisPair($0.rhs, $0.lhs) })
  }

  /// Whether the axes of a transpose's result other than `axes` stand in the order of its operand.
  private static func keepsOrder(_ permutation: [Int], but axes: [Int]) -> Bool {
    let others = permutation.indices.filter { !axes.contains($0) }.map { permutation[$0] }
    return others == others.sorted()
  }
}

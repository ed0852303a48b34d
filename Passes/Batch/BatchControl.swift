import KilnIR

extension BatchWalk {
  mutating func batch(_ op: ControlOp, _ operands: [BatchedValue]) throws(KilnError) -> [BatchedValue] {
    switch op {
    case .stopGradient: return [try mapped(.control(op), [operands[0].value])]
    case .call(let callee, _):
      throw KilnError("vmap.C3", "call of @\(callee) cannot be batched: it must be inlined first", at: rewriter.location)
    }
  }
}

extension ControlOp {
  /// The functions that the op names.
  var calleeNames: [String] {
    switch self {
    case .stopGradient: []
    case .call(let callee, _): [callee]
    }
  }
}

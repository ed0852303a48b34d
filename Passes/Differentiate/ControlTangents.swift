import KilnIR

extension Rewriter {
  mutating func pushControl(_ op: ControlOp, _ push: Push) throws(KilnError) -> [Dual] {
    switch op {
    case .stopGradient: return try emit(.control(op), push.operands).map { ($0, nil) }
    case .call(let callee, _): throw noDerivative(of: "call", "@\(callee) must be inlined first")
    }
  }
}

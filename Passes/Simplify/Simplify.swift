package import KilnIR

extension Pass {
  /// Constant folding and the exact rewrites, then dead code.
  package static let simplify = Pass.perFunction("simplify") { function, module throws(KilnError) in
    try Simplifier.simplify(function, in: module, rules: Simplifier.rules)
  }

  /// Replaces `stopGradient` by its operand. It belongs after every derivative.
  package static let eraseStopGradient = Pass.perFunction("eraseStopGradient") { function, module throws(KilnError) in
    try Simplifier.simplify(function, in: module, rules: [Simplifier.stopGradientErasure])
  }
}

/// Rewrites that keep every bit (Numerics.md W1, W2) and nothing of W3.
///
/// Each instruction is simplified as it is built, looking at the definitions of its operands, which are simple already.
/// So one walk suffices and the cost is linear.
package enum Simplifier {
  /// Every rule, in the order in which they are tried. Each has a bit test of its name (W4).
  package static let rules: [RewriteRule] =
    algebraRules + movementRules + contractionRules + [dimensionSizeOfStaticShape, foldSplats, foldLiterals]

  package static func simplify(
    _ function: Function, in module: Module, rules: [RewriteRule]
  ) throws(KilnError) -> Function {
    try function.rebuilt(in: module, rules: rules).withoutDeadCode(in: module)
  }

  /// The size of a static axis is a constant.
  static let dimensionSizeOfStaticShape = RewriteRule("dimensionSize of a static axis") {
    rewriter, op, operands throws(KilnError) in
    guard case .source(.dimensionSize(let axis)) = op, let size = rewriter.type(of: operands[0]).shape[axis].size else {
      return nil
    }
    return try rewriter.constant(Scalar(Int64(size)))
  }

  static let stopGradientErasure = RewriteRule("stopGradient is its operand") { _, op, operands throws(KilnError) in
    op == .control(.stopGradient) ? operands[0] : nil
  }
}

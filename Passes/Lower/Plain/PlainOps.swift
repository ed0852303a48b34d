import KilnIR

/// What kernels cannot say directly, in ops that they can: convolutions whose reads all lie within their operand, sums
/// over the few taps of a window as elementwise ops. The bits stay (Numerics.md W2).
enum PlainOps {
  static let rules: [RewriteRule] = PlainConvolution.rules + [WindowReduction.rule]

  /// The functions that `entry` runs, and it, in plain ops.
  static func rewrite(_ module: Module, _ entry: String) throws(KilnError) -> Module {
    guard module.functions.contains(where: isNeeded) else { return module }
    var result = Module()
    for function in module.functions(reachedFrom: entry) { try result.add(rewrite(function, in: result)) }
    return result
  }

  /// The function in plain ops. One with a call stays as it is; fusion reports the call.
  static func rewrite(_ function: Function, in module: Module) throws(KilnError) -> Function {
    guard isNeeded(function) else { return function }
    return try function.rebuilt(in: module, rules: rules).withoutDeadCode(in: module)
  }

  private static func isNeeded(_ function: Function) -> Bool {
    var isNeeded = false
    for instruction in function.instructions.elements {
      switch instruction.op {
      case .contraction(.convolution), .movement(.windows): isNeeded = true
      case .control(.call): return false
      case .source, .map, .type, .movement, .reduction, .contraction, .indexing, .control: break
      }
    }
    return isNeeded
  }
}

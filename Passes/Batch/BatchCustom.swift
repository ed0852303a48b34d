import KilnIR

/// Functions with rules of their own keep them: each rule is batched too.
extension BatchWalk {
  mutating func batchCheckpoint(
    _ callee: String, _ captured: Int, _ operands: [BatchedValue]
  ) throws(KilnError) -> [BatchedValue] {
    let function = try body(callee)
    let isMasked = needsMask(operands, rewriter.module.canFail(function))
    var walk = BatchWalk(rewriter.module.unusedName("\(callee)_vmap"), size: size, in: rewriter.module)
    let parameters = walk.addParameters(function.parameters, isMapped: operands.map(\.isMapped))
    let results = try walk.run(function, parameters, mask: isMasked ? walk.addMask() : nil)
    try adopt(walk)
    let name = try add(walk, results.map(\.value))
    let inputs = operands.map(\.value) + maskOperands(isMasked)
    let op = ControlOp.checkpoint(callee: name, captured: captured + maskOperands(isMasked).count)
    return try self.results(op, inputs, isMapped: results.map(\.isMapped))
  }

  /// All arguments and results get the batch axis, so that a cotangent of each argument has one: that of an argument
  /// which the examples share is summed by the derivative of its repetition.
  mutating func batchCustom(
    _ custom: ControlOp.Custom, _ operands: [BatchedValue]
  ) throws(KilnError) -> [BatchedValue] {
    let callee = try body(custom.callee)
    let arguments = operands.count - custom.captured
    let canFail = custom.callees.contains { rewriter.module.canFail($0) }
    // With a rule of its own it has no derivative by what it captures.
    let isMasked = custom.hasRule ? mask != nil && canFail : needsMask(operands, canFail)
    let isMapped = operands.enumerated().map { $0 < arguments || $1.isMapped }
    let realArguments = callee.parameters.prefix(arguments).filter(\.type.dtype.isReal).count
    let realResults = callee.resultTypes.filter(\.dtype.isReal).count
    let results = callee.results.count

    var op = custom
    op.batching = nil
    op.captured += isMasked ? 2 : 0
    op.callee = try batchedRule(callee, isMapped, isMasked, extra: 0)
    if let batching = custom.batching, !isMasked, rewriter.module[batching]?.serves(size, arguments, isMapped) == true {
      op.callee = batching
    }
    if let pullback = custom.pullback {
      op.pullback = try batchedRule(body(pullback), isMapped, isMasked, extra: results + realResults)
    }
    if let tangent = custom.tangent {
      op.tangent = try batchedRule(body(tangent), isMapped, isMasked, extra: results + realArguments)
    }
    let inputs = try values(operands, mappedWhere: isMapped) + maskOperands(isMasked)
    return try self.results(.custom(op), inputs, isMapped: Array(repeating: true, count: results))
  }

  /// Adds a rule for all examples: its first parameters are the operands, which `isMapped` is about, then come the mask
  /// and `extra` values with a batch axis. All results have one.
  private mutating func batchedRule(
    _ rule: Function, _ isMapped: [Bool], _ isMasked: Bool, extra: Int
  ) throws(KilnError) -> String {
    var walk = BatchWalk(rewriter.module.unusedName("\(rule.name)_vmap"), size: size, in: rewriter.module)
    var parameters = walk.addParameters(Array(rule.parameters.prefix(isMapped.count)), isMapped: isMapped)
    let ruleMask = isMasked ? walk.addMask() : nil
    parameters += walk.addParameters(
      Array(rule.parameters.dropFirst(isMapped.count)), isMapped: Array(repeating: true, count: extra))
    let results = try walk.allMapped(walk.run(rule, parameters, mask: ruleMask))
    try adopt(walk)
    return try add(walk, results)
  }
}

extension Function {
  /// Whether this batching rule is for batches of `size`, its captured values being those that no example has its own
  /// of.
  fileprivate func serves(_ size: Dimension, _ arguments: Int, _ isMapped: [Bool]) -> Bool {
    !isMapped.dropFirst(arguments).contains(true) && arguments > 0
      && parameters.prefix(arguments).allSatisfy { $0.type.shape.first == size }
  }
}

extension ControlOp.Custom {
  fileprivate var hasRule: Bool { pullback != nil || tangent != nil || batching != nil }
}

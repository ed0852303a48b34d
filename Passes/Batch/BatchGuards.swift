import KilnIR

/// What keeps the derivatives of the examples that are in a branch apart from those of the others, which run it too.
///
/// An example that is not there computes what it must not be asked about, an infinite slope for one. Its cotangents are
/// zero, but zero times infinity is NaN. So every value that enters the branch is select(lanes, x, stopGradient(x)): it
/// is x, and whatever comes back from the others is dropped. The select vanishes when derivatives have been taken.
extension BatchWalk {
  /// The inputs of a branch for the examples of `mask`.
  mutating func guarded(_ inputs: [BatchedValue], by mask: LaneMask) throws(KilnError) -> [BatchedValue] {
    var guarded: [BatchedValue] = []
    for input in inputs {
      var input = input
      if isDifferentiable(input) {
        input.value = try self.guarded(input.value, by: input.isMapped ? mask.lanes : mask.any)
      }
      guarded.append(input)
    }
    return guarded
  }

  /// `x`, from which no derivative comes back where the predicate is false: a scalar, or one with the leading axis of
  /// `x`.
  mutating func guarded(_ x: ValueID, by predicate: ValueID?) throws(KilnError) -> ValueID {
    guard let predicate else { return x }
    return try build { rewriter throws(KilnError) in
      let axes = Array(0..<rewriter.type(of: predicate).rank)
      let condition = try rewriter.broadcast(predicate, rewriter.type(of: x).shape, axes: axes)
      return try rewriter.select(condition, x, rewriter.emitOne(.control(.stopGradient), [x]))
    }
  }

  /// An op in a branch on operands of which the examples share some. Where the shared ones are not repeated first,
  /// their cotangents are sums over all examples: those that are not there must give zero, not zero times what they
  /// have.
  mutating func batchGuarded(
    _ op: Op, _ operands: [BatchedValue], _ mask: LaneMask
  ) throws(KilnError) -> [BatchedValue] {
    var operands = operands
    switch op {
    case .source, .map, .type, .reduction, .control: return try batchMapped(op, operands)
    case .contraction:
      for index in operands.indices where operands[index].isMapped {
        operands[index].value = try masked(operands[index].value, mask.lanes)
      }
    case .movement, .indexing: break
    }
    var results = try batchMapped(op, operands)
    for index in results.indices where isDifferentiable(results[index]) {
      results[index].value = try guarded(results[index].value, by: mask.lanes)
    }
    return results
  }

  /// Whether a function that is run on `operands` learns for which examples it runs.
  func needsMask(_ operands: [BatchedValue], _ canFail: Bool) -> Bool {
    mask != nil && (canFail || operands.contains(where: isSharedDifferentiable))
  }

  func isSharedDifferentiable(_ operand: BatchedValue) -> Bool { !operand.isMapped && isDifferentiable(operand) }

  /// Whether a derivative by the value may be wanted.
  func isDifferentiable(_ operand: BatchedValue) -> Bool {
    guard rewriter.type(of: operand.value).dtype.isReal else { return false }
    return !isConstant(operand.value)
  }

  private func isConstant(_ value: ValueID) -> Bool {
    guard let definition = rewriter.definition(of: value) else { return false }
    switch definition.op {
    case .source, .control(.stopGradient): return true
    case .movement(.broadcast), .movement(.reshape): return isConstant(definition.operands[0])
    case .map, .type, .movement, .reduction, .contraction, .indexing, .control: return false
    }
  }
}

import KilnIR

/// A product that reads narrower elements than it multiplies, as one of f16 or bf16 in f32 does: its tiles convert what
/// they load, and no wider copy of the operand is written. A convolution reads an element many times over; its operands
/// are better converted once.
extension Fuser {
  /// The conversion behind an operand of a contraction, if it is exact, has no other reader, and has a cluster of its
  /// own.
  mutating func widening(_ operand: ValueID, _ base: Resolver.Base) -> InstructionID? {
    guard widensOperands, case .value(let value, _) = base, let id = resolver.definitions[value],
      case .type(.convert(let target)) = function.instructions[id].op, isUsedOnce(from: operand, to: value),
      let cluster = clusterOf[value], set.drafts[cluster].members == [id]
    else { return nil }
    let source = function.instructions[id].operands[0]
    guard function.valueTypes[source].dtype.widensExactly(to: target) else { return nil }
    // What is computed in place has no buffer to read.
    if case .source = self.base(of: source) { return nil }
    return id
  }

  /// Whether the views from `operand` down to `value` are read by one instruction each.
  private mutating func isUsedOnce(from operand: ValueID, to value: ValueID) -> Bool {
    var next = operand
    while useCounts[next] == 1 {
      guard next != value, let id = resolver.definitions[next] else { return next == value }
      next = function.instructions[id].operands[0]
    }
    return false
  }

  /// Moves a conversion from its cluster to that of `contraction`.
  mutating func adopt(_ conversion: InstructionID, by contraction: InstructionID) {
    let value = function.instructions[conversion].result
    guard let old = clusterOf[value], let new = clusterOf[function.instructions[contraction].result] else { return }
    set.update(old) { ($0.members, $0.isAlive) = ([], false) }
    set.update(new) { $0.members.insert(conversion, at: 0) }
    clusterOf[value] = new
  }
}

extension DType {
  /// Whether `target` has every value of this dtype and more bits.
  fileprivate func widensExactly(to target: DType) -> Bool {
    guard byteCount < target.byteCount else { return false }
    return isReal && target.isReal || isInteger && target.isInteger
  }
}

/// The condition under which a kernel's results depend on its dot, as with scores that a mask replaces: a tile where it
/// holds nowhere needs no products.
public struct DotCondition: Hashable, Sendable {
  /// A `bool` of the stage behind the dot, and what it is where the dot is seen.
  public let value: BodyID
  public let isSeen: Bool
}

extension KernelDefinition {
  /// Nil where results always depend on the dot.
  public var dotCondition: DotCondition? {
    guard contraction != nil, stages.count == 2 else { return nil }
    let body = stages[1].body
    let depends = dependents(besides: nil)
    for (number, instruction) in body.enumerated() {
      guard case .operation(.select, let operands, _) = instruction else { continue }
      let isInFirst = depends.contains(operands[1])
      guard !depends.contains(operands[0]), isInFirst != depends.contains(operands[2]) else { continue }
      let others = dependents(besides: BodyID(number))
      let isSeenElsewhere = stages[1].effects.contains { effect in
        others.contains(effect.value) || effect.access?.data.contains { others.contains($0.value) } ?? false
      }
      if !isSeenElsewhere { return DotCondition(value: operands[0], isSeen: isInFirst) }
    }
    return nil
  }

  /// The values of the stage behind the dot that depend on it, without what depends on it through `select` alone.
  private func dependents(besides select: BodyID?) -> Set<BodyID> {
    var result: Set<BodyID> = []
    for (number, instruction) in stages[1].body.enumerated() where BodyID(number) != select {
      let depends =
        switch instruction {
        case .reduced: true
        case .operation(_, let operands, _): operands.contains { result.contains($0) }
        case .load(let access): access.data.contains { result.contains($0.value) }
        case .constant, .index, .loadScratch: false
        }
      if depends { result.insert(BodyID(number)) }
    }
    return result
  }
}

import KilnIR

/// Reductions that are better a kernel of their own, over elements that lie side by side: those of few, long rows whose
/// elements are stored besides, as in a loss whose derivative is computed with it, and those along several axes that an
/// element in between does not walk as one. In one kernel with what they reduce they would run element by element, the
/// first kind on one thread.
extension Fuser {
  /// Rows shorter than this are left alone: a second kernel costs more than it saves.
  private static let worthSeparating = 1 << 15

  /// Takes what such a cluster computes for each element into a cluster of its own.
  mutating func separateLongReductions() {
    for cluster in set.drafts.indices where set.drafts[cluster].isAlive {
      let draft = set.drafts[cluster]
      let elementwise = draft.members.filter { extents(function.instructions[$0].result) == draft.domain }
      guard !elementwise.isEmpty, isLong(draft), elementwise.allSatisfy({ draft.depth[$0] == nil }),
        isShared(draft, elementwise) || !walksAsOne(draft)
      else { continue }
      // What is stored nowhere else is computed where it is reduced, if it can be.
      let stored = producers(of: elementwise.filter(isStored), among: elementwise)
      var rest = draft
      rest.members.removeAll(where: stored.contains)
      separate(stored.isEmpty || !walksAsOne(rest) ? elementwise : stored, from: cluster)
    }
  }

  private func isStored(_ id: InstructionID) -> Bool {
    function.instructions[id].results.contains(where: outputs.contains)
  }

  /// Those of `members`, in their order, on which `wanted` depend, and these themselves.
  private func producers(of wanted: [InstructionID], among members: [InstructionID]) -> [InstructionID] {
    var found = Set(wanted)
    for id in members.sorted().reversed() where found.contains(id) {
      for operand in function.instructions[id].operands {
        if case .value(let value, _) = base(of: operand), let producer = resolver.definitions[value] {
          found.insert(producer)
        }
      }
    }
    return members.filter(found.contains)
  }

  /// Whether the innermost axes are reduced, once, and have many elements, or as many as a call brings.
  private func isLong(_ draft: ClusterSet.Draft) -> Bool {
    let axes = draft.reducedAxes
    guard !axes.isEmpty, axes == Array(draft.domain.count - axes.count..<draft.domain.count),
      draft.depth.values.allSatisfy({ $0 <= 1 })
    else { return false }
    let elements = draft.domain.reduce(1, *)
    return Dimension.isAtLeast(elements, Dimension(Self.worthSeparating)) ?? true
  }

  /// Whether threads could share a row only if nothing but the reduction were in its kernel.
  private func isShared(_ draft: ClusterSet.Draft, _ elementwise: [InstructionID]) -> Bool {
    let rows = draft.keptExtents.reduce(1, *)
    return elementwise.contains(where: isStored) && Dimension.isAtLeast(Dimension(4 * device.threads - 1), rows) == true
  }

  /// Whether all that the cluster reads lies so that its reduced axes are walked as one.
  private func walksAsOne(_ draft: ClusterSet.Draft) -> Bool {
    let domain = IndexDomain(extents: draft.domain)
    let axes = draft.reducedAxes.filter { draft.domain[$0] != 1 }
    return draft.members.allSatisfy { member in
      let operands = function.instructions[member].operands
      return operands.allSatisfy { operand in
        guard extents(operand) == draft.domain else { return true }
        let index: LinearExpression
        switch resolver.resolve(operand, at: domain.identity(Array(draft.domain.indices)), in: domain) {
        case .source(let value, _):
          if case .source(.constant)? = resolver.definition(value)?.op { return true }
          return axes.count <= 1
        case .value(let value, let place), .buffer(let value, let place):
          index = domain.linearize(place, function.valueTypes[value].shape)
        }
        return zip(axes, axes.dropFirst()).allSatisfy { outer, inner in
          index.coefficients[outer] == index.coefficients[inner] * draft.domain[inner]
        }
      }
    }
  }

  private mutating func separate(_ elementwise: [InstructionID], from cluster: Int) {
    let new = set.split(elementwise, from: cluster, kind: .pointwise)
    for id in elementwise {
      for result in function.instructions[id].results { clusterOf[result] = new }
    }
    for id in set.drafts[cluster].members {
      for operand in function.instructions[id].operands {
        if case .value(let value, _) = base(of: operand), clusterOf[value] == new { outputs.insert(value) }
      }
    }
  }
}

import KilnIR

/// One instruction of several results in the reverse walk, in values of the derived function.
struct ControlUse {
  let operands: [ValueID]
  let results: [ValueID]
  /// The cotangent of each result; nil is zero. One is there.
  let cotangents: [ValueID?]
  /// Which operands a cotangent is wanted for; one is.
  let needed: [Bool]
}

extension Rewriter {
  mutating func controlPullback(_ op: ControlOp, _ use: ControlUse) throws(KilnError) -> [ValueID?] {
    switch op {
    case .stopGradient: return []
    case .barrier: return [use.cotangents[0]]
    case .custom(let custom): return try customPullback(custom, use)
    case .checkpoint(let callee, _): return try checkpointPullback(callee, use)
    case .call(let callee, _): throw noDerivative(of: "call", "@\(callee) must be inlined first")
    case .while:
      throw noDerivative(
        of: "while", "how often it runs is known only when it has run; a scan or fori, whose length is known, has one")
    case .cond(let then, let otherwise): return try condPullback(then, otherwise, use)
    // A scan that something needs was replaced by one that saves values, in the forward part.
    case .scan: return []
    }
  }

  /// The branches run again and pull back. What they compute again costs no more than they did; to save it would take
  /// the memory of both.
  private mutating func condPullback(
    _ then: String, _ otherwise: String, _ use: ControlUse
  ) throws(KilnError) -> [ValueID?] {
    let active = use.needed.indices.dropFirst().filter { use.needed[$0] }.map { $0 - 1 }
    let seeds = use.cotangents.indices.filter { use.cotangents[$0] != nil }
    var walks: [(walk: ReverseWalk, gradients: [ValueID?])] = []
    for name in [then, otherwise] {
      var walk = try ReverseWalk(body(name), as: "pullback", active: active, seeds: seeds, in: module)
      try walk.seedWithParameters(results: seeds)
      let gradients = try walk.partialGradients(active)
      extendModule(to: walk.rewriter.module)
      walks.append((walk, gradients))
    }
    // What neither branch depends on has no cotangent; where one does, the other gives zero.
    let kept = active.indices.filter { index in walks.contains { $0.gradients[index] != nil } }
    var parts = [ValueID?](repeating: nil, count: use.operands.count)
    if kept.isEmpty { return parts }
    var names: [String] = []
    for (number, branch) in [then, otherwise].enumerated() {
      var results: [ValueID] = []
      for index in kept { results.append(try walks[number].walk.orZero(walks[number].gradients[index], active[index])) }
      let function = try walks[number].walk.rewriter.finish(results).withoutDeadCode(in: module)
      names.append(module.unusedName("\(branch)_pullback"))
      try addFunction(function.renamed(names[number]))
    }
    let cotangents = use.cotangents.compactMap { $0 }
    let results = try emit(.control(.cond(then: names[0], else: names[1])), use.operands + cotangents)
    for (index, result) in zip(kept, results) { parts[active[index] + 1] = result }
    return parts
  }
}

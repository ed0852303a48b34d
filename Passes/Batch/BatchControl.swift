import KilnIR

/// Branches and loops for all examples at once.
extension BatchWalk {
  mutating func batch(_ op: ControlOp, _ operands: [BatchedValue]) throws(KilnError) -> [BatchedValue] {
    switch op {
    case .stopGradient: return [try mapped(.control(op), [operands[0].value])]
    case .call(let callee, _):
      throw KilnError(
        "vmap.C3", "call of @\(callee) cannot be batched: it must be inlined first", at: rewriter.location)
    case .barrier:
      let result = try emit(.control(op), operands.map(\.value))
      return [BatchedValue(result, isMapped: operands[0].isMapped)]
    case .custom(let custom): return try batchCustom(custom, operands)
    case .checkpoint(let callee, let captured): return try batchCheckpoint(callee, captured, operands)
    case .cond(let then, let otherwise): return try batchCond(then, otherwise, operands)
    case .while(let condition, let body, let captured): return try batchWhile(condition, body, captured, operands)
    case .scan(let scan): return try batchScan(scan, operands)
    }
  }

  /// Both branches run, each for its examples, and each example takes its own; a predicate that all share chooses as
  /// before.
  private mutating func batchCond(
    _ then: String, _ otherwise: String, _ operands: [BatchedValue]
  ) throws(KilnError) -> [BatchedValue] {
    let (predicate, inputs) = (operands[0], Array(operands.dropFirst()))
    let branches = [try body(then), try body(otherwise)]
    guard predicate.isMapped else { return try batchSharedCond(predicate.value, branches, inputs) }

    let isElse = try emit(.map(.not), [predicate.value])
    let thenMask = try narrowed(predicate.value)
    let elseMask = try narrowed(isElse)
    let location = rewriter.location
    let thenResults = try run(branches[0], guarded(inputs, by: thenMask), mask: thenMask)
    let elseResults = try run(branches[1], guarded(inputs, by: elseMask), mask: elseMask)
    try build { rewriter throws(KilnError) in rewriter.location = location }
    var results: [BatchedValue] = []
    for (x, y) in zip(thenResults, elseResults) {
      let isSame = x.value == y.value && x.isMapped == y.isMapped
      results.append(isSame ? x : BatchedValue(try selected(predicate.value, x, y), isMapped: true))
    }
    return results
  }

  private mutating func batchSharedCond(
    _ predicate: ValueID, _ branches: [Function], _ inputs: [BatchedValue]
  ) throws(KilnError) -> [BatchedValue] {
    let isMasked = needsMask(inputs, branches.contains { rewriter.module.canFail($0) })
    var walks: [(walk: BatchWalk, results: [BatchedValue])] = []
    var isWanted = branches[0].results.map { _ in false }
    for branch in branches {
      var walk = BatchWalk(rewriter.module.unusedName("\(branch.name)_vmap"), size: size, in: rewriter.module)
      let parameters = walk.addParameters(branch.parameters, isMapped: inputs.map(\.isMapped))
      let results = try walk.run(branch, parameters, mask: isMasked ? walk.addMask() : nil)
      for (index, result) in results.enumerated() where result.isMapped { isWanted[index] = true }
      // The functions that one branch needs are there for the other.
      try adopt(walk)
      walks.append((walk, results))
    }
    var names: [String] = []
    for (walk, results) in walks {
      var walk = walk
      let values = try walk.values(results, mappedWhere: isWanted)
      names.append(try add(walk, values))
    }
    let operands = [predicate] + inputs.map(\.value) + maskOperands(isMasked)
    return try results(.cond(then: names[0], else: names[1]), operands, isMapped: isWanted)
  }

  // MARK: - Help

  /// A function that the op names, without calls.
  func body(_ name: String) throws(KilnError) -> Function { try rewriter.body(name) }

  /// Takes over the functions that another walk has added.
  mutating func adopt(_ walk: BatchWalk) throws(KilnError) {
    try build { rewriter throws(KilnError) in rewriter.extendModule(to: walk.rewriter.module) }
  }

  /// Ends another walk and adds its function.
  mutating func add(_ walk: BatchWalk, _ results: [ValueID]) throws(KilnError) -> String {
    try build { rewriter throws(KilnError) in
      let base = walk.rewriter.name
      let name = rewriter.module.unusedName(base)
      try rewriter.addFunction(walk.rewriter.finish(results).withoutDeadCode(in: rewriter.module).renamed(name))
      return name
    }
  }

  /// The operands of the parameters that `addMask` adds.
  func maskOperands(_ isMasked: Bool) -> [ValueID] {
    guard isMasked, let mask else { return [] }
    return [mask.lanes, mask.any]
  }

  /// The results of an instruction of which some have a batch axis.
  mutating func results(
    _ op: ControlOp, _ operands: [ValueID], isMapped: [Bool]
  ) throws(KilnError) -> [BatchedValue] {
    let results = try build { rewriter throws(KilnError) in try rewriter.emit(.control(op), operands) }
    return zip(results, isMapped).map { BatchedValue($0, isMapped: $1) }
  }

  /// The examples of the mask here for which `predicate`, which has a batch axis, holds.
  mutating func narrowed(_ predicate: ValueID) throws(KilnError) -> LaneMask {
    let outer = mask
    return try build { rewriter throws(KilnError) in
      var lanes = predicate
      if let outer { lanes = try rewriter.map(.and, outer.lanes, predicate) }
      return LaneMask(lanes: lanes, any: try rewriter.reduce(.or, lanes, axes: [0]))
    }
  }

  /// For each example `x` where the predicate, which has a batch axis, holds, and `y` elsewhere.
  mutating func selected(
    _ predicate: ValueID, _ x: BatchedValue, _ y: BatchedValue
  ) throws(KilnError) -> ValueID {
    let (x, y) = (try mapped(x), try mapped(y))
    return try build { rewriter throws(KilnError) in
      let condition = try rewriter.broadcast(predicate, rewriter.type(of: x).shape, axes: [0])
      return try rewriter.select(condition, x, y)
    }
  }
}

extension Module {
  func canFail(_ name: String) -> Bool { self[name].map { canFail($0) } ?? false }

  /// Whether running `function` can fail or never end: it checks an index, or has a loop that data ends.
  func canFail(_ function: Function) -> Bool {
    function.instructions.elements.contains { instruction in
      switch instruction.op {
      case .indexing(let op): op.isChecked
      case .control(.while): true
      case .control(let op): op.callees.contains { canFail($0) }
      case .source, .map, .type, .movement, .reduction, .contraction: false
      }
    }
  }
}

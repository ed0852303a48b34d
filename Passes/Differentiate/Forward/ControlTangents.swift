import KilnIR

/// Branches and loops push tangents forward beside the values: each function that they run becomes one that takes and
/// gives tangents too.
extension Rewriter {
  mutating func pushControl(_ op: ControlOp, _ push: Push) throws(KilnError) -> [Dual] {
    switch op {
    case .stopGradient: return try emit(.control(op), push.operands).map { ($0, nil) }
    case .call(let callee, _): throw noDerivative(of: "call", "@\(callee) must be inlined first")
    case .barrier:
      let result = try emitOne(.control(op), push.operands)
      guard let tangent = push.tangents[0] else { return [(result, nil)] }
      return [(result, try emitOne(.control(op), [tangent] + push.operands.dropFirst()))]
    case .custom(let custom): return try pushCustom(custom, push)
    case .checkpoint(let callee, let captured): return try pushCheckpoint(callee, captured, push)
    case .cond(let then, let otherwise): return try pushCond(then, otherwise, push)
    case .while(let condition, let body, let captured): return try pushWhile(condition, body, captured, push)
    case .scan(let scan): return try pushScan(scan, push)
    }
  }

  private mutating func pushCond(_ then: String, _ otherwise: String, _ push: Push) throws(KilnError) -> [Dual] {
    let active = push.tangents.indices.dropFirst().filter { push.tangents[$0] != nil }
    var walks: [ForwardWalk] = []
    for name in [then, otherwise] {
      let branch = try body(name)
      var walk = ForwardWalk(
        branch, as: module.unusedName("\(name)_jvp"), active: active.map { $0 - 1 }, in: module)
      try walk.walk()
      // The functions that one branch needs are there for the other.
      extendModule(to: walk.rewriter.module)
      walks.append(walk)
    }
    let isActive = zip(walks[0].resultTangents, walks[1].resultTangents).map { $0 != nil || $1 != nil }
    var names: [String] = []
    for var walk in walks {
      let tangents = try walk.materialisedTangents(where: isActive)
      names.append(try add(walk, walk.results + tangents))
    }
    let results = try emit(
      .control(.cond(then: names[0], else: names[1])), push.operands + active.compactMap { push.tangents[$0] })
    return paired(Array(results.prefix(isActive.count)), Array(results.dropFirst(isActive.count)), isActive)
  }

  /// The loop carries the tangents of the carried values that get one in some turn, and runs as often as it would
  /// without.
  private mutating func pushWhile(
    _ condition: String, _ body: String, _ captured: Int, _ push: Push
  ) throws(KilnError) -> [Dual] {
    let (condition, body) = (try self.body(condition), try self.body(body))
    let count = push.operands.count - captured
    let segments = [count, captured]
    let (walk, isActive) = try stableWalk(body, carried: count, segments, push)
    extendModule(to: walk.rewriter.module)
    var bodyWalk = walk
    let tangents = try bodyWalk.materialisedTangents(where: Array(isActive.prefix(count)))
    let bodyName = try add(bodyWalk, bodyWalk.results + tangents)
    var test = ForwardWalk(
      condition, as: module.unusedName("\(condition.name)_jvp"), active: isActive.indices.filter { isActive[$0] },
      segments: segments, in: module)
    test.forgetTangents()
    try test.walk()
    extendModule(to: test.rewriter.module)
    let conditionName = try add(test, test.results)

    let operands = try loopOperands(push, isActive, segments)
    let capturedCount = captured + isActive.dropFirst(count).filter { $0 }.count
    let results = try emit(
      .control(.while(condition: conditionName, body: bodyName, captured: capturedCount)), operands)
    return paired(Array(results.prefix(count)), Array(results.dropFirst(count)), Array(isActive.prefix(count)))
  }

  private mutating func pushScan(_ scan: ControlOp.Scan, _ push: Push) throws(KilnError) -> [Dual] {
    let body = try self.body(scan.body)
    let segments = [scan.carried, push.operands.count - scan.carried - scan.captured, scan.captured]
    let (walk, isActive) = try stableWalk(body, carried: scan.carried, segments, push)
    extendModule(to: walk.rewriter.module)
    var bodyWalk = walk
    let isStacked = walk.resultTangents.enumerated().map { $0 < scan.carried ? isActive[$0] : $1 != nil }
    let tangents = try bodyWalk.materialisedTangents(where: isStacked)
    let carriedTangents = isActive.prefix(scan.carried).filter { $0 }.count
    let name = try add(
      bodyWalk,
      bodyWalk.results.prefix(scan.carried) + tangents.prefix(carriedTangents)
        + bodyWalk.results.dropFirst(scan.carried)
        + tangents.dropFirst(carriedTangents))

    var op = scan
    op.body = name
    op.carried += carriedTangents
    op.captured += isActive.suffix(scan.captured).filter { $0 }.count
    let results = try emit(.control(.scan(op)), loopOperands(push, isActive, segments))
    let stacked = body.results.count - scan.carried
    let carried = paired(
      Array(results.prefix(scan.carried)), Array(results[scan.carried..<op.carried]),
      Array(isStacked.prefix(scan.carried)))
    let ys = paired(
      Array(results[op.carried..<op.carried + stacked]), Array(results[(op.carried + stacked)...]),
      Array(isStacked.dropFirst(scan.carried)))
    return carried + ys
  }

  // MARK: - Custom derivatives and checkpoints

  /// The user's tangent rule; or the transpose of the user's pullback; or, where there is neither, that of the
  /// function.
  private mutating func pushCustom(_ custom: ControlOp.Custom, _ push: Push) throws(KilnError) -> [Dual] {
    let results = try emit(.control(.custom(custom)), push.operands)
    try requireNoCapturedDerivative(custom, push.tangents.map { $0 != nil })
    let real = (0..<push.operands.count - custom.captured).filter { type(of: push.operands[$0]).dtype.isReal }
    var tangents: [ValueID] = []
    for index in real { tangents.append(try tangent(index, of: push)) }
    if let tangent = custom.tangent {
      return paired(results, try inlined(body(tangent), push.operands + results + tangents), push.isReal)
    }
    if let pullback = custom.pullback {
      return paired(results, try transposed(body(pullback), push.operands + results, tangents), push.isReal)
    }
    let active = push.tangents.indices.filter { push.tangents[$0] != nil }
    var walk = ForwardWalk(try body(custom.callee), as: "\(custom.callee)_jvp", active: active, in: module)
    try walk.walk()
    let pushed = try walk.materialisedTangents(where: push.isReal)
    extendModule(to: walk.rewriter.module)
    let values = try inlined(walk.rewriter.finish(pushed), push.operands + active.compactMap { push.tangents[$0] })
    return paired(results, values, push.isReal)
  }

  /// A checkpoint of the function with its tangents.
  private mutating func pushCheckpoint(_ callee: String, _ captured: Int, _ push: Push) throws(KilnError) -> [Dual] {
    let active = push.tangents.indices.filter { push.tangents[$0] != nil }
    let segments = [push.operands.count - captured, captured]
    var walk = ForwardWalk(
      try body(callee), as: module.unusedName("\(callee)_jvp"), active: active, segments: segments, in: module)
    try walk.walk()
    extendModule(to: walk.rewriter.module)
    let isActive = walk.resultTangents.map { $0 != nil }
    let tangents = try walk.materialisedTangents(where: isActive)
    let name = try add(walk, walk.results + tangents)
    let op = ControlOp.checkpoint(callee: name, captured: captured + active.filter { $0 >= segments[0] }.count)
    let results = try emit(
      .control(op), loopOperands(push, push.tangents.map { $0 != nil }, segments))
    return paired(Array(results.prefix(isActive.count)), Array(results.dropFirst(isActive.count)), isActive)
  }

  // MARK: - Help

  /// Walks the body of a loop until the carried values that a turn gives a tangent are those that have one before it.
  /// - Returns: the walk, and whether each operand has a tangent.
  private func stableWalk(
    _ body: Function, carried: Int, _ segments: [Int], _ push: Push
  ) throws(KilnError) -> (ForwardWalk, isActive: [Bool]) {
    var isActive = push.tangents.map { $0 != nil }
    while true {
      var walk = ForwardWalk(
        body, as: module.unusedName("\(body.name)_jvp"), active: isActive.indices.filter { isActive[$0] },
        segments: segments, in: module)
      try walk.walk()
      var isStable = true
      for (index, tangent) in walk.resultTangents.prefix(carried).enumerated() where tangent != nil && !isActive[index]
      {
        isActive[index] = true
        isStable = false
      }
      if isStable { return (walk, isActive) }
    }
  }

  /// The operands of each segment, followed by their tangents where they have one.
  private mutating func loopOperands(
    _ push: Push, _ isActive: [Bool], _ segments: [Int]
  ) throws(KilnError) -> [ValueID] {
    var operands: [ValueID] = []
    var start = 0
    for count in segments {
      operands += push.operands[start..<start + count]
      for index in start..<start + count where isActive[index] { operands.append(try tangent(index, of: push)) }
      start += count
    }
    return operands
  }

  private mutating func add(_ walk: ForwardWalk, _ results: some Sequence<ValueID>) throws(KilnError) -> String {
    let name = module.unusedName(walk.rewriter.name)
    try addFunction(walk.rewriter.finish(Array(results)).withoutDeadCode(in: module).renamed(name))
    return name
  }

  private func paired(_ values: [ValueID], _ tangents: [ValueID], _ isActive: [Bool]) -> [Dual] {
    var rest = tangents.makeIterator()
    return zip(values, isActive).map { value, isActive in (value, isActive ? rest.next() : nil) }
  }
}

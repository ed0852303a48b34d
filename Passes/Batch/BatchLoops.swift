import KilnIR

extension BatchWalk {
  // MARK: - While

  /// Where the examples agree on the number of turns the loop stays as it is, on batched values. Otherwise it runs
  /// until all have finished, and those that have keep their values.
  mutating func batchWhile(
    _ condition: String, _ body: String, _ captured: Int, _ operands: [BatchedValue]
  ) throws(KilnError) -> [BatchedValue] {
    let (condition, body) = (try self.body(condition), try self.body(body))
    let count = operands.count - captured
    var isMapped = operands.map(\.isMapped)
    while true {
      var walk = loopWalk(body)
      let parameters = walk.addParameters(body.parameters, isMapped: isMapped)
      let walkMask = mask == nil ? nil : walk.addMask()
      let results = try walk.run(body, parameters, mask: walkMask)
      if grow(&isMapped, results.prefix(count)) { continue }

      var test = BatchWalk(
        walk.rewriter.module.unusedName("\(condition.name)_vmap"), size: size, in: walk.rewriter.module)
      let testParameters = test.addParameters(condition.parameters, isMapped: isMapped)
      let testMask = mask == nil ? nil : test.addMask()
      let predicate = try test.run(condition, testParameters, mask: testMask)[0]
      if predicate.isMapped { return try batchFreezingWhile(condition, body, count, operands) }

      let next = try walk.values(results, mappedWhere: Array(isMapped.prefix(count)))
      try adopt(test)
      let bodyName = try add(walk, next)
      var goesOn = predicate.value
      if let testMask { goesOn = try test.emit(.map(.and), [predicate.value, testMask.any]) }
      let conditionName = try add(test, [goesOn])
      let isMasked = mask != nil
      let inputs = try values(operands, mappedWhere: isMapped) + maskOperands(isMasked)
      let op = ControlOp.while(
        condition: conditionName, body: bodyName, captured: captured + maskOperands(isMasked).count)
      return try self.results(op, inputs, isMapped: Array(isMapped.prefix(count)))
    }
  }

  /// The loop carries which examples go on, then the carried values, all with a batch axis.
  private mutating func batchFreezingWhile(
    _ condition: Function, _ body: Function, _ count: Int, _ operands: [BatchedValue]
  ) throws(KilnError) -> [BatchedValue] {
    let isMapped = operands.enumerated().map { $0 < count || $1.isMapped }
    let lanesType = TensorType(.bool, .scalar)
    let location = rewriter.location
    // The values that the loop begins with are known here; the others are known to be in range only for those that are
    // here.
    let first = try mapped(run(condition, operands, mask: mask)[0])
    try build { rewriter throws(KilnError) in rewriter.location = location }
    let start = try narrowed(first).lanes

    var walk = loopWalk(body)
    let active = walk.addParameter(Function.Parameter("active", lanesType), isMapped: true)
    let parameters = walk.addParameters(body.parameters, isMapped: isMapped)
    let here = try walk.narrowed(active.value)
    let results = try walk.run(body, parameters, mask: here)
    var next: [BatchedValue] = []
    for (new, old) in zip(results, parameters) {
      next.append(BatchedValue(try walk.selected(active.value, new, old), isMapped: true))
    }
    let goesOn = try walk.mapped(walk.run(condition, next + parameters.dropFirst(count), mask: here)[0])
    let stillActive = try walk.emit(.map(.and), [active.value, goesOn])
    try adopt(walk)
    let bodyName = try add(walk, [stillActive] + next.map(\.value))

    var test = BatchWalk(rewriter.module.unusedName("\(condition.name)_vmap"), size: size, in: rewriter.module)
    let testActive = test.addParameter(Function.Parameter("active", lanesType), isMapped: true)
    _ = test.addParameters(body.parameters, isMapped: isMapped)
    let anyGoesOn = try test.emit(.reduction(.reduce(.or, axes: [0])), [testActive.value])
    let conditionName = try add(test, [anyGoesOn])

    let inputs = try [start] + values(operands, mappedWhere: isMapped)
    let op = ControlOp.while(condition: conditionName, body: bodyName, captured: operands.count - count)
    return Array(try self.results(op, inputs, isMapped: Array(repeating: true, count: count + 1)).dropFirst())
  }

  // MARK: - Scan

  /// The turns are those of one example; slices and carried values that depend on batched ones are batched.
  mutating func batchScan(_ scan: ControlOp.Scan, _ operands: [BatchedValue]) throws(KilnError) -> [BatchedValue] {
    let body = try self.body(scan.body)
    let isMasked = needsMask(operands, rewriter.module.canFail(body))
    let sliced = scan.carried..<operands.count - scan.captured
    var isMapped = operands.map(\.isMapped)
    while true {
      var walk = loopWalk(body)
      let parameters = walk.addParameters(body.parameters, isMapped: isMapped)
      let results = try walk.run(body, parameters, mask: isMasked ? walk.addMask() : nil)
      if grow(&isMapped, results.prefix(scan.carried)) { continue }

      let isWanted = results.enumerated().map { $0 < scan.carried ? isMapped[$0] : $1.isMapped }
      try adopt(walk)
      let next = try walk.values(results, mappedWhere: isWanted)
      let name = try add(walk, next)
      var inputs = try values(operands, mappedWhere: isMapped)
      for index in sliced where isMapped[index] { inputs[index] = try swappingFirstAxes(inputs[index]) }
      var op = scan
      op.body = name
      op.captured += maskOperands(isMasked).count
      var outputs = try self.results(.scan(op), inputs + maskOperands(isMasked), isMapped: isWanted)
      for index in scan.carried..<outputs.count where isWanted[index] {
        outputs[index].value = try swappingFirstAxes(outputs[index].value)
      }
      return outputs
    }
  }

  /// Turns and examples change places.
  private mutating func swappingFirstAxes(_ value: ValueID) throws(KilnError) -> ValueID {
    try build { rewriter throws(KilnError) in
      try rewriter.transpose(value, [1, 0] + Array(2..<rewriter.type(of: value).rank))
    }
  }

  // MARK: - Help

  private func loopWalk(_ body: Function) -> BatchWalk {
    BatchWalk(rewriter.module.unusedName("\(body.name)_vmap"), size: size, in: rewriter.module)
  }

  /// Carried values that a turn gives a batch axis have one from the start.
  /// - Returns: whether there are more such values than were thought.
  private func grow(_ isMapped: inout [Bool], _ results: some Sequence<BatchedValue>) -> Bool {
    var isGrown = false
    for (index, result) in results.enumerated() where result.isMapped && !isMapped[index] {
      isMapped[index] = true
      isGrown = true
    }
    return isGrown
  }
}

import KilnIR

/// How `cond`, `while` and `scan` become regions.
extension FunctionLowering {
  /// Regions of regions are walked by recursion, so their depth is limited.
  static let maximumDepth = 256

  /// - Throws: `lower.C1` for a callee that the module does not have, `lower.C2` for regions nested too deeply.
  mutating func lower(_ item: ControlItem, _ body: inout FunctionBody) throws(KilnError) -> [RegionNode] {
    if body.depth >= Self.maximumDepth {
      throw KilnError(
        "lower.C2", "control flow is nested more than \(Self.maximumDepth) levels deep here", at: item.location)
    }
    let operands = item.operands.map { buffer(of: $0, &body) }
    let results = item.results.map { buffer(of: $0, &body) }
    switch item.op {
    case .call, .custom, .checkpoint, .stopGradient, .barrier: return []
    case .cond(let then, let otherwise):
      // A false predicate is region 0.
      let regions = try [otherwise, then].map { name throws(KilnError) in
        try lower(
          callee(name, item), parameters: Array(operands.dropFirst()), targets: results.map { Target(buffer: $0) },
          loops: body.loops, depth: body.depth + 1
        ).nodes
      }
      return [.branch(regions, selector: operands[0])]
    case .while(let condition, let step, let captured):
      let loop = newLoop()
      let parameters = results + operands.suffix(captured)
      let test = try lower(
        callee(condition, item), parameters: parameters, targets: [nil], loops: body.loops + [loop],
        depth: body.depth + 1)
      let turn = try lower(
        callee(step, item), parameters: parameters, targets: carriedTargets(results), loops: body.loops + [loop],
        depth: body.depth + 1)
      return moves(from: operands, to: results)
        + [.loop(number: loop, condition: test.nodes, body: turn.nodes, predicate: test.results[0])]
    case .scan(let scan): return try lower(scan, item, operands, results, body)
    }
  }

  private mutating func lower(
    _ scan: ControlOp.Scan, _ item: ControlItem, _ operands: [BufferID], _ results: [BufferID], _ body: FunctionBody
  ) throws(KilnError) -> [RegionNode] {
    let carried = Array(results.prefix(scan.carried))
    let moves = moves(from: Array(operands.prefix(scan.carried)), to: carried)
    if scan.length == 0 { return moves }
    let loop = newLoop()
    let loops = body.loops + [loop]
    func element(of whole: BufferID) -> BufferID {
      // Fusion may have bound a value of another shape with the same bytes.
      let stacked = buffers[whole].type
      let type =
        stacked.shape.first == scan.length
        ? stacked.element : TensorType(stacked.dtype, Shape([stacked.shape.size / scan.length]))
      return newBuffer(type, .element(of: whole, loop: loop), loops, "\(buffers[whole].name)[turn]")
    }
    let function = try callee(scan.body, item)
    var parameters = carried
    for x in operands.dropLast(scan.captured).dropFirst(scan.carried) { parameters.append(element(of: x)) }
    parameters += operands.suffix(scan.captured)
    var targets = carriedTargets(carried)
    for y in results.dropFirst(scan.carried) { targets.append(Target(buffer: element(of: y))) }
    let turn = try lower(function, parameters: parameters, targets: targets, loops: loops, depth: body.depth + 1)
    return moves + [.repeat(number: loop, count: scan.length, isReversed: scan.isReversed, body: turn.nodes)]
  }

  /// The next carried values replace the present ones, which are parameters of the same number.
  private func carriedTargets(_ buffers: [BufferID]) -> [Target?] {
    buffers.enumerated().map { Target(buffer: $1, parameter: $0, replacesParameter: true) }
  }

  /// Brings the first carried values to where they are carried.
  private mutating func moves(from operands: [BufferID], to carried: [BufferID]) -> [RegionNode] {
    zip(operands, carried).filter { $0 != $1 }.map { move(from: $0, to: $1, isMove: true) }.filter { !$0.isEmptyMove }
  }

  private func callee(_ name: String, _ item: ControlItem) throws(KilnError) -> Function {
    guard let function = module[name] else {
      throw KilnError(
        "lower.C1", "\(item.op.spelling) runs @\(name), which the module does not have", at: item.location)
    }
    return function
  }
}

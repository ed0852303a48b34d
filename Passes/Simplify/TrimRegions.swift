import KilnIR

extension Pass {
  /// Leaves out what branches and loops compute, carry or take without need: results that are not used, carried values
  /// that only keep themselves alive, operands that no function reads. A carried value that no turn changes becomes a
  /// captured one. Functions that change take new names, for others may run them too.
  package static func trimRegions(of entry: String) -> Pass {
    Pass("trim(\(entry))") { module throws(KilnError) in
      let function = try module.require(entry)
      if module.functions.count <= 1 { return module }
      var trimming = RegionTrimming(module)
      try trimming.add(function, as: entry, results: nil)
      return trimming.result
    }
  }
}

/// Builds functions again from the entry inwards: what a caller does not use decides what its callees still do.
private struct RegionTrimming {
  private let module: Module
  private(set) var result = Module()
  /// The same function trimmed in the same way is made once.
  private var made: [Key: String] = [:]

  private struct Key: Hashable {
    var function: String
    var parameters: [Int]
    var results: [Int]
  }

  init(_ module: Module) { self.module = module }

  /// Adds the function that takes the parameters `parameters` (nil: all) of `function` and gives its results `results`
  /// (nil: all).
  mutating func add(
    _ function: Function, as name: String, parameters: [Int]? = nil, results: [Int]?
  ) throws(KilnError) {
    let wanted = (results ?? Array(function.results.indices)).map { function.results[$0] }
    var isUsed = EntityTable<ValueID, Bool>(repeating: false, count: function.valueTypes.count)
    for value in wanted { isUsed[value] = true }
    // From the end, for what an op is no longer given is not used by it. Callees are added here, before their caller.
    var isLive = EntityTable<InstructionID, Bool>(repeating: false, count: function.instructions.count)
    var plans: [InstructionID: Trimmed] = [:]
    for id in function.instructions.ids.reversed() {
      let instruction = function.instructions[id]
      guard instruction.results.contains(where: { isUsed[$0] }) else { continue }
      isLive[id] = true
      plans[id] = try trimmed(instruction, isUsed)
      let read = plans[id].map { $0.operands + $0.passedOn.map(\.operand) } ?? Array(instruction.operands.indices)
      for operand in read { isUsed[instruction.operands[operand]] = true }
    }
    var rewriter = Rewriter(name, in: result)
    rewriter.inherit(function)
    var values = EntityTable<ValueID, ValueID?>(repeating: nil, count: function.valueTypes.count)
    for index in parameters ?? Array(function.parameters.indices) {
      values[ValueID(index)] = rewriter.addParameter(function.parameters[index])
    }
    for id in function.instructions.ids where isLive[id] {
      let instruction = function.instructions[id]
      rewriter.location = function.locations[id]
      guard let plan = plans[id] else {
        let operands = instruction.operands.compactMap { values[$0] }
        for (old, new) in zip(instruction.results, try rewriter.emit(instruction.op, operands)) { values[old] = new }
        continue
      }
      let operands = plan.operands.compactMap { values[instruction.operands[$0]] }
      let first = instruction.firstResult.index
      for (old, new) in zip(plan.results, try rewriter.emit(.control(plan.op), operands)) {
        values[ValueID(first + old)] = new
      }
      for (old, operand) in plan.passedOn { values[ValueID(first + old)] = values[instruction.operands[operand]] }
    }
    try result.add(rewriter.finish(wanted.compactMap { values[$0] }))
  }

  /// An op with less to do.
  private struct Trimmed {
    var op: ControlOp
    /// The operands that stay, by number.
    var operands: [Int]
    /// The results that stay, by number.
    var results: [Int]
    /// Results that are operands.
    var passedOn: [(result: Int, operand: Int)] = []
  }

  private mutating func trimmed(
    _ instruction: Instruction, _ isUsed: EntityTable<ValueID, Bool>
  ) throws(KilnError) -> Trimmed? {
    guard case .control(let op) = instruction.op else { return nil }
    let used = instruction.results.enumerated().filter { isUsed[$1] }.map(\.offset)
    switch op {
    case .stopGradient, .barrier: return nil
    case .call, .custom, .checkpoint:
      for callee in op.callees { try keep(callee) }
      return nil
    case .cond(let then, let otherwise):
      let branches = [try module.require(then), try module.require(otherwise)]
      let reads = branches.map { $0.parametersRead(by: used) }
      let inputs = branches[0].parameters.indices.filter { reads[0].contains($0) || reads[1].contains($0) }
      return Trimmed(
        op: .cond(then: try name(branches[0], inputs, used), else: try name(branches[1], inputs, used)),
        operands: [0] + inputs.map { $0 + 1 }, results: used)
    case .while(let condition, let body, let captured):
      let (test, turn) = (try module.require(condition), try module.require(body))
      let carriedCount = instruction.operands.count - captured
      var loop = LoopTrimming(turn, carried: carriedCount, used: used)
      loop.require(test.parametersRead(by: [0]))
      let kept = loop.keptCarried + loop.fixed + loop.captured(from: carriedCount)
      let fixedCount = kept.count - loop.keptCarried.count
      return Trimmed(
        op: .while(
          condition: try name(test, kept, [0]), body: try name(turn, kept, loop.keptCarried), captured: fixedCount),
        operands: kept, results: loop.keptCarried, passedOn: loop.passedOn)
    case .scan(var scan):
      let turn = try module.require(scan.body)
      let firstCaptured = instruction.operands.count - scan.captured
      let loop = LoopTrimming(turn, carried: scan.carried, used: used)
      let xs = (scan.carried..<firstCaptured).filter(loop.reads.contains)
      let fixed = loop.fixed + loop.captured(from: firstCaptured)
      let ys = used.filter { $0 >= scan.carried }
      let kept = loop.keptCarried + xs + fixed
      scan.body = try name(turn, kept, loop.keptCarried + ys)
      (scan.carried, scan.captured) = (loop.keptCarried.count, fixed.count)
      return Trimmed(op: .scan(scan), operands: kept, results: loop.keptCarried + ys, passedOn: loop.passedOn)
    }
  }

  /// The name of the function that takes and gives these.
  private mutating func name(_ function: Function, _ parameters: [Int], _ results: [Int]) throws(KilnError) -> String {
    let key = Key(function: function.name, parameters: parameters, results: results)
    if let known = made[key] { return known }
    let isWhole = parameters == Array(function.parameters.indices) && results == Array(function.results.indices)
    // A function that stays as it is keeps its name; a new name must be free there, too.
    var name = isWhole && result[function.name] == nil ? function.name : result.unusedName("\(function.name)_part")
    while !isWhole && module[name] != nil { name = result.unusedName(name + "_") }
    made[key] = name
    try add(function, as: name, parameters: parameters, results: results)
    return name
  }

  private mutating func keep(_ callee: String) throws(KilnError) {
    if result[callee] == nil { try add(module.require(callee), as: callee, results: nil) }
  }
}

/// Which carried values a loop needs.
private struct LoopTrimming {
  private let body: Function
  private let carriedCount: Int
  /// Carried values that a result or a needed value of the next turn depends on.
  private var needed: Set<Int>
  private let ys: [Int]
  /// The parameters of the body that a needed result reads.
  private(set) var reads: Set<Int> = []

  init(_ body: Function, carried: Int, used: [Int]) {
    self.body = body
    carriedCount = carried
    needed = Set(used.filter { $0 < carried })
    ys = used.filter { $0 >= carried }
    grow()
  }

  /// The parameters in `others` are read by somebody else, too.
  mutating func require(_ others: Set<Int>) {
    needed.formUnion(others.filter { $0 < carriedCount })
    reads.formUnion(others)
    grow()
  }

  private mutating func grow() {
    while true {
      reads.formUnion(body.parametersRead(by: needed.sorted() + ys))
      let grown = needed.union(reads.filter { $0 < carriedCount })
      if grown == needed { return }
      needed = grown
    }
  }

  private func isFixed(_ number: Int) -> Bool { body.results[number] == ValueID(number) }

  /// Carried values that turns change.
  var keptCarried: [Int] { needed.filter { !isFixed($0) }.sorted() }

  /// Carried values that no turn changes, and that are read.
  var fixed: [Int] { needed.filter { isFixed($0) && reads.contains($0) }.sorted() }

  func captured(from first: Int) -> [Int] { reads.filter { $0 >= first }.sorted() }

  var passedOn: [(result: Int, operand: Int)] { needed.filter(isFixed).sorted().map { ($0, $0) } }
}

extension Function {
  /// The parameters that the results of these numbers depend on.
  fileprivate func parametersRead(by results: [Int]) -> Set<Int> {
    let wanted = results.map { self.results[$0] }
    let isLive = liveInstructions(for: wanted)
    var read = Set(wanted)
    for id in instructions.ids where isLive[id] { read.formUnion(instructions[id].operands) }
    return Set(parameters.indices.filter { read.contains(ValueID($0)) })
  }
}

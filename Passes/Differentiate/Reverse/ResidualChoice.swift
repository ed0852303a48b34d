import KilnIR

/// Which values of a joint function (a body, then its pullback) are saved between the two parts.
struct ResidualChoice {
  /// Values of the first part that the second one reads, in program order.
  private(set) var saved: [ValueID] = []
  /// Parameters that the second part reads, where they are at hand again.
  private(set) var parameters: [Int] = []

  /// - Parameters:
  ///   - primalCount: how many parameters belong to the body; the others are cotangents.
  ///   - kept: the parameters that the second part can read again.
  ///   - wanted: the results of the second part.
  init(_ joint: Function, primalCount: Int, kept: Range<Int>, wanted: [ValueID]) {
    var dependsOnCotangents = EntityTable<ValueID, Bool>(repeating: false, count: joint.valueTypes.count)
    for index in primalCount..<joint.parameters.count { dependsOnCotangents[ValueID(index)] = true }
    for instruction in joint.instructions.elements
    where instruction.operands.contains(where: { dependsOnCotangents[$0] }) {
      for result in instruction.results { dependsOnCotangents[result] = true }
    }
    var isNeeded = EntityTable<ValueID, Bool>(repeating: false, count: joint.valueTypes.count)
    for value in wanted { isNeeded[value] = true }
    for instruction in joint.instructions.elements.reversed() {
      guard instruction.results.contains(where: { isNeeded[$0] }) else { continue }
      let isSecondPart = instruction.results.contains { dependsOnCotangents[$0] }
      func isAtHand(_ value: ValueID) -> Bool { isNeeded[value] || kept.contains(value.index) }
      if isSecondPart || Self.isComputedAgain(instruction, joint, isAtHand) {
        for operand in instruction.operands { isNeeded[operand] = true }
      } else {
        saved += instruction.results.filter { isNeeded[$0] }
      }
    }
    for index in 0..<primalCount where isNeeded[ValueID(index)] {
      if kept.contains(index) { parameters.append(index) } else { saved.append(ValueID(index)) }
    }
    saved.sort()
  }

  /// Whether an instruction of the first part runs again in the second one: it costs next to nothing, and takes no more
  /// memory than its result would.
  private static func isComputedAgain(
    _ instruction: Instruction, _ joint: Function, _ isAtHand: (ValueID) -> Bool
  ) -> Bool {
    let newOperands = Set(instruction.operands.filter { !isAtHand($0) && !isConstant($0, joint) })
    func bytes(_ value: ValueID) -> Int { joint.valueTypes[value].byteCount }
    let isSmaller = newOperands.reduce(0) { $0 + bytes($1) } <= instruction.results.reduce(0) { $0 + bytes($1) }
    switch instruction.op {
    case .source(.constant), .source(.iota): return true
    case .source(.dimensionSize): return false
    case .movement(let op):
      switch op {
      case .reshape, .broadcast, .transpose, .slice, .reverse, .windows: return isSmaller
      case .pad, .concatenate, .overlapAdd: return false
      }
    case .control(.stopGradient): return true
    case .map(let function): return function.cost <= 2 && isSmaller
    case .type: return isSmaller
    case .reduction, .contraction, .indexing, .control: return false
    }
  }

  private static func isConstant(_ value: ValueID, _ function: Function) -> Bool {
    guard let id = function.definition(of: value) else { return false }
    if case .source = function.instructions[id].op { return true }
    return false
  }
}

extension Function {
  /// The instruction that defines `value`: results are numbered in program order, so it is found by bisection.
  fileprivate func definition(of value: ValueID) -> InstructionID? {
    guard !isParameter(value) else { return nil }
    var (low, high) = (0, instructions.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if instructions[InstructionID(middle)].firstResult <= value { low = middle } else { high = middle }
    }
    return low < instructions.count ? InstructionID(low) : nil
  }

  /// Copies what `wanted` needs into `rewriter`, down to the `known` values.
  /// - Returns: the new value of each.
  func copy(
    _ wanted: [ValueID], known: [ValueID: ValueID], into rewriter: inout Rewriter
  ) throws(KilnError) -> [ValueID] {
    var values = known
    rewriter.inherit(self)
    var isNeeded = EntityTable<ValueID, Bool>(repeating: false, count: valueTypes.count)
    for value in wanted where known[value] == nil { isNeeded[value] = true }
    var copied: [InstructionID] = []
    for id in instructions.ids.reversed() {
      let instruction = instructions[id]
      guard instruction.results.contains(where: { isNeeded[$0] }) else { continue }
      copied.append(id)
      for operand in instruction.operands where known[operand] == nil { isNeeded[operand] = true }
    }
    for id in copied.reversed() {
      let instruction = instructions[id]
      rewriter.location = locations[id]
      let results = try rewriter.emit(instruction.op, instruction.operands.compactMap { values[$0] })
      for (old, new) in zip(instruction.results, results) where values[old] == nil { values[old] = new }
    }
    return wanted.compactMap { values[$0] }
  }

  /// The part of the function that leads from some of its parameters to `results`.
  func part(
    named name: String, from parameters: [ValueID], results: [ValueID], in module: Module
  ) throws(KilnError) -> Function {
    var rewriter = Rewriter(name, in: module)
    var known: [ValueID: ValueID] = [:]
    for parameter in parameters { known[parameter] = rewriter.addParameter(self.parameters[parameter.index]) }
    let values = try copy(results, known: known, into: &rewriter)
    return rewriter.finish(values)
  }
}

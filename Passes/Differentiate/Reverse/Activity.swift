import KilnIR

/// Finds which values depend on some parameters through reals, across branches and turns of loops.
final class Activity {
  private struct Key: Hashable {
    var function: String
    var parameters: [Bool]
  }

  private let module: Module
  /// A body is looked at once for each set of parameters, however deep it is nested.
  private var known: [Key: [Bool]] = [:]

  init(_ module: Module) { self.module = module }

  func values(of function: Function, parameters: [Bool]) throws(KilnError) -> EntityTable<ValueID, Bool> {
    var isActive = EntityTable<ValueID, Bool>(repeating: false, count: function.valueTypes.count)
    for (index, parameter) in parameters.enumerated() { isActive[ValueID(index)] = parameter }
    for instruction in function.instructions.elements where instruction.op != .control(.stopGradient) {
      let operands = instruction.operands.map { isActive[$0] }
      guard operands.contains(true) else { continue }
      let results = try results(of: instruction, operands)
      for (result, active) in zip(instruction.results, results) where function.valueTypes[result].dtype.isReal {
        isActive[result] = active
      }
    }
    return isActive
  }

  private func results(of instruction: Instruction, _ operands: [Bool]) throws(KilnError) -> [Bool] {
    let all = [Bool](repeating: true, count: instruction.resultCount)
    guard case .control(let op) = instruction.op else { return all }
    switch op {
    case .stopGradient: return all.map { _ in false }
    case .call(let callee, _), .checkpoint(let callee, _): return try results(of: callee, operands)
    // Its rule may say anything.
    case .custom: return all
    case .barrier: return [operands[0]]
    case .cond(let then, let otherwise):
      let first = try results(of: then, Array(operands.dropFirst()))
      return try zip(first, results(of: otherwise, Array(operands.dropFirst()))).map { $0 || $1 }
    case .while(_, let body, let captured):
      let carried = operands.count - captured
      return Array(try stable(body, operands, carried: carried).prefix(carried))
    case .scan(let scan):
      return try results(of: scan.body, stable(scan.body, operands, carried: scan.carried))
    }
  }

  /// The operands of a loop that are active in some turn.
  func stable(_ body: String, _ operands: [Bool], carried: Int) throws(KilnError) -> [Bool] {
    var operands = operands
    while true {
      let next = try results(of: body, operands).prefix(carried)
      let grown = zip(operands, next).map { $0 || $1 } + operands.dropFirst(carried)
      if grown == operands { return operands }
      operands = grown
    }
  }

  func results(of name: String, _ parameters: [Bool]) throws(KilnError) -> [Bool] {
    let key = Key(function: name, parameters: parameters)
    if let results = known[key] { return results }
    let function = try module.require(name)
    let isActive = try values(of: function, parameters: parameters)
    let results = function.results.map { isActive[$0] }
    known[key] = results
    return results
  }
}

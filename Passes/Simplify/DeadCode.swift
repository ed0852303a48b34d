package import KilnIR

extension Pass {
  /// Drops the instructions that no result needs, and builds equal ones once.
  ///
  /// An instruction whose results are not needed does not run, so it does not report an index out of bounds either.
  package static let eliminateDeadCode = Pass.perFunction("dce") { function, module throws(KilnError) in
    try function.withoutDeadCode(in: module)
  }

  /// Builds every function again, so that equal instructions become one.
  package static let eliminateCommonSubexpressions = Pass.perFunction("cse") { function, module throws(KilnError) in
    try function.rebuilt(in: module)
  }
}

extension Function {
  /// Whether each instruction has a result that some values need; nil: the function's results.
  package func liveInstructions(for wanted: [ValueID]? = nil) -> EntityTable<InstructionID, Bool> {
    var needed = EntityTable<ValueID, Bool>(repeating: false, count: valueTypes.count)
    var live = EntityTable<InstructionID, Bool>(repeating: false, count: instructions.count)
    for value in wanted ?? results { needed[value] = true }
    for id in instructions.ids.reversed() {
      let instruction = instructions[id]
      guard instruction.results.contains(where: { needed[$0] }) else { continue }
      live[id] = true
      for operand in instruction.operands { needed[operand] = true }
    }
    return live
  }

  package func withoutDeadCode(in module: Module) throws(KilnError) -> Function {
    let live = liveInstructions()
    if live.elements.allSatisfy({ $0 }) { return self }
    var rewriter = Rewriter(name, in: module)
    rewriter.inherit(self)
    var values = EntityTable<ValueID, ValueID?>(repeating: nil, count: valueTypes.count)
    for (index, parameter) in parameters.enumerated() { values[ValueID(index)] = rewriter.addParameter(parameter) }
    for id in instructions.ids where live[id] {
      let instruction = instructions[id]
      rewriter.location = locations[id]
      // Operands of a live instruction are live, so each has its new value.
      let results = try rewriter.emit(instruction.op, instruction.operands.compactMap { values[$0] })
      for (old, new) in zip(instruction.results, results) { values[old] = new }
    }
    return rewriter.finish(results.compactMap { values[$0] })
  }
}

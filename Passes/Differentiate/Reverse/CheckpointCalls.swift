import KilnIR

extension Pass {
  /// Calls of `callee` become checkpoints: derivatives compute its values again instead of keeping them.
  package static func checkpoint(callsOf callee: String) -> Pass {
    Pass("checkpoint(\(callee))") { module throws(KilnError) in
      _ = try module.require(callee)
      var result = Module()
      for function in module.functions { try result.add(function.checkpointing(callee)) }
      return result
    }
  }
}

extension Function {
  fileprivate func checkpointing(_ callee: String) -> Function {
    let instructions = instructions.elements.map { instruction in
      guard case .control(.call(callee, let captured)) = instruction.op else { return instruction }
      return Instruction(
        op: .control(.checkpoint(callee: callee, captured: captured)), operands: instruction.operands,
        firstResult: instruction.firstResult, resultCount: instruction.resultCount)
    }
    return Function(
      name: name, parameters: parameters, instructions: EntityTable(instructions), results: results,
      requirements: requirements, valueTypes: valueTypes, locations: locations)
  }
}

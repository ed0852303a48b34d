import KilnIR

extension Traced {
  /// How many operations on real numbers the program is: two for each product of a contraction, one for each element
  /// of any other result that is computed from real numbers, and for each element that is reduced. Loops count all
  /// turns, a branch its longer side, and a `while` one turn.
  package var operationCount: Int { module.operationCount(of: function) }
}

extension Module {
  fileprivate func operationCount(of function: Function) -> Int {
    var count = 0
    for instruction in function.instructions.elements {
      let operands: [TensorType] = instruction.operands.map { function.valueTypes[$0] }
      let results: [TensorType] = instruction.results.map { function.valueTypes[$0] }
      let new = operationCount(of: instruction.op, operands, results)
      count = count.addingReportingOverflow(new).overflow ? .max : count + new
    }
    return count
  }

  private func operationCount(of op: Op, _ operands: [TensorType], _ results: [TensorType]) -> Int {
    func callee(_ name: String) -> Int { self[name].map { operationCount(of: $0) } ?? 0 }
    switch op {
    case .contraction(let contraction):
      return 2 * ([contraction.termCount(operands[0], operands[1])] as Shape).elementCount
        * results[0].shape.elementCount
    case .map: return operands.contains(where: \.dtype.isReal) ? results[0].shape.elementCount : 0
    case .reduction: return operands[0].dtype.isReal ? operands[0].shape.elementCount : 0
    case .source, .type, .movement, .indexing: return 0
    case .control(let control):
      switch control {
      case .stopGradient, .barrier: return 0
      case .call(let name, _), .checkpoint(let name, _): return callee(name)
      case .custom(let custom): return callee(custom.callee)
      case .cond(let then, let otherwise): return max(callee(then), callee(otherwise))
      case .while(let condition, let body, _): return callee(condition) + callee(body)
      case .scan(let scan): return callee(scan.body) * ([scan.length] as Shape).elementCount
      }
    }
  }
}

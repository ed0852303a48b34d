package import KilnIR

/// Numbers of a program as operands: a program that is run again and again with other numbers is compiled once.
package enum ConstantLifting {
  /// The constants of all functions, in order. Constants are counted in this order.
  package static func literals(of module: Module) -> [Literal] {
    var literals: [Literal] = []
    for function in module.functions {
      for instruction in function.instructions.elements {
        if case .source(.constant(let literal)) = instruction.op { literals.append(literal) }
      }
    }
    return literals
  }

  /// The type of the operand that takes the place of a constant: one number where all its elements are equal.
  package static func operandType(of literal: Literal) -> TensorType {
    literal.splat == nil ? literal.type : TensorType(literal.type.dtype, .scalar)
  }

  /// The module with hidden parameters instead of some constants: each function takes all of them, after its own
  /// parameters, and passes them on. Transforms have been applied: rules of their own that functions have are dropped.
  ///
  /// - Parameter positions: which constants, in ascending order.
  package static func lift(_ positions: [Int], of module: Module) throws(KilnError) -> Module {
    let literals = literals(of: module)
    let types = positions.map { operandType(of: literals[$0]) }
    let order = Dictionary(uniqueKeysWithValues: positions.enumerated().map { ($1, $0) })
    var result = Module()
    var count = 0
    for function in module.functions {
      var numbers: [InstructionID: Int] = [:]
      for id in function.instructions.ids {
        guard case .source(.constant) = function.instructions[id].op else { continue }
        numbers[id] = order[count]
        count += 1
      }
      try result.add(lift(numbers, types, of: function, in: result))
    }
    return result
  }

  /// - Parameter numbers: which operand takes the place of an instruction.
  private static func lift(
    _ numbers: [InstructionID: Int], _ types: [TensorType], of function: Function, in module: Module
  ) throws(KilnError) -> Function {
    var rewriter = Rewriter(function.name, in: module)
    let parameters = function.parameters.map { rewriter.addParameter($0) }
    let taken = Set(function.parameters.map(\.name))
    var lifted: [ValueID] = []
    for (index, type) in types.enumerated() {
      var name = "number\(index)"
      while taken.contains(name) { name += "_" }
      lifted.append(rewriter.addParameter(Function.Parameter(name, type, isHidden: true)))
    }
    let values = try rewriter.copyBody(of: function, arguments: parameters) {
      rewriter, id, operands throws(KilnError) in
      let instruction = function.instructions[id]
      if let number = numbers[id] {
        return [try rewriter.broadcast(lifted[number], function.valueTypes[instruction.result].shape)]
      }
      guard case .control(let op) = instruction.op, !op.callees.isEmpty else { return nil }
      return try rewriter.emit(.control(op.capturing(lifted.count)), operands + lifted)
    }
    return rewriter.finish(function.results.map { values[$0] })
  }
}

extension Rewriter {
  /// A number, or a tensor of this shape, everywhere in it.
  fileprivate mutating func broadcast(_ number: ValueID, _ shape: Shape) throws(KilnError) -> ValueID {
    type(of: number).shape == shape ? number : try broadcast(number, shape, axes: [])
  }
}

extension ControlOp {
  /// The op with `count` more captured operands, the last ones.
  fileprivate func capturing(_ count: Int) -> ControlOp {
    switch self {
    case .call(let callee, let captured), .checkpoint(let callee, let captured):
      return .call(callee: callee, captured: captured + count)
    case .custom(let custom): return .call(callee: custom.callee, captured: custom.captured + count)
    case .cond, .stopGradient, .barrier: return self
    case .while(let condition, let body, let captured):
      return .while(condition: condition, body: body, captured: captured + count)
    case .scan(var scan):
      scan.captured += count
      return .scan(scan)
    }
  }
}

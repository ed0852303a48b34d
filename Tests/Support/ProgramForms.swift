import KilnIR

extension RandomProgram {
  /// How often forms occur that have to do with more than one instruction, or with special attributes of one:
  /// - `none OP` and `unit OP`: a reduction over no axes, or only over axes of one element;
  /// - `chain N`: a reduction that reads another through movement ops, N reductions deep;
  /// - `equal OP`: an op with one value at two operands, and `equal types OP`, which could have had;
  /// - `orders OP`: a function that is run with one value for two parameters reads one elementwise, the other not.
  public var formCounts: [String: Int] {
    module.functions.reduce(into: [:]) { counts, function in
      for id in function.instructions.ids {
        for form in forms(of: id, in: function) { counts[form, default: 0] += 1 }
      }
    }
  }

  private func forms(of id: InstructionID, in function: Function) -> [String] {
    let instruction = function.instructions[id]
    let label = Self.label(of: instruction.op)
    var forms: [String] = []
    if case .reduction(let op) = instruction.op {
      let shape = function.valueTypes[instruction.operands[0]].shape
      let axes = op.axes
      if axes.isEmpty { forms.append("none \(label)") }
      if !axes.isEmpty && axes.allSatisfy({ shape[$0] == 1 }) { forms.append("unit \(label)") }
      let depth = function.reductionDepth(id)
      if depth > 1 { forms.append("chain \(min(depth, 4))") }
    }
    let operands = instruction.operands
    if Set(operands).count < operands.count { forms.append("equal \(label)") }
    if Set(operands.map { function.valueTypes[$0] }).count < operands.count { forms.append("equal types \(label)") }
    for callee in instruction.op.callees {
      guard let function = module[callee] else { continue }
      // Parameters stand for the last operands: a branch has its predicate first.
      let places = Array(operands.suffix(function.parameters.count))
      let elementwise = function.parameters.indices.filter { function.readsElementwise(ValueID($0)) }
      let turned = function.parameters.indices.filter { function.readsInAnotherOrder(ValueID($0)) }
      if elementwise.contains(where: { a in turned.contains { $0 != a && places[$0] == places[a] } }) {
        forms.append("orders \(label)")
        break
      }
    }
    return forms
  }
}

extension ReductionOp {
  fileprivate var axes: [Int] {
    switch self {
    case .reduce(_, let axes): axes
    case .argReduce(_, let axis), .scanReduce(_, let axis, _): [axis]
    }
  }
}

extension Function {
  /// How many reductions read one another up to this one, with nothing but movement between them.
  fileprivate func reductionDepth(_ id: InstructionID) -> Int {
    var (depth, next) = (0, id as InstructionID?)
    while let id = next {
      switch instructions[id].op {
      case .reduction(.reduce): depth += 1
      case .movement: break
      case .source, .map, .type, .reduction, .contraction, .indexing, .control: return max(depth, 1)
      }
      let value = instructions[id].operands[0]
      next = instructions.ids.first { instructions[$0].results.contains(value) }
    }
    return depth
  }

  fileprivate func readsElementwise(_ value: ValueID) -> Bool {
    instructions.elements.contains { instruction in
      if case .map = instruction.op { instruction.operands.contains(value) } else { false }
    }
  }

  fileprivate func readsInAnotherOrder(_ value: ValueID) -> Bool {
    instructions.elements.contains { instruction in
      switch instruction.op {
      case .movement(.reverse), .reduction, .indexing: instruction.operands[0] == value
      case .source, .map, .type, .movement, .contraction, .control: false
      }
    }
  }
}

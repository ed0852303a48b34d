extension ReferenceInterpreter {
  /// Something on the interpreter's stack: it runs until it needs another to finish first.
  enum Activity {
    case function(Frame)
    case loop(WhileRun)
    case scan(ScanRun)
    /// Between two turns of its own.
    case idle

    enum Event {
      /// `advance` goes on with the results of this one.
      case start(Activity)
      case finished([TensorValue])
      /// The observer has seen enough.
      case stopped
    }

    /// - Parameter returned: the results of the activity that this one started last; nil at its beginning.
    mutating func advance(
      _ returned: [TensorValue]?, in module: Module, _ observer: Observer?
    ) throws(KilnError) -> Event {
      // What runs is taken out of `self`, so that its arrays have one owner while it changes them.
      let activity = self
      self = .idle
      switch consume activity {
      case .idle: return .finished([])
      case .function(var frame):
        let event = try frame.advance(returned, in: module, observer)
        self = .function(frame)
        return event
      case .loop(var run):
        let event = run.advance(returned)
        self = .loop(run)
        return event
      case .scan(var run):
        let event = run.advance(returned)
        self = .scan(run)
        return event
      }
    }
  }

  /// A function that is running.
  struct Frame {
    private let function: Function
    private var values: EntityTable<ValueID, TensorValue?>
    private var remainingUses: EntityTable<ValueID, Int>
    private var position = 0

    init(_ function: Function, _ inputs: [TensorValue]) {
      self.function = function
      remainingUses = function.useCounts()
      values = EntityTable(repeating: nil, count: function.valueTypes.count)
      for (index, input) in inputs.enumerated() { values[ValueID(index)] = input }
    }

    mutating func advance(
      _ returned: [TensorValue]?, in module: Module, _ observer: Observer?
    ) throws(KilnError) -> Activity.Event {
      if let returned { finishInstruction(with: returned) }
      while position < function.instructions.count {
        let id = InstructionID(position)
        let instruction = function.instructions[id]
        let operands = operands(of: instruction)
        if case .control(let op) = instruction.op, let activity = try op.activity(operands, in: module) {
          try requireComputable(id)
          return .start(activity)
        }
        let results = try evaluate(
          op: instruction.op, operands: operands, resultTypes: instruction.results.map { function.valueTypes[$0] },
          location: function.locations[id])
        if let observer, !observer(instruction.op, operands, results, function.locations[id]) { return .stopped }
        finishInstruction(with: results)
      }
      return .finished(function.results.compactMap { values[$0] })
    }

    private func requireComputable(_ id: InstructionID) throws(KilnError) {
      let instruction = function.instructions[id]
      try ReferenceInterpreter.requireComputable(
        instruction.op, instruction.results.map { function.valueTypes[$0] }, at: function.locations[id])
    }

    /// The operands; a value is let go after its last use.
    private mutating func operands(of instruction: Instruction) -> [TensorValue] {
      let operands = instruction.operands.compactMap { values[$0] }
      for operand in instruction.operands {
        remainingUses[operand] -= 1
        if remainingUses[operand] == 0 { values[operand] = nil }
      }
      return operands
    }

    private mutating func finishInstruction(with results: [TensorValue]) {
      for (id, value) in zip(function.instructions[InstructionID(position)].results, results) {
        values[id] = remainingUses[id] == 0 ? nil : value
      }
      position += 1
    }
  }
}

extension ControlOp {
  /// What runs the callees on `operands`; nil for an op without callees.
  fileprivate func activity(
    _ operands: [TensorValue], in module: Module
  ) throws(KilnError) -> ReferenceInterpreter.Activity? {
    switch self {
    case .stopGradient, .barrier: return nil
    case .call(let name, _), .checkpoint(let name, _):
      return .function(ReferenceInterpreter.Frame(try ReferenceInterpreter.callee(name, in: module), operands))
    case .custom(let custom):
      return .function(ReferenceInterpreter.Frame(try ReferenceInterpreter.callee(custom.callee, in: module), operands))
    case .cond(let then, let otherwise):
      let name = operands[0].bytes[0] == 1 ? then : otherwise
      let branch = try ReferenceInterpreter.callee(name, in: module)
      return .function(ReferenceInterpreter.Frame(branch, Array(operands.dropFirst())))
    case .while(let condition, let body, let captured):
      return .loop(
        ReferenceInterpreter.WhileRun(
          condition: try ReferenceInterpreter.callee(condition, in: module),
          body: try ReferenceInterpreter.callee(body, in: module), operands: operands, captured: captured))
    case .scan(let scan):
      return .scan(
        ReferenceInterpreter.ScanRun(scan, body: try ReferenceInterpreter.callee(scan.body, in: module), operands))
    }
  }
}

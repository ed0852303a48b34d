/// Runs tensor functions instruction by instruction, each over whole arrays: slow, readable, and the meaning of the IR.
///
///     let results = try ReferenceInterpreter.run(module, function: "main", inputs: [x, y])
///
/// Constant folding uses `evaluate`, so a folded value is the interpreted value.
public enum ReferenceInterpreter {
  /// Larger values than this are not computed here.
  public static let maximumByteCount = 1 << 32

  /// The results of a function of a verified module.
  /// - Parameter inputs: one value per parameter, hidden ones included.
  /// - Throws: `run.C1` without such a function, `run.C2` for other inputs than the parameters say, `run.C3` for a value too
  ///   large to compute, `gather.R1` and `scatter.R1` for an index out of range, at the line of the op.
  public static func run(
    _ module: Module, function name: String, inputs: [TensorValue]
  ) throws(KilnError) -> [TensorValue] {
    guard let function = module[name] else {
      let names = module.functions.map { "@\($0.name)" }.joined(separator: ", ")
      throw KilnError("run.C1", "there is no function @\(name); there are: \(names.isEmpty ? "none" : names)")
    }
    let (expected, found) = (function.parameters.map(\.type), inputs.map(\.type))
    guard expected == found else {
      throw KilnError(
        "run.C2",
        "@\(name) takes (\(expected.map(\.description).joined(separator: ", "))), "
          + "found (\(found.map(\.description).joined(separator: ", ")))")
    }
    // A stack of its own: a chain of many thousand calls must not overflow the thread's.
    var stack = [Frame(function, inputs)]
    while true {
      let top = stack.count - 1
      guard let id = stack[top].nextInstruction else {
        let results = stack[top].results
        stack.removeLast()
        if stack.isEmpty { return results }
        stack[top - 1].finishInstruction(with: results)
        continue
      }
      let instruction = stack[top].function.instructions[id]
      let operands = stack[top].operands(of: instruction)
      if case .control(.call(let callee, _)) = instruction.op {
        guard let function = module[callee] else { throw KilnError("run.C1", "there is no function @\(callee)") }
        stack.append(Frame(function, operands))
      } else {
        let results = try evaluate(
          op: instruction.op, operands: operands,
          resultTypes: instruction.results.map { stack[top].function.valueTypes[$0] },
          location: stack[top].function.locations[id])
        stack[top].finishInstruction(with: results)
      }
    }
  }

  /// A function that is running.
  private struct Frame {
    let function: Function
    private var values: EntityTable<ValueID, TensorValue?>
    private var remainingUses: EntityTable<ValueID, Int>
    private var position = 0

    init(_ function: Function, _ inputs: [TensorValue]) {
      self.function = function
      remainingUses = function.useCounts()
      values = EntityTable(repeating: nil, count: function.valueTypes.count)
      for (index, input) in inputs.enumerated() { values[ValueID(index)] = input }
    }

    var nextInstruction: InstructionID? {
      position < function.instructions.count ? InstructionID(position) : nil
    }

    var results: [TensorValue] { function.results.compactMap { values[$0] } }

    /// The operands; a value is let go after its last use.
    mutating func operands(of instruction: Instruction) -> [TensorValue] {
      let operands = instruction.operands.compactMap { values[$0] }
      for operand in instruction.operands {
        remainingUses[operand] -= 1
        if remainingUses[operand] == 0 { values[operand] = nil }
      }
      return operands
    }

    mutating func finishInstruction(with results: [TensorValue]) {
      for (id, value) in zip(function.instructions[InstructionID(position)].results, results) {
        values[id] = remainingUses[id] == 0 ? nil : value
      }
      position += 1
    }
  }
}

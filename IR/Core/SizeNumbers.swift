/// The values of a bound function that are numbers made of sizes, such as the divisor of a mean. They become constants,
/// as folding makes them where sizes are numbers from the start.
struct SizeNumbers {
  private let types: [TensorType]
  /// The one number of every element of constants, and of values made of sizes.
  private var constants: [ValueID: Scalar] = [:]
  private var made: [ValueID: Scalar] = [:]

  init(_ types: [TensorType]) { self.types = types }

  /// The instruction, or the constant that it makes of sizes.
  mutating func folded(_ instruction: Instruction, at location: SourceLocation) -> Instruction {
    if case .source(.constant(let literal)) = instruction.op {
      constants[instruction.result] = literal.splat
      return instruction
    }
    guard instruction.resultCount == 1, let number = number(instruction, location) else { return instruction }
    made[instruction.result] = number
    let literal = Literal(splat: number, shape: types[instruction.result.index].shape)
    return Instruction(
      op: .source(.constant(literal)), operands: [], firstResult: instruction.firstResult, resultCount: 1)
  }

  private func number(_ instruction: Instruction, _ location: SourceLocation) -> Scalar? {
    switch instruction.op {
    case .source(.dimensionSize(let axis)):
      return types[instruction.operands[0].index].shape[axis].size.map { Scalar(Int64($0)) }
    case .movement(.broadcast), .movement(.reshape): return made[instruction.operands[0]]
    case .map, .type: return instruction.operands.contains { made[$0] != nil } ? evaluated(instruction, location) : nil
    case .source, .movement, .reduction, .contraction, .indexing, .control: return nil
    }
  }

  /// What an elementwise op makes of numbers, if all of its operands are.
  private func evaluated(_ instruction: Instruction, _ location: SourceLocation) -> Scalar? {
    let operands = instruction.operands.compactMap { made[$0] ?? constants[$0] }.map { TensorValue(Literal(splat: $0)) }
    let type = TensorType(types[instruction.result.index].dtype, .scalar)
    guard operands.count == instruction.operands.count else { return nil }
    let results = Result { () throws(KilnError) in
      try ReferenceInterpreter.evaluate(
        op: instruction.op, operands: operands, resultTypes: [type], location: location)
    }
    guard case .success(let values) = results else { return nil }
    return Scalar(type.dtype, bits: values[0].bits[0])
  }
}

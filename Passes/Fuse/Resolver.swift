import KilnIR

/// Follows views from a value to what holds its elements.
struct Resolver: Sendable {
  let function: Function
  let definitions: EntityTable<ValueID, InstructionID?>

  init(_ function: Function) {
    self.function = function
    definitions = function.definitions()
  }

  enum Base: Hashable {
    /// Computed in place from its attributes, for the element at the index.
    case source(ValueID, IndexExpression)
    /// An element of a parameter or of an instruction's result.
    case value(ValueID, IndexExpression)
    /// The views lead through a reshape that is not linear in the domain, so `value` is needed as a contiguous buffer;
    /// `index` is the index in it.
    case buffer(ValueID, IndexExpression)
  }

  func definition(_ value: ValueID) -> Instruction? { definitions[value].map { function.instructions[$0] } }

  /// Where the element of `value` at `index` comes from.
  func resolve(_ value: ValueID, at index: IndexExpression, in domain: IndexDomain) -> Base {
    var (value, index) = (value, index)
    while let instruction = definition(value) {
      switch instruction.op.fusionClass {
      case .source: return .source(value, index)
      case .view:
        let operand = instruction.operands[0]
        guard
          let next = instruction.op.operandIndex(
            index, operand: function.valueTypes[operand], result: function.valueTypes[value], in: domain)
        else { return .buffer(value, index) }
        (value, index) = (operand, next)
      case .pointwise, .gather, .reduction, .contraction, .scatter, .line, .assembly, .control:
        return .value(value, index)
      }
    }
    return .value(value, index)
  }

  /// The value whose contiguous buffer is also the buffer of `value`: reshapes keep the bytes.
  func bufferRoot(_ value: ValueID) -> ValueID {
    var value = value
    while let instruction = definition(value), instruction.op.keepsBytes { value = instruction.operands[0] }
    return value
  }

  /// The instruction whose result `value` is, or is a view of; nil for parameters and sources.
  func computingInstruction(_ value: ValueID) -> InstructionID? {
    var value = value
    while let id = definitions[value] {
      let instruction = function.instructions[id]
      switch instruction.op.fusionClass {
      case .source: return nil
      case .view: value = instruction.operands[0]
      case .pointwise, .gather, .reduction, .contraction, .scatter, .line, .assembly, .control: return id
      }
    }
    return nil
  }

  /// Whether `value` is a parameter or the result of an instruction that computes, so that it can have a buffer itself.
  func isComputed(_ value: ValueID) -> Bool {
    guard let instruction = definition(value) else { return true }
    switch instruction.op.fusionClass {
    case .source, .view: return false
    case .pointwise, .gather, .reduction, .contraction, .scatter, .line, .assembly, .control: return true
    }
  }
}

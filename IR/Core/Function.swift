/// A tensor function in SSA form: parameters, instructions in order, results.
///
/// Values are numbered parameters first, then the results of the instructions in program order, so an operand's number
/// is always below its user's and dominance is one comparison. Passes rebuild functions; they do not edit them.
public struct Function: Sendable {
  public struct Parameter: Hashable, Sendable {
    public var name: String
    public var type: TensorType
    /// A captured tensor or a variable, bound by the system and not by the caller's argument list.
    public var isHidden: Bool

    public init(_ name: String, _ type: TensorType, isHidden: Bool = false) {
      self.name = name
      self.type = type
      self.isHidden = isHidden
    }
  }

  public let name: String
  public let parameters: [Parameter]
  public let instructions: EntityTable<InstructionID, Instruction>
  public let results: [ValueID]
  /// What sizes that a call brings must meet.
  public let requirements: [SizeRequirement]
  /// The type of every value, parameters first.
  public let valueTypes: EntityTable<ValueID, TensorType>
  /// One location per instruction.
  public let locations: EntityTable<InstructionID, SourceLocation>

  /// Only `FunctionBuilder` and the parser make functions; the parser's are verified before anyone sees them.
  package init(
    name: String, parameters: [Parameter], instructions: EntityTable<InstructionID, Instruction>, results: [ValueID],
    requirements: [SizeRequirement], valueTypes: EntityTable<ValueID, TensorType>,
    locations: EntityTable<InstructionID, SourceLocation>
  ) {
    self.name = name
    self.parameters = parameters
    self.instructions = instructions
    self.results = results
    self.requirements = requirements
    self.valueTypes = valueTypes
    self.locations = locations
  }

  public var resultTypes: [TensorType] { results.map { valueTypes[$0] } }
  public var signature: FunctionSignature {
    FunctionSignature(parameters: parameters.map(\.type), results: resultTypes)
  }

  public func isParameter(_ value: ValueID) -> Bool { value.index < parameters.count }

  /// The instruction that defines each value; nil for parameters.
  public func definitions() -> EntityTable<ValueID, InstructionID?> {
    var table = EntityTable<ValueID, InstructionID?>(repeating: nil, count: valueTypes.count)
    for id in instructions.ids {
      for result in instructions[id].results { table[result] = id }
    }
    return table
  }

  /// How many operands and results name each value.
  public func useCounts() -> EntityTable<ValueID, Int> {
    var table = EntityTable<ValueID, Int>(repeating: 0, count: valueTypes.count)
    for instruction in instructions.elements {
      for operand in instruction.operands { table[operand] += 1 }
    }
    for result in results { table[result] += 1 }
    return table
  }
}

extension Function: Hashable {
  /// Equality ignores locations.
  public static func == (a: Function, b: Function) -> Bool {
    a.name == b.name && a.parameters == b.parameters && a.instructions == b.instructions && a.results == b.results
      && a.valueTypes == b.valueTypes && a.requirements == b.requirements
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(parameters)
    hasher.combine(instructions)
    hasher.combine(results)
  }
}

/// The types that a function takes and gives.
public struct FunctionSignature: Hashable, Sendable {
  public var parameters: [TensorType]
  public var results: [TensorType]

  public init(parameters: [TensorType], results: [TensorType]) {
    self.parameters = parameters
    self.results = results
  }
}

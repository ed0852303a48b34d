/// A function while its text is read. A value without a type belongs to a line that was wrong.
struct FunctionText {
  let name: String
  private var parameters: [Function.Parameter] = []
  private(set) var valueTypes = EntityTable<ValueID, TensorType?>()
  private(set) var requirements: [SizeRequirement] = []
  private var instructions = EntityTable<InstructionID, Instruction>()
  private var locations = EntityTable<InstructionID, SourceLocation>()
  private var valueByName: [String: ValueID] = [:]

  init(name: String) { self.name = name }

  func value(named name: String) -> ValueID? { valueByName[name] }

  /// False if the name is taken.
  mutating func addParameter(_ name: String, _ type: TensorType, _ isHidden: Bool) -> Bool {
    guard define(name, type) else { return false }
    parameters.append(Function.Parameter(name, type, isHidden: isHidden))
    return true
  }

  mutating func require(_ requirement: SizeRequirement) { requirements.append(requirement) }

  /// Adds an instruction; its results are to be defined next.
  mutating func append(_ op: Op, _ operands: [ValueID], resultCount: Int, at location: SourceLocation) {
    instructions.append(
      Instruction(op: op, operands: operands, firstResult: ValueID(valueTypes.count), resultCount: resultCount))
    locations.append(location)
  }

  /// Defines the next value. False if the name is taken.
  @discardableResult
  mutating func define(_ name: String, _ type: TensorType?) -> Bool {
    guard valueByName[name] == nil else { return false }
    valueByName[name] = valueTypes.append(type)
    return true
  }

  /// The function, if every value has a type.
  func function(_ results: [ValueID]) -> Function? {
    let types = valueTypes.elements.compactMap { $0 }
    guard types.count == valueTypes.count else { return nil }
    return Function(
      name: name, parameters: parameters, instructions: instructions, results: results,
      requirements: requirements, valueTypes: EntityTable(types), locations: locations)
  }
}

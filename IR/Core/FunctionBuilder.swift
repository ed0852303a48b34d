/// Builds a function instruction by instruction. The types of results are inferred, so what it builds is well typed,
/// and equal instructions are built once.
public struct FunctionBuilder: Sendable {
  private struct Key: Hashable {
    var op: Op
    var operands: [ValueID]
  }

  public let name: String
  /// The functions that `call` may name.
  public var module: Module
  public private(set) var parameters: [Function.Parameter] = []
  public private(set) var valueTypes = EntityTable<ValueID, TensorType>()
  public private(set) var instructions = EntityTable<InstructionID, Instruction>()
  public private(set) var locations = EntityTable<InstructionID, SourceLocation>()
  /// What sizes that a call brings must meet, each once.
  public private(set) var requirements: [SizeRequirement] = []
  private var parameterValues: [ValueID] = []
  private var interned: [Key: InstructionID] = [:]

  public init(_ name: String, in module: Module = Module()) {
    self.name = name
    self.module = module
  }

  public func type(of value: ValueID) -> TensorType { valueTypes[value] }

  /// Adds a parameter. A trace finds its captured tensors late, so parameters may follow instructions here; `finish`
  /// moves them to the front.
  public mutating func addParameter(_ name: String, _ type: TensorType, isHidden: Bool = false) -> ValueID {
    parameters.append(Function.Parameter(name, type, isHidden: isHidden))
    let value = valueTypes.append(type)
    parameterValues.append(value)
    return value
  }

  /// The parameter that the value is, if it is one.
  package func parameter(of value: ValueID) -> Function.Parameter? {
    parameterValues.firstIndex(of: value).map { parameters[$0] }
  }

  /// Adds an instruction and gives its results, or those of an equal one that is there already.
  /// - Throws: the labelled constraint of the op that the operands break.
  public mutating func emit(
    _ op: Op, _ operands: [ValueID], at location: SourceLocation = .unknown
  ) throws(ConstraintFailure) -> [ValueID] {
    let key = Key(op: op, operands: operands)
    if let existing = interned[key] { return Array(instructions[existing].results) }
    var sizes = SizeQuestions()
    let types = try op.infer(operands.map { valueTypes[$0] }, in: module, &sizes)
    for (constraint, failure) in sizes.open { require(SizeRequirement(constraint, failure.label, at: location)) }
    let first = ValueID(valueTypes.count)
    for type in types { valueTypes.append(type) }
    let instruction = Instruction(op: op, operands: operands, firstResult: first, resultCount: types.count)
    interned[key] = instructions.append(instruction)
    locations.append(location)
    return Array(instruction.results)
  }

  /// Adds what sizes must meet; a function has each constraint once, with the first place that needs it.
  public mutating func require(_ requirement: SizeRequirement) {
    if !requirements.contains(where: { $0.constraint == requirement.constraint }) { requirements.append(requirement) }
  }

  /// `emit` for an op with one result.
  public mutating func emitOne(
    _ op: Op, _ operands: [ValueID], at location: SourceLocation = .unknown
  ) throws(ConstraintFailure) -> ValueID {
    try emit(op, operands, at: location)[0]
  }

  /// The function built so far, with `results` as its results.
  public func finish(_ results: [ValueID]) -> Function {
    guard let last = parameterValues.last, last.index >= parameters.count else {
      return Function(
        name: name, parameters: parameters, instructions: instructions, results: results,
        requirements: requirements, valueTypes: valueTypes, locations: locations)
    }
    var order = parameterValues
    for instruction in instructions.elements { order.append(contentsOf: instruction.results) }
    var renumbered = EntityTable<ValueID, ValueID>(repeating: ValueID(0), count: valueTypes.count)
    for (index, value) in order.enumerated() { renumbered[value] = ValueID(index) }
    let moved = instructions.elements.map { instruction in
      Instruction(
        op: instruction.op, operands: instruction.operands.map { renumbered[$0] },
        firstResult: instruction.resultCount == 0 ? instruction.firstResult : renumbered[instruction.firstResult],
        resultCount: instruction.resultCount)
    }
    return Function(
      name: name, parameters: parameters, instructions: EntityTable(moved), results: results.map { renumbered[$0] },
      requirements: requirements, valueTypes: EntityTable(order.map { valueTypes[$0] }), locations: locations)
  }
}

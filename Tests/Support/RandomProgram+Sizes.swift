public import KilnIR

extension RandomProgram {
  /// The program with names for sizes: `names` has those of the numbers that get one, wherever they are the extent of a
  /// parameter or of a source. What an op makes of them follows from its operands. With these numbers for the names it
  /// does what it did.
  /// - Throws: the constraint of an op that names can never meet.
  public func naming(_ names: [Int: String], seed: UInt64) throws(ConstraintFailure) -> RandomProgram {
    let naming = SizeNaming(names: names.mapValues { Dimension(named: $0) }, random: SplitMix64(seed: seed))
    return try self.naming(parameters: module[entry]?.parameters.map { naming.type($0.type) } ?? [], naming)
  }

  /// The program for parameters of these types.
  func naming(parameters: [TensorType], _ naming: SizeNaming) throws(ConstraintFailure) -> RandomProgram {
    var walk = NamingWalk(module: module, naming: naming)
    let name = try walk.add(entry, parameters)
    return RandomProgram(module: walk.result, entry: name, inputs: inputs)
  }

  /// The extents of the parameters.
  public var parameterSizes: Set<Int> {
    Set((module[entry]?.parameters ?? []).flatMap { $0.type.shape.dimensions })
  }

  /// The program with random inputs.
  public func drawingInputs(seed: UInt64) throws(ConstraintFailure) -> RandomProgram {
    var random = SplitMix64(seed: seed)
    var program = self
    program.inputs = []
    for parameter in module[entry]?.parameters ?? [] { program.inputs.append(try random.tensor(parameter.type)) }
    return program
  }
}

extension Module {
  /// What `bound(to:)` should give: every function built again, from the ops of these sizes.
  /// - Throws: the constraint that an op of these sizes breaks.
  public func built(at sizes: [String: Int]) throws(ConstraintFailure) -> Module {
    var result = Module()
    for function in functions {
      var builder = FunctionBuilder(function.name, in: result)
      var values: [ValueID] = []
      for parameter in function.parameters {
        let type = TensorType(parameter.type.dtype, Shape(parameter.type.shape.map { $0.bound(to: sizes) }))
        try type.requireAddressable()
        values.append(builder.addParameter(parameter.name, type, isHidden: parameter.isHidden))
      }
      for instruction in function.instructions.elements {
        let op = instruction.op.mapDimensions { $0.bound(to: sizes) }
        values += try builder.emit(op, instruction.operands.map { values[$0.index] })
      }
      try result.append(builder.finish(function.results.map { values[$0.index] }))
    }
    return result
  }
}

/// Builds functions again for parameters of other types, and the functions that they run before them.
private struct NamingWalk {
  let module: Module
  var naming: SizeNaming
  private(set) var result = Module()
  private var made: [Key: String] = [:]
  /// Those of functions that are not finished, too.
  private var names: [String] = []

  private struct Key: Hashable {
    var name: String
    var types: [TensorType]
  }

  init(module: Module, naming: SizeNaming) {
    self.module = module
    self.naming = naming
  }

  /// - Returns: the name of the function `name` for parameters of these types.
  mutating func add(_ name: String, _ types: [TensorType]) throws(ConstraintFailure) -> String {
    let key = Key(name: name, types: types)
    if let made = made[key] { return made }
    guard let function = module[name] else { throw ConstraintFailure("call.C1", "there is no function @\(name)") }
    var builder = FunctionBuilder(result.unusedName(name, avoiding: names))
    names.append(builder.name)
    var values = zip(function.parameters, types).map { builder.addParameter($0.name, $1, isHidden: $0.isHidden) }
    for instruction in function.instructions.elements {
      let operands = instruction.operands.map { values[$0.index] }
      let named = operands.map { builder.type(of: $0) }
      var op = naming.op(instruction.op, on: instruction.operands.map { function.valueTypes[$0] }, named: named)
      if case .control(let control) = op { op = .control(try addingCallees(of: control, named)) }
      builder.module = result
      values += try builder.emit(op, operands)
    }
    try result.append(builder.finish(function.results.map { values[$0.index] }))
    made[key] = builder.name
    return builder.name
  }

  private mutating func addingCallees(
    of op: ControlOp, _ operands: [TensorType]
  ) throws(ConstraintFailure) -> ControlOp {
    let parameters =
      switch op {
      case .call, .checkpoint, .custom, .while, .stopGradient, .barrier: operands
      case .cond: Array(operands.dropFirst())
      case .scan(let scan):
        operands.enumerated().map { index, type in
          index >= scan.carried && index < operands.count - scan.captured ? type.element : type
        }
      }
    var names: [String: String] = [:]
    for callee in op.callees { names[callee] = try add(callee, parameters) }
    return op.replacingCallees { names[$0] ?? $0 }
  }
}

package import KilnIR

/// The forward instructions of a function, followed by its instructions' pullbacks from the last to the first.
package struct ReverseWalk {
  package private(set) var rewriter: Rewriter
  private let function: Function
  /// The new value of every value of `function`.
  private let values: EntityTable<ValueID, ValueID>
  /// Whether a value depends on the parameters of interest through reals.
  private let isActive: EntityTable<ValueID, Bool>
  /// What is known so far of the cotangent of each value; nil is a zero that is never added (NUMERICS.md G1).
  private var cotangents: EntityTable<ValueID, ValueID?>

  /// Copies `function`, which calls nothing, into a new function `name`.
  package init(_ function: Function, as name: String, active: [Int], in module: Module) throws(KilnError) {
    self.function = function
    var rewriter = Rewriter(name, in: module)
    let arguments = function.parameters.map { rewriter.addParameter($0) }
    values = try rewriter.copyBody(of: function, arguments: arguments)
    self.rewriter = rewriter
    isActive = Self.activity(of: function, active)
    cotangents = EntityTable(repeating: nil, count: function.valueTypes.count)
  }

  /// The results of the function itself.
  package var results: [ValueID] { function.results.map { values[$0] } }

  /// Starts with the cotangent 1 of the first result, a scalar.
  package mutating func seedWithOne() throws(KilnError) {
    let result = function.results[0]
    rewriter.location = function.location(of: result)
    try accumulate(rewriter.constant(1, like: function.valueTypes[result]), into: result)
  }

  /// Starts with a parameter for the cotangent of each real result.
  package mutating func seedWithParameters() throws(KilnError) {
    var names = Set(function.parameters.map(\.name))
    for (index, result) in function.results.enumerated() where function.valueTypes[result].dtype.isReal {
      var name = "cotangent\(index)"
      while !names.insert(name).inserted { name += "_" }
      let cotangent = rewriter.addParameter(Function.Parameter(name, function.valueTypes[result]))
      rewriter.location = function.location(of: result)
      try accumulate(cotangent, into: result)
    }
  }

  /// Walks back and gives the gradients of the parameters `indices`.
  package mutating func gradients(_ indices: [Int]) throws(KilnError) -> [ValueID] {
    for id in function.instructions.ids.reversed() {
      let instruction = function.instructions[id]
      let reached: [ValueID?] = instruction.results.map { cotangents[$0] }
      guard reached.contains(where: { $0 != nil }) else { continue }
      rewriter.location = function.locations[id]
      let parts = try rewriter.pullback(
        instruction.op, operands: instruction.operands.map { values[$0] }, results: instruction.results.map { values[$0] },
        cotangents: reached, needed: instruction.operands.map { isActive[$0] })
      for (operand, part) in zip(instruction.operands, parts) {
        if let part { try accumulate(part, into: operand) }
      }
    }
    rewriter.location = .unknown
    var gradients: [ValueID] = []
    for index in indices {
      let parameter = ValueID(index)
      if let gradient = cotangents[parameter] {
        gradients.append(gradient)
      } else {
        gradients.append(try rewriter.zero(function.valueTypes[parameter]))
      }
    }
    return gradients
  }

  /// G1: added on the right of what is there.
  private mutating func accumulate(_ cotangent: ValueID, into value: ValueID) throws(KilnError) {
    guard isActive[value] else { return }
    if let sum = cotangents[value] {
      cotangents[value] = try rewriter.add(sum, cotangent)
    } else {
      cotangents[value] = cotangent
    }
  }

  private static func activity(of function: Function, _ parameters: [Int]) -> EntityTable<ValueID, Bool> {
    var isActive = EntityTable<ValueID, Bool>(repeating: false, count: function.valueTypes.count)
    for index in parameters { isActive[ValueID(index)] = true }
    for instruction in function.instructions.elements where instruction.op != .control(.stopGradient) {
      guard instruction.operands.contains(where: { isActive[$0] }) else { continue }
      for result in instruction.results where function.valueTypes[result].dtype.isReal { isActive[result] = true }
    }
    return isActive
  }
}

/// One instruction in the reverse walk, in values of the derived function.
package struct Use {
  package let operands: [ValueID]
  package let result: ValueID
  /// The cotangent of the result.
  package let cotangent: ValueID
  /// Which operands a cotangent is wanted for. Others may get one; nobody looks at it.
  package let needed: [Bool]
}

extension Rewriter {
  /// The cotangents of the operands of an instruction, linear in the cotangents of its results; nil where it is zero.
  /// - Throws: `differentiate.C1` when the op has no derivative.
  mutating func pullback(
    _ op: Op, operands: [ValueID], results: [ValueID], cotangents: [ValueID?], needed: [Bool]
  ) throws(KilnError) -> [ValueID?] {
    if case .control(let op) = op {
      let use = ControlUse(operands: operands, results: results, cotangents: cotangents, needed: needed)
      return try needed.contains(true) ? controlPullback(op, use) : []
    }
    // Every other op has one result.
    guard let cotangent = cotangents[0] else { return [] }
    return try pullback(op, Use(operands: operands, result: results[0], cotangent: cotangent, needed: needed))
  }

  /// The cotangents of the operands of an instruction of one result.
  private mutating func pullback(_ op: Op, _ use: Use) throws(KilnError) -> [ValueID?] {
    guard use.needed.contains(true) else { return [] }
    switch op {
    case .source, .control: return []
    case .map(let function): return try scalarPullback(function, use)
    case .type(let op): return try typePullback(op, use)
    case .movement(let op): return try movementPullback(op, use)
    case .reduction(let op): return try reductionPullback(op, use)
    case .contraction(let op): return try contractionPullback(op, use)
    case .indexing(let op): return try indexingPullback(op, use)
    }
  }

  private mutating func typePullback(_ op: TypeOp, _ use: Use) throws(KilnError) -> [ValueID?] {
    switch op {
    case .convert: [try convert(use.cotangent, to: type(of: use.operands[0]).dtype)]
    case .bitcast: throw noDerivative(of: "bitcast", "it reads bits, not a number")
    }
  }

  /// What is said of an op without a derivative where one is needed.
  func noDerivative(of spelling: String, _ reason: String) -> KilnError {
    KilnError(
      "differentiate.C1", "\(spelling) has no derivative: \(reason)", at: location,
      notes: ["stopGradient around it treats its result as a constant"])
  }
}

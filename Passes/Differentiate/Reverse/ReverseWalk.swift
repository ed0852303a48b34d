package import KilnIR

/// The forward instructions of a function, followed by its instructions' pullbacks from the last to the first.
package struct ReverseWalk {
  package private(set) var rewriter: Rewriter
  private let function: Function
  /// The new value of every value of `function`.
  private let values: EntityTable<ValueID, ValueID>
  /// Whether a value depends on the parameters of interest through reals.
  private let isActive: EntityTable<ValueID, Bool>
  /// The scans that save what their pullbacks need.
  private let scans: [InstructionID: SavedScan]
  private let definitions: Definitions
  /// What is known so far of the cotangent of each value; nil is a zero that is never added (Numerics.md G1).
  private var cotangents: EntityTable<ValueID, ValueID?>

  /// Copies `function`, which calls nothing, into a new function `name`.
  /// - Parameters:
  ///   - active: the parameters that gradients are wanted of.
  ///   - seeds: the results that have a cotangent; nil: all real ones may.
  package init(
    _ function: Function, as name: String, active: [Int], seeds: [Int]? = nil, in module: Module
  ) throws(KilnError) {
    self.function = function
    var rewriter = Rewriter(name, in: module)
    let arguments = function.parameters.map { rewriter.addParameter($0) }
    let activity = Activity(module)
    let isActive = try activity.values(of: function, parameters: function.parameters.indices.map(active.contains))
    let isReached = Self.reached(function, seeds ?? Array(function.results.indices), isActive)
    var scans: [InstructionID: SavedScan] = [:]
    values = try rewriter.copyBody(of: function, arguments: arguments) { rewriter, id, operands throws(KilnError) in
      let instruction = function.instructions[id]
      guard case .control(.scan(let scan)) = instruction.op, instruction.results.contains(where: { isReached[$0] }),
        instruction.operands.contains(where: { isActive[$0] })
      else { return nil }
      let pullback = try ScanPullback(
        scan, operands: instruction.operands.map { isActive[$0] }, results: instruction.results.map { isReached[$0] },
        activity, &rewriter)
      let results = try rewriter.emit(.control(.scan(pullback.forward)), operands)
      scans[id] = SavedScan(pullback: pullback, saved: Array(results.dropFirst(instruction.resultCount)))
      return Array(results.prefix(instruction.resultCount))
    }
    self.rewriter = rewriter
    self.isActive = isActive
    self.scans = scans
    definitions = Definitions(function)
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

  /// Starts with a parameter for the cotangent of each real result, or of those of `results`.
  package mutating func seedWithParameters(results: [Int]? = nil) throws(KilnError) {
    var names = Set(function.parameters.map(\.name))
    for (index, result) in function.results.enumerated()
    where function.valueTypes[result].dtype.isReal && results?.contains(index) != false {
      var name = "cotangent\(index)"
      while !names.insert(name).inserted { name += "_" }
      let cotangent = rewriter.addParameter(Function.Parameter(name, function.valueTypes[result]))
      rewriter.location = function.location(of: result)
      try accumulate(cotangent, into: result)
    }
  }

  /// Walks back and gives the gradients of the parameters `indices`.
  package mutating func gradients(_ indices: [Int]) throws(KilnError) -> [ValueID] {
    let partial = try partialGradients(indices)
    var gradients: [ValueID] = []
    for (index, gradient) in zip(indices, partial) { gradients.append(try orZero(gradient, index)) }
    return gradients
  }

  /// A gradient of parameter `index`: zero if it does not have one.
  package mutating func orZero(_ gradient: ValueID?, _ index: Int) throws(KilnError) -> ValueID {
    if let gradient { return gradient }
    return try rewriter.zero(function.valueTypes[ValueID(index)])
  }

  /// Walks back and gives the gradients of the parameters `indices`; nil where the seeds do not depend on one.
  package mutating func partialGradients(_ indices: [Int]) throws(KilnError) -> [ValueID?] {
    for id in function.instructions.ids.reversed() {
      let instruction = function.instructions[id]
      let results = Array(instruction.results)
      var reached = results.map { cotangents[$0] }
      guard reached.contains(where: { $0 != nil }) else { continue }
      rewriter.location = function.locations[id]
      let operands = instruction.operands.map { values[$0] }
      if let cotangent = reached[0], let square = RootSquare(instruction, definitions, { isActive[$0] }) {
        let parts = try square.pullback(cotangent, values, &rewriter)
        try accumulate(parts.radicand, into: square.radicand)
        guard let rest = parts.rest else { continue }
        reached = [rest]
      }
      let parts: [ValueID?]
      if let scan = scans[id] {
        parts = try scan.pullback.apply(
          to: reached, operands: operands, results: results.map { values[$0] }, saved: scan.saved, &rewriter)
      } else {
        parts = try rewriter.pullback(
          instruction.op, operands: operands, results: results.map { values[$0] }, cotangents: reached,
          needed: instruction.operands.map { isActive[$0] })
      }
      for (operand, part) in zip(instruction.operands, parts) {
        if let part { try accumulate(part, into: operand) }
      }
    }
    rewriter.location = .unknown
    return indices.map { cotangents[ValueID($0)] }
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

  /// Which values may get a cotangent.
  private static func reached(
    _ function: Function, _ seeds: [Int], _ isActive: EntityTable<ValueID, Bool>
  ) -> EntityTable<ValueID, Bool> {
    var isReached = EntityTable<ValueID, Bool>(repeating: false, count: function.valueTypes.count)
    for seed in seeds where isActive[function.results[seed]] { isReached[function.results[seed]] = true }
    for instruction in function.instructions.elements.reversed() {
      guard instruction.results.contains(where: { isReached[$0] }) else { continue }
      for operand in instruction.operands where isActive[operand] { isReached[operand] = true }
    }
    return isReached
  }
}

/// One instruction of one result in the reverse walk, in values of the derived function.
package struct Use {
  package let operands: [ValueID]
  package let result: ValueID
  /// The cotangent of the result.
  package let cotangent: ValueID
  /// Which operands a cotangent is wanted for. Others may get one, which is ignored.
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

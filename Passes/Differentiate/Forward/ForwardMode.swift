package import KilnIR

/// The instructions of a function, each followed by the tangents of its results: the derivative along a direction.
///
/// The tangent of a value that does not depend on the parameters of interest through reals is a symbolic zero: nil, and
/// never added. Tangents of one result are added in the order of the operands.
package struct ForwardWalk {
  package private(set) var rewriter: Rewriter
  private let function: Function
  /// The new value of every value of `function`.
  private var values: EntityTable<ValueID, ValueID>
  private var tangents: EntityTable<ValueID, ValueID?>

  /// Begins a function `name` with the parameters of `function`, which calls nothing. The parameters of each segment
  /// are followed by a tangent for each of them that is in `active`; all are one segment unless `segments` has the
  /// sizes.
  package init(
    _ function: Function, as name: String, active: [Int], segments: [Int]? = nil, in module: Module
  ) {
    self.function = function
    var rewriter = Rewriter(name, in: module)
    var names = Set(function.parameters.map(\.name))
    values = EntityTable()
    tangents = EntityTable(repeating: nil, count: function.parameters.count)
    for count in segments ?? [function.parameters.count] {
      let segment = values.count..<values.count + count
      for parameter in function.parameters[segment] { values.append(rewriter.addParameter(parameter)) }
      for index in segment where active.contains(index) {
        let parameter = function.parameters[index]
        var name = "tangent_\(parameter.name)"
        while !names.insert(name).inserted { name += "_" }
        tangents[ValueID(index)] = rewriter.addParameter(Function.Parameter(name, parameter.type))
      }
    }
    self.rewriter = rewriter
  }

  /// Drops the tangents of the parameters: what follows is the function itself.
  mutating func forgetTangents() { tangents = EntityTable(repeating: nil, count: values.count) }

  package mutating func walk() throws(KilnError) {
    let definitions = Definitions(function)
    rewriter.inherit(function)
    for id in function.instructions.ids {
      let instruction = function.instructions[id]
      rewriter.location = function.locations[id]
      let push = Push(
        operands: instruction.operands.map { values[$0] }, tangents: instruction.operands.map { tangents[$0] },
        isReal: instruction.results.map { function.valueTypes[$0].dtype.isReal })
      let square = RootSquare(instruction, definitions) { tangents[$0] != nil }
      for (result, tangent) in try rewriter.push(instruction.op, push) {
        var tangent = tangent
        if let square, let product = tangent, let inner = tangents[square.radicand] {
          tangent = try square.push(inner, product: product, values, &rewriter)
        }
        values.append(result)
        tangents.append(tangent)
      }
    }
    rewriter.location = .unknown
  }

  /// The results of the function itself.
  package var results: [ValueID] { function.results.map { values[$0] } }

  /// The tangent of each result; nil where it is zero, or where the result is not real.
  package var resultTangents: [ValueID?] { function.results.map { tangents[$0] } }

  /// The tangents of the results for which `isWanted`, zeros included.
  package mutating func materialisedTangents(where isWanted: [Bool]) throws(KilnError) -> [ValueID] {
    var materialised: [ValueID] = []
    for (result, isWanted) in zip(function.results, isWanted) where isWanted {
      rewriter.location = function.location(of: result)
      if let tangent = tangents[result] {
        materialised.append(tangent)
      } else {
        materialised.append(try rewriter.zero(function.valueTypes[result]))
      }
    }
    return materialised
  }
}

/// One instruction in the forward walk, in values of the derived function.
package struct Push {
  package let operands: [ValueID]
  /// Nil is zero.
  package let tangents: [ValueID?]
  /// Whether each result is real; others have no tangent.
  package let isReal: [Bool]
}

extension Rewriter {
  package typealias Dual = (value: ValueID, tangent: ValueID?)

  /// The instruction and the tangents of its results.
  /// - Throws: `differentiate.C1` when the op has no derivative and an operand has a tangent.
  package mutating func push(_ op: Op, _ push: Push) throws(KilnError) -> [Dual] {
    if !push.tangents.contains(where: { $0 != nil }) || !push.isReal.contains(true) {
      return try emit(op, push.operands).map { ($0, nil) }
    }
    switch op {
    case .source, .map, .type, .movement, .reduction, .contraction, .indexing:
      let result = try emitOne(op, push.operands)
      return [(result, try tangent(op, push, result))]
    case .control(let op): return try pushControl(op, push)
    }
  }

  private mutating func tangent(_ op: Op, _ push: Push, _ result: ValueID) throws(KilnError) -> ValueID? {
    switch op {
    case .source, .control: nil
    case .map(let function): try scalarTangent(function, push, result)
    case .type(.convert(let dtype)): try convert(tangent(0, of: push), to: dtype)
    case .type(.bitcast): throw noDerivative(of: "bitcast", "it reads bits, not a number")
    case .movement(let op): try movementTangent(op, push)
    case .reduction(let op): try reductionTangent(op, push, result)
    case .contraction(let op): try contractionTangent(op, push)
    case .indexing(let op): try indexingTangent(op, push)
    }
  }

  /// The tangent of operand `index`, zeros included.
  mutating func tangent(_ index: Int, of push: Push) throws(KilnError) -> ValueID {
    if let tangent = push.tangents[index] { return tangent }
    return try zero(type(of: push.operands[index]))
  }

  /// The sum of two tangents of which either may be zero.
  mutating func sum(_ x: ValueID?, _ y: ValueID?) throws(KilnError) -> ValueID? {
    guard let x else { return y }
    guard let y else { return x }
    return try add(x, y)
  }

  /// The Jacobian of an elementwise function is diagonal, so its pullback of a tangent is also its push forward: one
  /// table of scalar derivatives serves both modes.
  private mutating func scalarTangent(
    _ function: ScalarFunction, _ push: Push, _ result: ValueID
  ) throws(KilnError) -> ValueID? {
    if function == .select {
      return try select(push.operands[0], tangent(1, of: push), tangent(2, of: push))
    }
    var total: ValueID?
    for (index, tangent) in push.tangents.enumerated() {
      guard let tangent else { continue }
      let needed = push.operands.indices.map { $0 == index }
      let parts = try scalarPullback(
        function, Use(operands: push.operands, result: result, cotangent: tangent, needed: needed))
      if parts.indices.contains(index) { total = try sum(total, parts[index]) }
    }
    return total
  }
}

package import KilnIR

/// A value of a batched function: one for all examples, or one with a leading batch axis.
package struct BatchedValue: Sendable {
  package var value: ValueID
  package var isMapped: Bool

  package init(_ value: ValueID, isMapped: Bool) {
    self.value = value
    self.isMapped = isMapped
  }
}

/// The examples for which the instructions of a branch or of a turn count. The others compute, since all do, but what
/// they would find wrong (an index out of range, a loop without an end) must not be found.
package struct LaneMask: Sendable {
  /// `bool[size]`: whether each example is here.
  package let lanes: ValueID
  /// `bool[]`: whether any is.
  package let any: ValueID
}

/// Builds a function that does for all examples of a batch what other functions do for one.
package struct BatchWalk {
  package private(set) var rewriter: Rewriter
  package let size: Dimension
  private(set) var mask: LaneMask?
  private var names: Set<String> = []

  package init(_ name: String, size: Dimension, in module: Module) {
    rewriter = Rewriter(name, in: module)
    self.size = size
  }

  /// Adds a parameter like one of a function for one example; its name may change a little.
  package mutating func addParameter(_ parameter: Function.Parameter, isMapped: Bool) -> BatchedValue {
    var parameter = parameter
    while !names.insert(parameter.name).inserted { parameter.name += "_" }
    if isMapped { parameter.type = parameter.type.stacked(size) }
    return BatchedValue(rewriter.addParameter(parameter), isMapped: isMapped)
  }

  package mutating func addParameters(_ parameters: [Function.Parameter], isMapped: [Bool]) -> [BatchedValue] {
    var values: [BatchedValue] = []
    for (parameter, isMapped) in zip(parameters, isMapped) {
      values.append(addParameter(parameter, isMapped: isMapped))
    }
    return values
  }

  /// Adds the parameters that say for which examples the function is run.
  mutating func addMask() -> LaneMask {
    let lanes = addParameter(Function.Parameter("lanes", TensorType(.bool, Shape([size]))), isMapped: false)
    let any = addParameter(Function.Parameter("anyLane", TensorType(.bool, .scalar)), isMapped: false)
    return LaneMask(lanes: lanes.value, any: any.value)
  }

  /// The results of `function`, which calls nothing, on `operands`, for the examples of `mask`.
  package mutating func run(
    _ function: Function, _ operands: [BatchedValue], mask: LaneMask? = nil
  ) throws(KilnError) -> [BatchedValue] {
    let outer = self.mask
    self.mask = mask
    defer { self.mask = outer }
    var values = EntityTable<ValueID, BatchedValue>(operands)
    rewriter.inherit(function)
    for id in function.instructions.ids {
      let instruction = function.instructions[id]
      rewriter.location = function.locations[id]
      for result in try batch(instruction.op, instruction.operands.map { values[$0] }) { values.append(result) }
    }
    return function.results.map { values[$0] }
  }

  /// The value with its batch axis; one that all examples share is repeated.
  package mutating func mapped(_ operand: BatchedValue) throws(KilnError) -> ValueID {
    if operand.isMapped { return operand.value }
    let type = rewriter.type(of: operand.value)
    let repeated = try rewriter.broadcast(operand.value, type.stacked(size).shape, axes: Array(1..<1 + type.rank))
    return mask != nil && isDifferentiable(operand) ? try guarded(repeated, by: mask?.lanes) : repeated
  }

  /// The values, each with its batch axis where `isWanted` says so, or where it has one.
  package mutating func values(
    _ operands: [BatchedValue], mappedWhere isWanted: [Bool]
  ) throws(KilnError) -> [ValueID] {
    var values: [ValueID] = []
    for (operand, isWanted) in zip(operands, isWanted) {
      values.append(isWanted ? try mapped(operand) : operand.value)
    }
    return values
  }

  package mutating func allMapped(_ operands: [BatchedValue]) throws(KilnError) -> [ValueID] {
    try values(operands, mappedWhere: operands.map { _ in true })
  }

  /// The type of an operand without its batch axis.
  func exampleType(_ operand: BatchedValue) -> TensorType {
    let type = rewriter.type(of: operand.value)
    return operand.isMapped ? TensorType(type.dtype, Shape(Array(type.shape.dropFirst()))) : type
  }

  /// Builds instructions, and functions, that are the same for all examples.
  mutating func build<Result>(
    _ body: (inout Rewriter) throws(KilnError) -> Result
  ) throws(KilnError) -> Result { try body(&rewriter) }
}

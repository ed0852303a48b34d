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

/// The examples for which the instructions of a branch or of a turn count. The others compute, since all do, but what they
/// would find wrong (an index out of range, a loop without an end) must not be found.
package struct LaneMask: Sendable {
  /// `bool[size]`: whether each example is here.
  package let lanes: ValueID
  /// `bool[]`: whether any is.
  package let any: ValueID
}

/// The instructions of a function, for all examples of a batch.
package struct BatchWalk {
  package private(set) var rewriter: Rewriter
  package let size: Int
  package private(set) var mask: LaneMask?
  private let function: Function
  private var values: EntityTable<ValueID, BatchedValue>

  /// Begins a function `name` with the parameters of `function`, which calls nothing; those of `isMapped` have a batch axis.
  /// - Parameter isMasked: whether two more parameters say for which examples the function is run.
  package init(
    _ function: Function, as name: String, size: Int, isMapped: [Bool], isMasked: Bool = false, in module: Module
  ) {
    self.function = function
    self.size = size
    var rewriter = Rewriter(name, in: module)
    values = EntityTable()
    for (parameter, isMapped) in zip(function.parameters, isMapped) {
      var parameter = parameter
      if isMapped { parameter.type = parameter.type.batched(size) }
      values.append(BatchedValue(rewriter.addParameter(parameter), isMapped: isMapped))
    }
    if isMasked {
      let taken = Set(function.parameters.map(\.name))
      func parameter(_ base: String, _ shape: Shape) -> ValueID {
        var name = base
        while taken.contains(name) { name += "_" }
        return rewriter.addParameter(Function.Parameter(name, TensorType(.bool, shape)))
      }
      mask = LaneMask(lanes: parameter("lanes", Shape([size])), any: parameter("anyLane", .scalar))
    }
    self.rewriter = rewriter
  }

  package mutating func walk() throws(KilnError) {
    for id in function.instructions.ids {
      let instruction = function.instructions[id]
      rewriter.location = function.locations[id]
      let operands = instruction.operands.map { values[$0] }
      for result in try batch(instruction.op, operands) { values.append(result) }
    }
    rewriter.location = .unknown
  }

  package var results: [BatchedValue] { function.results.map { values[$0] } }

  /// The results, each with a batch axis if `isWanted` says so; one that has it already keeps it.
  package mutating func results(mappedWhere isWanted: [Bool]) throws(KilnError) -> [ValueID] {
    var mapped: [ValueID] = []
    for (result, isWanted) in zip(results, isWanted) { mapped.append(isWanted ? try self.mapped(result) : result.value) }
    return mapped
  }

  package mutating func mappedResults() throws(KilnError) -> [ValueID] {
    try results(mappedWhere: results.map { _ in true })
  }

  /// The value with its batch axis; one that all examples share is repeated.
  mutating func mapped(_ operand: BatchedValue) throws(KilnError) -> ValueID {
    if operand.isMapped { return operand.value }
    let type = rewriter.type(of: operand.value)
    return try rewriter.broadcast(operand.value, type.batched(size).shape, axes: Array(1..<1 + type.rank))
  }

  /// The type of an operand without its batch axis.
  func exampleType(_ operand: BatchedValue) -> TensorType {
    let type = rewriter.type(of: operand.value)
    return operand.isMapped ? TensorType(type.dtype, Shape(Array(type.shape.dropFirst()))) : type
  }

  /// Changes the functions and instructions built so far.
  mutating func build<Result>(
    _ body: (inout Rewriter) throws(KilnError) -> Result
  ) throws(KilnError) -> Result { try body(&rewriter) }
}

extension TensorType {
  /// The type of `size` such tensors, stacked along a new leading axis.
  package func batched(_ size: Int) -> TensorType { TensorType(dtype, Shape([Dimension(size)] + Array(shape))) }
}

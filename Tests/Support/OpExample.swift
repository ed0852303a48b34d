public import KilnIR

/// One op on operands of these types.
public struct OpExample: Sendable {
  public var op: Op
  public var operands: [TensorType]
  /// The functions that the op names.
  public var module: Module

  /// An axis of an operand, or of the result of an op without operands.
  public struct Axis: Hashable, Sendable {
    var operand: Int
    var axis: Int
  }

  /// Different examples of an op of this label, with at most `maximumAxes` axes to name, drawn by chance.
  public static func examples(
    of label: String, count: Int, maximumAxes: Int
  ) throws(ConstraintFailure) -> [OpExample] {
    var examples: [OpExample] = []
    let dtypes: [DType] = [.f32, .i32, .bool, .f64, .i64]
    for seed in 0..<UInt64(40 * count) where examples.count < count {
      let dtype = dtypes[Int(seed) % dtypes.count]
      guard let program = try RandomProgram.single(label, dtype: dtype, attempts: 1, from: seed),
        let main = program.module[program.entry],
        let instruction = main.instructions.elements.last(where: { RandomProgram.label(of: $0.op) == label })
      else { continue }
      let example = OpExample(
        op: instruction.op, operands: instruction.operands.map { main.valueTypes[$0] }, module: program.module)
      guard (1...maximumAxes).contains(example.axes.count),
        !examples.contains(where: { $0.op == example.op && $0.operands == example.operands })
      else { continue }
      examples.append(example)
    }
    return examples
  }

  /// The axes whose sizes may get a name. One of a single element that the op repeats may not: whether it does is
  /// decided by the declaration.
  public var axes: [Axis] {
    let shapes = operands.isEmpty ? [sourceShape] : operands.map(\.shape)
    return shapes.enumerated().flatMap { operand, shape in
      shape.indices.filter { !isStretched(axis: $0) }.map { Axis(operand: operand, axis: $0) }
    }
  }

  private func isStretched(axis: Int) -> Bool {
    guard case .movement(.broadcast(let shape, let axes)) = op else { return false }
    return operands[0].shape[axis] != shape[axes[axis]]
  }

  private var sourceShape: Shape {
    switch op {
    case .source(.constant(let literal)): literal.splat == nil ? .scalar : literal.type.shape
    case .source(.iota(let type, _)): type.shape
    case .source(.dimensionSize), .map, .type, .movement, .reduction, .contraction, .indexing, .control: .scalar
    }
  }

  /// A function of the op whose `axes` have names, with the numbers of the names.
  /// - Parameter isShared: whether equal sizes have one name, in the attributes too, or each has its own.
  public func program(
    naming axes: [Axis], isShared: Bool, seed: UInt64
  ) throws(ConstraintFailure) -> (module: Module, sizes: [String: Int]) {
    let shapes = operands.isEmpty ? [sourceShape] : operands.map(\.shape)
    var sizes: [String: Int] = [:]
    var naming = SizeNaming(random: SplitMix64(seed: seed))
    var named = operands
    for axis in axes {
      let number = shapes[axis.operand][axis.axis].staticSize
      let name = isShared ? "s\(number)" : "a\(axis.operand)_\(axis.axis)"
      sizes[name] = number
      if isShared || operands.isEmpty { naming.names[number] = Dimension(named: name) }
      if !operands.isEmpty { named[axis.operand].shape[axis.axis] = Dimension(named: name) }
    }
    let program = try RandomProgram(module: single(), entry: "main", inputs: [])
    return (try program.naming(parameters: named, naming).module, sizes)
  }

  /// A function of the op alone.
  private func single() throws(ConstraintFailure) -> Module {
    var module = Module()
    for function in self.module.functions where function.name != "main" { try module.append(function) }
    var builder = FunctionBuilder("main", in: module)
    let parameters = operands.enumerated().map { builder.addParameter("x\($0)", $1) }
    let results = try builder.emit(op, parameters)
    try module.append(builder.finish(results))
    return module
  }

  /// Inputs for the op at the sizes of `function`, with indices that it takes.
  public func inputs(_ function: Function, seed: UInt64) throws(ConstraintFailure) -> [TensorValue] {
    var random = SplitMix64(seed: seed)
    let types = function.parameters.map(\.type)
    let op = function.instructions.elements.last?.op ?? op
    var inputs: [TensorValue] = []
    for (operand, type) in types.enumerated() {
      // No index is right on an axis without elements.
      if let extent = RandomProgram.checkedExtent(of: op, operand: operand, types), extent > 0 {
        inputs.append(try random.indices(type, in: 0..<Swift.min(extent, 128)))
      } else if operand == 0, case .control(.while) = op {
        // The counter, from which on turns are counted.
        inputs.append(try random.indices(type, in: 0..<4))
      } else {
        inputs.append(try random.tensor(type))
      }
    }
    return inputs
  }
}

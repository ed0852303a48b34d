public import KilnIR

/// A well-typed module drawn from all ops, with inputs for its last function.
public struct RandomProgram: Sendable {
  public var module: Module
  /// The function to run.
  public var entry: String
  /// One value per parameter of `entry`.
  public var inputs: [TensorValue]

  public init(module: Module, entry: String, inputs: [TensorValue]) {
    self.module = module
    self.entry = entry
    self.inputs = inputs
  }

  /// What a generated program may contain.
  public struct Options: Sendable {
    public var dtypes = DType.allCases
    public var instructions = 4...20
    /// No value has more elements.
    public var maximumElementCount = 4096

    public init() {}
  }

  /// The program of a seed. Equal seeds give equal programs.
  public init(seed: UInt64, options: Options = Options()) throws(ConstraintFailure) {
    var random = SplitMix64(seed: seed)
    var module = Module()
    // Some programs have functions to call.
    for index in 0..<random.index(below: 3) {
      let size = 1 + random.index(below: 4)
      let callee = try ProgramGenerator.function(
        "callee\(index)", instructions: size, in: module, options: options, random: &random)
      module = callee.module
      try module.append(callee.function)
    }
    let size = Int.random(in: options.instructions, using: &random)
    let main = try ProgramGenerator.function(
      "main", instructions: size, in: module, options: options, random: &random)
    module = main.module
    try module.append(main.function)
    self.init(module: module, entry: "main", inputs: main.inputs)
  }

  /// The results according to the reference.
  public func run() throws(KilnError) -> [TensorValue] {
    try ReferenceInterpreter.run(module, function: entry, inputs: inputs)
  }

  /// How often each op occurs, by `label(of:)`.
  public var opCounts: [String: Int] {
    var counts: [String: Int] = [:]
    for function in module.functions {
      for instruction in function.instructions.elements { counts[Self.label(of: instruction.op), default: 0] += 1 }
    }
    return counts
  }

  /// The op with the attribute that decides what it computes: `add`, `reduce sum`, `gather clamp`.
  public static func label(of op: Op) -> String {
    switch op {
    case .source, .map, .type, .movement, .contraction, .control: op.spelling
    case .reduction(.reduce(let kind, _)): "reduce \(kind)"
    case .reduction(.argReduce(let kind, _)): "argReduce \(kind)"
    case .reduction(.scanReduce(let kind, _, _)): "scanReduce \(kind)"
    case .indexing(.gather(_, let bounds)): "gather \(bounds)"
    case .indexing(.scatter(_, let combiner, _)): "scatter \(combiner)"
    case .indexing(.dynamicSlice(_, let bounds)): "dynamicSlice \(bounds)"
    case .indexing(.dynamicUpdateSlice(let bounds)): "dynamicUpdateSlice \(bounds)"
    case .indexing(.argSort): op.spelling
    }
  }

  /// The extent in which the numbers of an operand must be, where the op checks that; nil for other operands.
  public static func checkedExtent(of op: Op, operand: Int, _ types: [TensorType]) -> Int? {
    switch op {
    case .indexing(.gather(let indexed, .check)), .indexing(.scatter(let indexed, _, .check)):
      operand == 1 ? indexed.axes.map { types[0].shape.dimensions[$0] }.min() : nil
    case .indexing(.dynamicSlice(let sizes, .check)):
      operand > 0 ? types[0].shape.dimensions[operand - 1] - sizes[operand - 1].staticSize + 1 : nil
    case .indexing(.dynamicUpdateSlice(.check)):
      operand > 1 ? types[0].shape.dimensions[operand - 2] - types[1].shape.dimensions[operand - 2] + 1 : nil
    case .indexing, .source, .map, .type, .movement, .reduction, .contraction, .control: nil
    }
  }

  /// The labels of all ops that programs are drawn from.
  public static var allLabels: [String] { ProgramGenerator.recipes.map(\.label) }
}

import KilnIR

/// Draws one function instruction by instruction. A recipe per op finds or makes operands that fit.
struct ProgramGenerator {
  struct Recipe: Sendable {
    let label: String
    /// Emits the op; nil when the values at hand do not allow it.
    let emit: @Sendable (inout ProgramGenerator) throws(ConstraintFailure) -> ValueID?
  }

  var random: SplitMix64
  var builder: FunctionBuilder
  let options: RandomProgram.Options
  /// How many branches and loops are around the function.
  let depth: Int
  private(set) var inputs: [TensorValue] = []
  /// What operands are picked from.
  private(set) var values: [ValueID] = []

  static func function(
    _ name: String, instructions: Int, in module: Module, options: RandomProgram.Options, random: inout SplitMix64
  ) throws(ConstraintFailure) -> (function: Function, module: Module, inputs: [TensorValue]) {
    var generator = ProgramGenerator(
      random: SplitMix64(seed: random.next()), builder: FunctionBuilder(name, in: module), options: options)
    _ = try generator.parameter(generator.randomType())
    try generator.draw(instructions: instructions)
    // The last value, and perhaps others.
    var results = [generator.values[generator.values.count - 1]]
    while generator.random.oneIn(2) { results.append(generator.random.pick(generator.values)) }
    return (generator.builder.finish(results), generator.builder.module, generator.inputs)
  }

  /// Draws the body of a function.
  mutating func draw(instructions: Int) throws(ConstraintFailure) {
    // A function without parameters has something to begin with.
    if values.isEmpty { values.append(try constant(randomType())) }
    var remaining = instructions
    var attempts = 20 * instructions
    while remaining > 0 && attempts > 0 {
      attempts -= 1
      let list =
        switch random.index(below: 12) {
        case 0..<4: Self.arithmeticRecipes
        case 4: Self.formRecipes
        default: Self.recipes
        }
      if let value = try random.pick(list).emit(&self) {
        values.append(value)
        remaining -= 1
      }
    }
  }

  init(random: SplitMix64, builder: FunctionBuilder, options: RandomProgram.Options) {
    self.random = random
    self.builder = builder
    self.options = options
    depth = 0
  }

  /// A function that a branch or loop of `outer` runs. It has these parameters and no others.
  init(_ name: String, inside outer: inout ProgramGenerator, parameters: [TensorType]) {
    random = SplitMix64(seed: outer.random.next())
    builder = FunctionBuilder(name, in: outer.builder.module)
    options = outer.options
    depth = outer.depth + 1
    values = parameters.enumerated().map { builder.addParameter("x\($0)", $1) }
  }

  // MARK: - Types

  func type(_ value: ValueID) -> TensorType { builder.type(of: value) }

  mutating func randomShape() -> Shape {
    if random.oneIn(12) { return [Dimension(random.pick([33, 513, 1025, 2050]))] }
    var sizes: [Int] = []
    var count = 1
    for _ in 0..<random.index(below: 5) {
      let size = random.pick([0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 5, 17, 17, 65])
      if count * max(size, 1) <= options.maximumElementCount {
        sizes.append(size)
        count *= max(size, 1)
      }
    }
    return Shape(sizes)
  }

  mutating func randomType() -> TensorType { TensorType(random.pick(options.dtypes), randomShape()) }

  func fits(_ type: TensorType) -> Bool { type.shape.elementCount <= options.maximumElementCount }

  /// A dtype of the options of which `predicate` holds.
  mutating func dtype(where predicate: (DType) -> Bool) -> DType? {
    let dtypes = options.dtypes.filter(predicate)
    return dtypes.isEmpty ? nil : random.pick(dtypes)
  }

  // MARK: - Operands

  mutating func parameter(_ type: TensorType) throws(ConstraintFailure) -> ValueID {
    try parameter(random.tensor(type))
  }

  mutating func parameter(_ value: TensorValue) throws(ConstraintFailure) -> ValueID {
    // A branch or body has its parameters already.
    if depth > 0 { return try constant(value.type) }
    inputs.append(value)
    let parameter = builder.addParameter("p\(inputs.count - 1)", value.type, isHidden: random.oneIn(10))
    values.append(parameter)
    return parameter
  }

  mutating func emit(_ op: Op, _ operands: [ValueID]) throws(ConstraintFailure) -> ValueID {
    try builder.emitOne(op, operands)
  }

  /// Any value with a type of which `predicate` holds.
  mutating func anyValue(where predicate: (TensorType) -> Bool) -> ValueID? {
    let candidates = values.filter { predicate(type($0)) }
    // Often the newest, so that ops meet in chains.
    return random.oneIn(2) ? candidates.last : candidates.isEmpty ? nil : random.pick(candidates)
  }

  /// A value of some dtype of which `predicate` holds: one at hand, or a new parameter.
  mutating func value(dtype predicate: (DType) -> Bool) throws(ConstraintFailure) -> ValueID? {
    if !random.oneIn(8), let value = anyValue(where: { predicate($0.dtype) }) { return value }
    guard let dtype = dtype(where: predicate) else { return nil }
    return try parameter(TensorType(dtype, randomShape()))
  }

  /// A value of this very type; now and then one that the op has at another operand already.
  mutating func value(of wanted: TensorType, orAgain chosen: [ValueID]) throws(ConstraintFailure) -> ValueID {
    if let value = again(chosen, of: wanted) { return value }
    return try value(of: wanted)
  }

  /// Now and then one of the values that an op has already.
  mutating func again(_ chosen: [ValueID], of wanted: TensorType) -> ValueID? {
    guard random.oneIn(4) else { return nil }
    return chosen.filter { type($0) == wanted }.randomElement(using: &random)
  }

  /// A value of this very type: one at hand, a constant, a conversion, a broadcast or a new parameter.
  mutating func value(of wanted: TensorType) throws(ConstraintFailure) -> ValueID {
    if !random.oneIn(3), let value = anyValue(where: { $0 == wanted }) { return value }
    switch random.index(below: 5) {
    case 0: return try constant(wanted)
    case 1:
      if let source = anyValue(where: { $0.shape == wanted.shape }) {
        return try emit(.type(.convert(wanted.dtype)), [source])
      }
    case 2:
      if let source = anyValue(where: { $0 == TensorType(wanted.dtype, .scalar) }) {
        return try emit(.movement(.broadcast(wanted.shape, axes: [])), [source])
      }
    default: break
    }
    return try parameter(wanted)
  }

  /// A constant: neutral elements and other equal numbers, or a few different ones.
  mutating func constant(_ type: TensorType) throws(ConstraintFailure) -> ValueID {
    if type.shape.elementCount <= 64 && random.oneIn(2) {
      return try emit(.source(.constant(Literal(type, bits: random.tensor(type).bits))), [])
    }
    let dtype = type.dtype
    let scalar: Scalar
    switch random.index(below: 6) {
    case 0: scalar = .zero(dtype)
    case 1: scalar = Scalar(dtype, dtype.isReal ? -0.0 : 0)
    case 2: scalar = .one(dtype)
    case 3: scalar = Scalar(dtype, random.pick([2, 4, 8, 0.5, 0.25, 3]))
    default: scalar = random.scalar(dtype)
    }
    return try emit(.source(.constant(Literal(splat: scalar, shape: type.shape))), [])
  }
}

public import KilnIR

extension RandomProgram {
  /// A program that ends in the op `label` on values of `dtype`, its operands drawn from that dtype and the ones of
  /// indices and conditions; nil if none of `attempts` draws makes one, so that the op, it seems, refuses the dtype.
  public static func single(
    _ label: String, dtype: DType, attempts: Int = 60, from seed: UInt64 = 0
  ) throws(ConstraintFailure) -> RandomProgram? {
    guard let recipe = ProgramGenerator.recipes.first(where: { $0.label == label }) else { return nil }
    var options = Options()
    options.dtypes = [dtype] + [DType.i32, .bool].filter { $0 != dtype }
    options.maximumElementCount = 256
    for attempt in seed..<seed + UInt64(attempts) {
      var random = SplitMix64(seed: attempt)
      var module = Module()
      let callee = try ProgramGenerator.function(
        "callee0", instructions: 2, in: module, options: options, random: &random)
      module = callee.module
      try module.append(callee.function)
      guard let main = try ProgramGenerator.single(recipe, dtype, in: module, options: options, random: &random) else {
        continue
      }
      module = main.module
      try module.append(main.function)
      return RandomProgram(module: module, entry: "main", inputs: main.inputs)
    }
    return nil
  }
}

extension ProgramGenerator {
  /// The function that one use of a recipe makes; nil when it makes none whose op has to do with `dtype`.
  fileprivate static func single(
    _ recipe: Recipe, _ dtype: DType, in module: Module, options: RandomProgram.Options, random: inout SplitMix64
  ) throws(ConstraintFailure) -> (function: Function, module: Module, inputs: [TensorValue])? {
    var generator = ProgramGenerator(
      random: SplitMix64(seed: random.next()), builder: FunctionBuilder("main", in: module), options: options)
    _ = try generator.parameter(TensorType(dtype, generator.randomShape()))
    guard let value = try recipe.emit(&generator),
      let instruction = generator.builder.instructions.elements.last(where: {
        RandomProgram.label(of: $0.op) == recipe.label
      })
    else { return nil }
    let operands = instruction.operands.map { generator.type($0) }
    let results = Array(instruction.results.map { generator.type($0) })
    guard (operands.isEmpty ? results : operands).contains(where: { $0.dtype == dtype && $0.shape.elementCount > 0 })
    else {
      return nil
    }
    return (generator.builder.finish([value]), generator.builder.module, generator.inputs)
  }
}

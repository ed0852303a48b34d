import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// A named function body with its parameter types, checked at random operands.
struct GradientCase: CustomTestStringConvertible, Sendable {
  let name: String
  let parameters: String
  let result: String
  let body: String

  init(_ name: String, _ parameters: String, _ result: String, _ body: String) {
    (self.name, self.parameters, self.result, self.body) = (name, parameters, result, body)
  }

  var testDescription: String { name }

  func program() throws -> Module { try main(parameters, result, body) }

  /// Distinct numbers away from 0, so that kinks of abs, max and min are far.
  func inputs(_ module: Module) throws -> [TensorValue] {
    var random = SplitMix64(seed: 3)
    return try (module["main"]?.parameters ?? []).map { parameter in
      let count = parameter.type.shape.elementCount
      let numbers = (0..<count).map { index -> Double in
        let size = 0.3 + 1.9 * Double(index) / Double(count)
        return index % 2 == 0 ? size : -size
      }
      return try tensor(numbers.shuffled(using: &random), parameter.type.shape.dimensions)
    }
  }
}

/// The pullbacks of ops that are not elementwise, against central differences.
@Suite struct OpGradientTests {
  static let movement: [GradientCase] = [
    GradientCase("reshape", "%x: f64[2,3]", "f64[6]", "%y: f64[6] = reshape(%x)\nreturn %y"),
    GradientCase("broadcast", "%x: f64[3]", "f64[2,3,4]", "%y: f64[2,3,4] = broadcast(%x) {axes = [1]}\nreturn %y"),
    GradientCase(
      "broadcast stretch", "%x: f64[2,1]", "f64[2,3]", "%y: f64[2,3] = broadcast(%x) {axes = [0, 1]}\nreturn %y"),
    GradientCase(
      "broadcast to nothing", "%x: f64[2,1]", "f64[2,0]", "%y: f64[2,0] = broadcast(%x) {axes = [0, 1]}\nreturn %y"),
    GradientCase(
      "transpose", "%x: f64[2,3,4]", "f64[4,2,3]", "%y: f64[4,2,3] = transpose(%x) {permutation = [2, 0, 1]}\nreturn %y"
    ),
    GradientCase(
      "slice", "%x: f64[3,8]", "f64[2,3]",
      "%y: f64[2,3] = slice(%x) {start = [1, 1], limit = [3, 7], stride = [1, 2]}\nreturn %y"),
    GradientCase(
      "empty slice", "%x: f64[3,8]", "f64[0,3]",
      "%y: f64[0,3] = slice(%x) {start = [2, 1], limit = [2, 7], stride = [1, 2]}\nreturn %y"),
    GradientCase(
      "pad", "%x: f64[2,3], %v: f64[]", "f64[4,8]",
      "%y: f64[4,8] = pad(%x, %v) {low = [1, 0], high = [1, 3], interior = [0, 1]}\nreturn %y"),
    GradientCase(
      "pad of nothing", "%x: f64[0], %v: f64[]", "f64[3]",
      "%y: f64[3] = pad(%x, %v) {low = [1], high = [2], interior = [1]}\nreturn %y"),
    GradientCase("reverse", "%x: f64[2,3]", "f64[2,3]", "%y: f64[2,3] = reverse(%x) {axes = [1]}\nreturn %y"),
    GradientCase(
      "concatenate", "%x: f64[2,3], %z: f64[2,1]", "f64[2,7]",
      "%y: f64[2,7] = concatenate(%x, %z, %x) {axis = 1}\nreturn %y"),
  ]

  static let sums: [GradientCase] = [
    GradientCase(
      "reduce sum", "%x: f64[2,3,4]", "f64[3]", "%y: f64[3] = reduce(%x) {kind = sum, axes = [2, 0]}\nreturn %y"),
    GradientCase("reduce max", "%x: f64[3,4]", "f64[3]", "%y: f64[3] = reduce(%x) {kind = max, axes = [1]}\nreturn %y"),
    GradientCase("reduce min", "%x: f64[3,4]", "f64[4]", "%y: f64[4] = reduce(%x) {kind = min, axes = [0]}\nreturn %y"),
    GradientCase(
      "reduce product", "%x: f64[3,2,3]", "f64[2]", "%y: f64[2] = reduce(%x) {kind = product, axes = [2, 0]}\nreturn %y"
    ),
    GradientCase(
      "product of one", "%x: f64[3,1]", "f64[3]", "%y: f64[3] = reduce(%x) {kind = product, axes = [1]}\nreturn %y"),
    GradientCase(
      "product of none", "%x: f64[3,0]", "f64[3]", "%y: f64[3] = reduce(%x) {kind = product, axes = [1]}\nreturn %y"),
    GradientCase(
      "dot", "%x: f64[3,4], %w: f64[4,2]", "f64[3,2]",
      "%y: f64[3,2] = dot(%x, %w) {batch = [], contract = [[1, 0]]}\nreturn %y"),
    GradientCase(
      "dot with batch and several pairs", "%x: f64[2,3,4,5], %w: f64[5,4,2,2]", "f64[2,3,2]",
      "%y: f64[2,3,2] = dot(%x, %w) {batch = [[0, 2]], contract = [[3, 0], [2, 1]]}\nreturn %y"),
    GradientCase(
      "dot of vectors", "%x: f64[4], %w: f64[4]", "f64[]",
      "%y: f64[] = dot(%x, %w) {batch = [], contract = [[0, 0]]}\nreturn %y"),
    GradientCase(
      "outer product", "%x: f64[3], %w: f64[2]", "f64[3,2]",
      "%y: f64[3,2] = dot(%x, %w) {batch = [], contract = []}\nreturn %y"),
    GradientCase(
      "a matrix with itself", "%x: f64[3,3]", "f64[3,3]",
      "%y: f64[3,3] = dot(%x, %x) {batch = [], contract = [[1, 0]]}\nreturn %y"),
  ]

  static let gathers: [GradientCase] = [
    GradientCase(
      "gather", "%x: f64[4,3]", "f64[2,2,3]",
      "%i: i32[2,2] = constant() {value = [0, 3, 3, 1]}\n%y: f64[2,2,3] = gather(%x, %i) {axis = 0, bounds = check}\nreturn %y"
    ),
    GradientCase(
      "gather that drops", "%x: f64[2,3]", "f64[2,4]",
      "%i: i32[4] = constant() {value = [0, 3, -1, 2]}\n%y: f64[2,4] = gather(%x, %i) {axis = 1, bounds = drop}\nreturn %y"
    ),
    GradientCase(
      "gather that clamps", "%x: f64[2,3]", "f64[2,4]",
      "%i: i32[4] = constant() {value = [0, 3, -1, 2]}\n%y: f64[2,4] = gather(%x, %i) {axis = 1, bounds = clamp}\nreturn %y"
    ),
  ]

  static let scatters: [GradientCase] = ["add", "replace", "multiply", "maximum", "minimum"].flatMap { combiner in
    ["clamp", "drop"].map { bounds in
      let body = """
        %i: i32[2,2] = constant() {value = [0, 2, 2, 7]}
        %y: f64[2,3] = scatter(%x, %i, %u) {axis = 1, combiner = \(combiner), bounds = \(bounds)}
        return %y
        """
      return GradientCase("scatter \(combiner) \(bounds)", "%x: f64[2,3], %u: f64[2,2,2]", "f64[2,3]", body)
    }
  }

  static let convolutions: [GradientCase] = [
    GradientCase(
      "convolution", "%x: f64[2,5,2], %k: f64[3,2,2]", "f64[2,5,2]",
      "%y: f64[2,5,2] = convolution(%x, %k) {contract = [[2, 1]], windows = [[1, 0]], strides = [1], low = [1], high = [1]}\nreturn %y"
    ),
    GradientCase(
      "convolution of planes", "%x: f64[1,5,4,2], %k: f64[3,2,2,1]", "f64[1,2,3,1]",
      """
      %y: f64[1,2,3,1] = convolution(%x, %k) {contract = [[3, 2]], windows = [[1, 0], [2, 1]], strides = [2, 1], low = [0, 0], high = [1, 0]}
      return %y
      """),
    GradientCase(
      "convolution with every dilation", "%x: f64[1,3,2], %k: f64[2,2,1]", "f64[1,5,1]",
      """
      %y: f64[1,5,1] = convolution(%x, %k) {contract = [[2, 0]], windows = [[1, 1]], strides = [2], low = [2], high = [3], lhsDilation = [3], rhsDilation = [2]}
      return %y
      """),
    GradientCase(
      "convolution in groups", "%x: f64[1,3,2,2], %k: f64[2,2,2,1]", "f64[1,2,2,1]",
      """
      %y: f64[1,2,2,1] = convolution(%x, %k) {batch = [[2, 2]], contract = [[3, 1]], windows = [[1, 0]], strides = [1], low = [0], high = [0], result = [1, 2, 0, 3]}
      return %y
      """),
    GradientCase(
      "convolution of a part", "%x: f64[7], %k: f64[2]", "f64[2]",
      "%y: f64[2] = convolution(%x, %k) {contract = [], windows = [[0, 0]], strides = [2], low = [-1], high = [-2]}\nreturn %y"
    ),
    GradientCase(
      "convolution without positions", "%x: f64[2], %k: f64[3]", "f64[0]",
      "%y: f64[0] = convolution(%x, %k) {contract = [], windows = [[0, 0]], strides = [1], low = [0], high = [0]}\nreturn %y"
    ),
    GradientCase(
      "windows", "%x: f64[6,2]", "f64[2,2,2]",
      "%y: f64[2,2,2] = windows(%x) {axes = [0], sizes = [2], strides = [2], dilations = [3]}\nreturn %y"),
    GradientCase(
      "overlapAdd", "%w: f64[3,2,3]", "f64[7,2]",
      "%y: f64[7,2] = overlapAdd(%w) {axes = [0], strides = [2], dilations = [1]}\nreturn %y"),
    GradientCase(
      "max pooling", "%x: f64[1,5,4,1]", "f64[1,2,2,1]",
      """
      %w: f64[1,2,2,1,3,2] = windows(%x) {axes = [1, 2], sizes = [3, 2], strides = [2, 2], dilations = [1, 1]}
      %y: f64[1,2,2,1] = reduce(%w) {kind = max, axes = [4, 5]}
      return %y
      """),
  ]

  static let scans: [GradientCase] = ["sum", "product", "max", "min"].flatMap { kind in
    [false, true].map { isReversed in
      GradientCase(
        "scanReduce \(kind)\(isReversed ? " in reverse" : "")", "%x: f64[2,4,2]", "f64[2,4,2]",
        "%y: f64[2,4,2] = scanReduce(%x) {kind = \(kind), axis = 1, reverse = \(isReversed)}\nreturn %y")
    }
  }

  /// Boxes that begin at data.
  static let boxes: [GradientCase] = [("check", 1), ("clamp", 7)].flatMap { bounds, start in
    [
      GradientCase(
        "dynamicSlice \(bounds)", "%x: f64[3,4]", "f64[2,2]",
        "%i: i32[] = constant() {value = \(start)}\n%j: i32[] = constant() {value = 2}\n"
          + "%y: f64[2,2] = dynamicSlice(%x, %i, %j) {sizes = [2, 2], bounds = \(bounds)}\nreturn %y"),
      GradientCase(
        "dynamicUpdateSlice \(bounds)", "%x: f64[3,4], %u: f64[2,2]", "f64[3,4]",
        "%i: i64[] = constant() {value = \(start)}\n%j: i64[] = constant() {value = 0}\n"
          + "%y: f64[3,4] = dynamicUpdateSlice(%x, %u, %i, %j) {bounds = \(bounds)}\nreturn %y"),
    ]
  }

  /// Axes that run together and several indexed axes.
  static let generalIndexing: [GradientCase] =
    [
      GradientCase(
        "gather in batches", "%x: f64[2,3]", "f64[2,4]",
        "%i: i32[2,4] = constant() {value = [0, 2, 2, 1, 1, 0, 5, 0]}\n"
          + "%y: f64[2,4] = gather(%x, %i) {axis = 1, batch = [[0, 0]], bounds = drop}\nreturn %y"),
      GradientCase(
        "gather of vectors", "%x: f64[3,2,2]", "f64[2,2]",
        "%i: i32[2,2] = constant() {value = [0, 2, 1, 0]}\n"
          + "%y: f64[2,2] = gather(%x, %i) {axes = [2, 0], bounds = clamp}\nreturn %y"),
    ]
    + ["add", "replace", "multiply", "maximum", "minimum"].map { combiner in
      GradientCase(
        "scatter \(combiner) of vectors in batches", "%x: f64[2,3,2,2], %u: f64[2,4,2]", "f64[2,3,2,2]",
        """
        %i: i32[4,2,2] = constant() {value = [0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 2, 7, 0, 1, 0]}
        %y: f64[2,3,2,2] = scatter(%x, %i, %u) {axes = [3, 1], batch = [[2, 1]], combiner = \(combiner), bounds = drop}
        return %y
        """)
    }

  static let all: [GradientCase] = movement + sums + scans + gathers + scatters + generalIndexing + boxes + convolutions

  /// Cases without a reason to differentiate them twice.
  static let once: [GradientCase] = [
    GradientCase("convert", "%x: f64[3]", "f64[3]", "%h: f64[3] = convert(%x)\nreturn %h"),
    GradientCase(
      "a result twice and a parameter", "%x: f64[2]", "f64[2], f64[2], f64[2]",
      "%y: f64[2] = sin(%x)\nreturn %y, %x, %y"),
  ]

  /// Ops that are not functions of reals, that make constants, that stop or refuse a derivative on purpose, or that run
  /// other functions, whose tests are in files of their own.
  static let withoutDerivative: Set<String> = [
    "constant", "iota", "dimensionSize", "bitcast", "argReduce max", "argReduce min", "argSort", "reduce and",
    "reduce or", "scanReduce and", "scanReduce or",
    "call", "custom", "checkpoint", "barrier", "stopGradient", "cond", "while", "scan",
  ]

  @Test("every op that is not elementwise has a gradient test, or no derivative")
  func coverage() throws {
    var tested = Self.withoutDerivative
    for check in Self.all + Self.once { tested.formUnion(try check.program().ops()) }
    let functions = ScalarFunction.allCases.map(\.spelling)
    #expect(Set(RandomProgram.allLabels).subtracting(tested).subtracting(functions).isEmpty)
  }

  @Test("pullbacks agree with central differences", arguments: all + once)
  func agreesWithDifferences(check: GradientCase) throws {
    let program = try check.program()
    try GradientCheck(program, check.inputs(program)).expectFirstDerivative("\(check.name)")
  }

  @Test("pullbacks of squares have derivatives themselves", arguments: all)
  func secondDerivatives(check: GradientCase) throws {
    var program = try check.program()
    let callee = try #require(program["main"])
    var builder = FunctionBuilder("energy", in: program)
    let parameters = callee.parameters.map { builder.addParameter($0.name, $0.type) }
    let y = try builder.emitOne(.control(.call(callee: "main", captured: 0)), parameters)
    let square = try builder.emitOne(.map(.multiply), [y, y])
    let axes = Array(0..<builder.type(of: y).rank)
    let energy = axes.isEmpty ? square : try builder.emitOne(.reduction(.reduce(.sum, axes: axes)), [square])
    let cube = try builder.emitOne(.map(.multiply), [energy, builder.emitOne(.map(.sin), [energy])])
    try program.append(builder.finish([cube]))
    try GradientCheck(program, function: "energy", check.inputs(program)).expectSecondDerivative("\(check.name)")
  }

  @Test("reduce max and min share the cotangent equally between ties")
  func ties() throws {
    let program = try main("%x: f64[4]", "f64[]", "%y: f64[] = reduce(%x) {kind = max, axes = [0]}\nreturn %y")
    let derived = try Differentiation.gradient(of: "main", in: program, withRespectTo: [0])
    let found = try derived.module.run(derived.name, [tensor([3, 1, 3, 2], [4])])
    #expect(found[0].doubles == [0.5, 0, 0.5, 0])
  }

  @Test("the gradient of a product needs no division: zeros are exact")
  func productWithZeros() throws {
    let program = try main("%x: f64[3,3]", "f64[3]", "%y: f64[3] = reduce(%x) {kind = product, axes = [1]}\nreturn %y")
    let derived = try Differentiation.vjp(of: "main", in: program, withRespectTo: [0])
    let x = try tensor([2, 0, 3, 0, 0, 5, 2, 3, 4], [3, 3])
    let found = try derived.module.run(derived.name, [x, tensor([1, 1, 1], [3])])
    #expect(found[1].doubles == [0, 6, 0, 0, 0, 0, 12, 8, 6])
  }

  @Test("scatter replace: the last update of a slice gets its cotangent")
  func lastUpdateWins() throws {
    let program = try main(
      "%x: f64[3], %u: f64[3]", "f64[3]",
      "%i: i32[3] = constant() {value = [1, 1, 5]}\n"
        + "%y: f64[3] = scatter(%x, %i, %u) {axis = 0, combiner = replace, bounds = drop}\nreturn %y")
    let derived = try Differentiation.vjp(of: "main", in: program, withRespectTo: [0, 1])
    let found = try derived.module.run(
      derived.name, [tensor([1, 2, 3], [3]), tensor([4, 5, 6], [3]), tensor([10, 20, 30], [3])])
    #expect(found[1].doubles == [10, 0, 30])
    #expect(found[2].doubles == [0, 20, 0])
  }

  @Test("scanReduce product: zeros do not divide, ties of a maximum go to the first")
  func scansWithZerosAndTies() throws {
    func cotangents(_ kind: String, _ x: [Double]) throws -> [Double] {
      let program = try main(
        "%x: f64[4]", "f64[4]", "%y: f64[4] = scanReduce(%x) {kind = \(kind), axis = 0, reverse = false}\nreturn %y")
      let derived = try Differentiation.vjp(of: "main", in: program, withRespectTo: [0])
      return try derived.module.run(derived.name, [tensor(x, [4]), tensor([1, 1, 1, 1], [4])])[1].doubles
    }
    // y = (2, 0, 0, 0): dy/dx = rows (1), (0 2), (0 6 0), (0 0 0 0).
    #expect(try cotangents("product", [2, 0, 3, 0]) == [1, 8, 0, 0])
    #expect(try cotangents("product", [2, 5, 3, 1]) == [36, 14, 20, 30])
    #expect(try cotangents("max", [1, 3, 3, 2]) == [1, 3, 0, 0])
  }

  @Test("scatter multiply: a factor that is 0 leaves the others theirs")
  func productOfUpdatesWithZero() throws {
    let program = try main(
      "%x: f64[2], %u: f64[4]", "f64[2]",
      "%i: i32[4] = constant() {value = [0, 0, 1, 1]}\n"
        + "%y: f64[2] = scatter(%x, %i, %u) {axis = 0, combiner = multiply, bounds = check}\nreturn %y")
    let derived = try Differentiation.vjp(of: "main", in: program, withRespectTo: [0, 1])
    let found = try derived.module.run(
      derived.name, [tensor([2, 3], [2]), tensor([0, 5, 0, 0], [4]), tensor([1, 1], [2])])
    #expect(found[1].doubles == [0, 0])
    #expect(found[2].doubles == [10, 0, 0, 0])
  }

  @Test("convert gives the cotangent back in the operand's dtype")
  func conversions() throws {
    let program = try main("%x: f32[]", "f64[]", "%y: f64[] = convert(%x)\n%z: f64[] = multiply(%y, %y)\nreturn %z")
    let derived = try Differentiation.gradient(of: "main", in: program, withRespectTo: [0])
    let found = try derived.module.run(derived.name, [TensorValue([1.5] as [Float], shape: [])])
    #expect(try found[0].elements(as: Float.self) == [3])
  }
}

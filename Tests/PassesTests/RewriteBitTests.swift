import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// A program on which one rule works.
struct RewriteCase: CustomTestStringConvertible, Sendable {
  let rule: String
  let parameters: String
  let result: String
  let body: String
  /// The ops that remain.
  let expected: [String]

  init(_ rule: String, _ parameters: String, _ result: String, _ body: String, leaves expected: [String]) {
    (self.rule, self.parameters, self.result, self.body, self.expected) = (rule, parameters, result, body, expected)
  }

  var testDescription: String { "\(rule): (\(parameters)) \(body)" }
}

/// W4: every rewrite leaves the bits of the reference on numbers that rewrites get wrong.
@Suite struct RewriteBitTests {
  static let reals = ["f16", "bf16", "f32", "f64"]

  static let algebra: [RewriteCase] = reals.flatMap { type in
    let (x, t) = ("%x: \(type)[64]", "\(type)[64]")
    func constant(_ value: String) -> String { "%c: \(t) = constant() {value = \(value)}\n" }
    return [
      RewriteCase("x + (-0)", x, t, constant("-0.0") + "%y: \(t) = add(%x, %c)\nreturn %y", leaves: []),
      RewriteCase("x + (-0)", x, t, constant("-0.0") + "%y: \(t) = add(%c, %x)\nreturn %y", leaves: []),
      RewriteCase("x - (+0)", x, t, constant("0.0") + "%y: \(t) = subtract(%x, %c)\nreturn %y", leaves: []),
      RewriteCase("x · 1", x, t, constant("1.0") + "%y: \(t) = multiply(%x, %c)\nreturn %y", leaves: []),
      RewriteCase("x · 1", x, t, constant("1.0") + "%y: \(t) = multiply(%c, %x)\nreturn %y", leaves: []),
      RewriteCase("x / 1", x, t, constant("1.0") + "%y: \(t) = divide(%x, %c)\nreturn %y", leaves: []),
      RewriteCase("--x", x, t, "%y: \(t) = negate(%x)\n%z: \(t) = negate(%y)\nreturn %z", leaves: []),
      RewriteCase("convert to the same dtype", x, t, "%y: \(t) = convert(%x)\nreturn %y", leaves: []),
      RewriteCase("convert to the same dtype", x, t, "%y: \(t) = bitcast(%x)\nreturn %y", leaves: []),
    ]
  }

  static let powersOfTwo: [RewriteCase] = [
    ("f32", "2.0"), ("f32", "-8.0"), ("f32", "0.0625"), ("f32", "1.7014118e+38"), ("f64", "4.0"),
    ("f64", "-0.25"), ("f32", "8.507059e+37"), ("f32", "2.3509887e-38"),
  ].compactMap { type, value in
    let t = "\(type)[64]"
    let body = "%c: \(t) = constant() {value = \(value)}\n%y: \(t) = divide(%x, %c)\nreturn %y"
    // 1 / 2^127 is a denormal: that division stays.
    let rest = value == "1.7014118e+38" ? "divide" : "multiply"
    return RewriteCase("x / ±2^k", "%x: \(t)", t, body, leaves: ["constant", rest])
  }

  static let integers: [RewriteCase] = ["i8", "u16", "i32", "u64"].flatMap { type in
    let (x, t) = ("%x: \(type)[64]", "\(type)[64]")
    func constant(_ value: String) -> String { "%c: \(t) = constant() {value = \(value)}\n" }
    return [
      RewriteCase("x + (-0)", x, t, constant("0") + "%y: \(t) = add(%x, %c)\nreturn %y", leaves: []),
      RewriteCase("x - (+0)", x, t, constant("0") + "%y: \(t) = subtract(%x, %c)\nreturn %y", leaves: []),
      RewriteCase("x · 1", x, t, constant("1") + "%y: \(t) = multiply(%x, %c)\nreturn %y", leaves: []),
      RewriteCase("x / 1", x, t, constant("1") + "%y: \(t) = divide(%x, %c)\nreturn %y", leaves: []),
      RewriteCase("--x", x, t, "%y: \(t) = negate(%x)\n%z: \(t) = negate(%y)\nreturn %z", leaves: []),
    ]
  }

  static let selects: [RewriteCase] = [
    RewriteCase(
      "select with a constant predicate", "%x: f32[64], %z: f32[64]", "f32[64]",
      "%p: bool[64] = constant() {value = false}\n%y: f32[64] = select(%p, %z, %x)\nreturn %y", leaves: []),
    RewriteCase(
      "select between equal values", "%p: bool[64], %x: f32[64]", "f32[64]",
      "%y: f32[64] = select(%p, %x, %x)\nreturn %y", leaves: []),
    RewriteCase(
      "dimensionSize of a static axis", "%x: f32[64]", "i64[]",
      "%y: i64[] = dimensionSize(%x) {axis = 0}\nreturn %y", leaves: ["constant"]),
  ]

  static let movement: [RewriteCase] = [
    RewriteCase(
      "movement that moves nothing", "%x: f32[4,16]", "f32[4,16]", "%y: f32[4,16] = reshape(%x)\nreturn %y", leaves: []),
    RewriteCase(
      "movement that moves nothing", "%x: f32[4,16]", "f32[4,16]",
      "%y: f32[4,16] = broadcast(%x) {axes = [0, 1]}\nreturn %y", leaves: []),
    RewriteCase(
      "movement that moves nothing", "%x: f32[4,16]", "f32[4,16]",
      "%y: f32[4,16] = transpose(%x) {permutation = [0, 1]}\nreturn %y", leaves: []),
    RewriteCase(
      "movement that moves nothing", "%x: f32[1,16]", "f32[1,16]",
      "%y: f32[1,16] = slice(%x) {start = [0, 0], limit = [1, 16], stride = [3, 1]}\nreturn %y", leaves: []),
    RewriteCase(
      "movement that moves nothing", "%x: f32[1,16], %v: f32[]", "f32[1,16]",
      "%y: f32[1,16] = pad(%x, %v) {low = [0, 0], high = [0, 0], interior = [2, 0]}\nreturn %y", leaves: []),
    RewriteCase(
      "movement that moves nothing", "%x: f32[1,16]", "f32[1,16]",
      "%y: f32[1,16] = reverse(%x) {axes = [0]}\nreturn %y",
      leaves: []),
    RewriteCase(
      "reshape of reshape", "%x: f32[4,16]", "f32[2,32]",
      "%y: f32[8,8] = reshape(%x)\n%z: f32[2,32] = reshape(%y)\nreturn %z", leaves: ["reshape"]),
    RewriteCase(
      "reshape of reshape", "%x: f32[4,16]", "f32[4,16]",
      "%y: f32[8,8] = reshape(%x)\n%z: f32[4,16] = reshape(%y)\nreturn %z", leaves: []),
    RewriteCase(
      "broadcast of broadcast", "%x: f32[1,4]", "f32[2,3,4,5]",
      "%y: f32[1,4,5] = broadcast(%x) {axes = [0, 1]}\n%z: f32[2,3,4,5] = broadcast(%y) {axes = [1, 2, 3]}\nreturn %z",
      leaves: ["broadcast"]),
    RewriteCase(
      "broadcast of added ones", "%x: f32[4,5]", "f32[4,3,5]",
      "%y: f32[4,1,5] = reshape(%x)\n%z: f32[4,3,5] = broadcast(%y) {axes = [0, 1, 2]}\nreturn %z",
      leaves: ["broadcast"]),
    RewriteCase(
      "broadcast of added ones", "%x: f32[1,1]", "f32[2,3,7]",
      "%y: f32[1,1,1] = reshape(%x)\n%z: f32[2,3,7] = broadcast(%y) {axes = [0, 1, 2]}\nreturn %z",
      leaves: ["broadcast"]),
    RewriteCase(
      "transpose of transpose", "%x: f32[2,3,4]", "f32[4,2,3]",
      "%y: f32[3,4,2] = transpose(%x) {permutation = [1, 2, 0]}\n%z: f32[4,2,3] = transpose(%y) {permutation = [1, 2, 0]}\nreturn %z",
      leaves: ["transpose"]),
    RewriteCase(
      "slice of slice", "%x: f32[40]", "f32[4]",
      "%y: f32[12] = slice(%x) {start = [3], limit = [38], stride = [3]}\n"
        + "%z: f32[4] = slice(%y) {start = [2], limit = [10], stride = [2]}\nreturn %z", leaves: ["slice"]),
    RewriteCase(
      "slice of slice", "%x: f32[8]", "f32[0]",
      "%y: f32[3] = slice(%x) {start = [1], limit = [8], stride = [3]}\n"
        + "%z: f32[0] = slice(%y) {start = [3], limit = [3], stride = [5]}\nreturn %z", leaves: ["slice"]),
    RewriteCase(
      "reverse of reverse", "%x: f32[4,5]", "f32[4,5]",
      "%y: f32[4,5] = reverse(%x) {axes = [0, 1]}\n%z: f32[4,5] = reverse(%y) {axes = [1]}\nreturn %z",
      leaves: ["reverse"]),
    RewriteCase(
      "concatenate of one part", "%x: f32[4,5], %e: f32[4,0]", "f32[4,5]",
      "%y: f32[4,5] = concatenate(%e, %x, %e) {axis = 1}\nreturn %y", leaves: []),
    RewriteCase(
      "concatenate of one part", "%x: f32[4,5], %e: f32[4,0]", "f32[4,10]",
      "%y: f32[4,10] = concatenate(%x, %e, %x) {axis = 1}\nreturn %y", leaves: ["concatenate"]),
  ]

  static let contraction: [RewriteCase] = [
    RewriteCase(
      "reduce of transpose", "%x: f32[33,5,40]", "f32[5]",
      "%y: f32[40,5,33] = transpose(%x) {permutation = [2, 1, 0]}\n%z: f32[5] = reduce(%y) {kind = sum, axes = [0, 2]}\nreturn %z",
      leaves: ["reduce sum"]),
    RewriteCase(
      "reduce of transpose", "%x: f32[5,7,3]", "f32[7,5]",
      "%y: f32[7,3,5] = transpose(%x) {permutation = [1, 2, 0]}\n%z: f32[7,5] = reduce(%y) {kind = max, axes = [1]}\nreturn %z",
      leaves: ["transpose", "reduce max"]),
    RewriteCase(
      "dot of transpose", "%x: f32[40,3], %w: f32[5,40]", "f32[3,5]",
      "%xt: f32[3,40] = transpose(%x) {permutation = [1, 0]}\n%wt: f32[40,5] = transpose(%w) {permutation = [1, 0]}\n"
        + "%y: f32[3,5] = dot(%xt, %wt) {batch = [], contract = [[1, 0]]}\nreturn %y", leaves: ["dot"]),
    RewriteCase(
      "dot of transpose", "%x: f32[25,2,30], %w: f32[25,30,2]", "f32[2]",
      "%xt: f32[30,25,2] = transpose(%x) {permutation = [2, 0, 1]}\n%wt: f32[2,30,25] = transpose(%w) {permutation = [2, 1, 0]}\n"
        + "%y: f32[2] = dot(%xt, %wt) {batch = [[2, 0]], contract = [[0, 1], [1, 2]]}\nreturn %y", leaves: ["dot"]),
    RewriteCase(
      "transpose of dot", "%x: f32[2,3,40], %w: f32[2,40,5]", "f32[2,5,3]",
      "%y: f32[2,3,5] = dot(%x, %w) {batch = [[0, 0]], contract = [[2, 1]]}\n"
        + "%z: f32[2,5,3] = transpose(%y) {permutation = [0, 2, 1]}\nreturn %z", leaves: ["dot"]),
    RewriteCase(
      "transpose of dot", "%x: f32[3,4], %w: f32[4,5]", "f32[5,3], f32[3,5]",
      "%y: f32[3,5] = dot(%x, %w) {batch = [], contract = [[1, 0]]}\n"
        + "%z: f32[5,3] = transpose(%y) {permutation = [1, 0]}\nreturn %z, %y", leaves: ["dot", "transpose"]),
  ]

  static let folding: [RewriteCase] = [
    RewriteCase(
      "fold splats", "", "f32[100,100]",
      "%c: f32[100,100] = constant() {value = 3.0}\n%d: f32[100,100] = constant() {value = 0.1}\n"
        + "%m: f32[100,100] = multiply(%c, %d)\n%y: f32[100,100] = exp(%m)\nreturn %y", leaves: ["constant"]),
    RewriteCase(
      "fold splats", "", "i32[7,3]",
      "%c: f32[] = constant() {value = nan}\n%b: f32[5] = broadcast(%c) {axes = []}\n%i: i32[5] = convert(%b)\n"
        + "%v: i32[] = constant() {value = 0}\n%p: i32[7] = pad(%i, %v) {low = [1], high = [1], interior = [0]}\n"
        + "%y: i32[7,3] = broadcast(%p) {axes = [0]}\nreturn %y", leaves: ["constant"]),
    RewriteCase(
      "fold literals", "", "f32[2]",
      "%c: f32[2,3] = constant() {value = [1.0, 1e38, -0.0, inf, 1e-45, 3.0]}\n%e: f32[2,3] = multiply(%c, %c)\n"
        + "%y: f32[2] = reduce(%e) {kind = sum, axes = [1]}\nreturn %y", leaves: ["constant"]),
    RewriteCase(
      "fold literals", "", "f32[100,3]",
      "%c: f32[3] = constant() {value = [1.0, 2.0, 3.0]}\n%y: f32[100,3] = broadcast(%c) {axes = [1]}\nreturn %y",
      leaves: ["constant", "broadcast"]),
  ]

  static let all = algebra + powersOfTwo + integers + selects + movement + contraction + folding

  @Test("W2, W4: each rewrite leaves what it should and keeps the bits", arguments: all)
  func keepsBits(check: RewriteCase) throws {
    let program = try main(check.parameters, check.result, check.body)
    let simplified = try Pipeline([.simplify]).run(program)
    #expect(simplified.ops() == check.expected, "\(simplified)")
    for seed in 0..<4 {
      let inputs = try Self.inputs(program, seed: UInt64(seed))
      for (before, after) in zip(try program.run("main", inputs), try simplified.run("main", inputs)) {
        #expect(before.isIdentical(to: after), "\(before)\n\(after)")
      }
    }
  }

  @Test("W4: every rule has a case")
  func coverage() {
    let tested = Set(Self.all.map(\.rule))
    #expect(Set(Simplifier.rules.map(\.name)) == tested)
  }

  /// ±0, denormals, infinities, NaN, values near overflow, then random bits.
  static func inputs(_ program: Module, seed: UInt64) throws -> [TensorValue] {
    var random = SplitMix64(seed: seed)
    return try (program["main"]?.parameters ?? []).map { parameter in
      let type = parameter.type
      let bits = (0..<type.shape.elementCount).map { index in
        let scalar =
          switch index % 4 {
          case 0 where type.dtype.isReal: random.special(type.dtype)
          case 1: Scalar(type.dtype, bits: random.next())
          case 2 where type.dtype.isReal: Scalar(type.dtype, index % 8 == 2 ? 0.0 : -0.0)
          default: random.scalar(type.dtype)
          }
        return scalar.bits
      }
      return try TensorValue(type, bits: bits)
    }
  }

  /// What Numerics.md W3 forbids, and what only looks like one of the rewrites.
  static let forbidden: [(String, String, String)] = [
    ("%x: f32[8]", "f32[8]", "%c: f32[8] = constant() {value = 0.0}\n%y: f32[8] = add(%x, %c)\nreturn %y"),
    ("%x: f32[8]", "f32[8]", "%c: f32[8] = constant() {value = -0.0}\n%y: f32[8] = subtract(%x, %c)\nreturn %y"),
    ("%x: f32[8]", "f32[8]", "%c: f32[8] = constant() {value = 0.0}\n%y: f32[8] = multiply(%x, %c)\nreturn %y"),
    ("%x: f32[8]", "f32[8]", "%y: f32[8] = subtract(%x, %x)\nreturn %y"),
    ("%x: f32[8]", "f32[8]", "%y: f32[8] = divide(%x, %x)\nreturn %y"),
    ("%x: f32[8]", "f32[8]", "%c: f32[8] = constant() {value = 3.0}\n%y: f32[8] = divide(%x, %c)\nreturn %y"),
    ("%x: f32[8]", "f32[8]", "%c: f32[8] = constant() {value = 2.0}\n%y: f32[8] = power(%x, %c)\nreturn %y"),
    (
      "%x: f32[8]", "f32[8]",
      "%c: f32[8] = constant() {value = 2.0}\n%y: f32[8] = add(%x, %c)\n%z: f32[8] = add(%y, %c)\nreturn %z"
    ),
    (
      "%x: f32[8], %b: f32[8]", "f32[8]", "%s: f32[8] = sqrt(%b)\n%y: f32[8] = divide(%x, %s)\nreturn %y"
    ),
    (
      "%x: f32[8,8]", "f32[]",
      "%y: f32[8] = reduce(%x) {kind = sum, axes = [1]}\n%z: f32[] = reduce(%y) {kind = sum, axes = [0]}\nreturn %z"
    ),
    (
      "%x: f32[8], %b: f32[8]", "f32[]",
      "%y: f32[8] = multiply(%x, %b)\n%z: f32[] = reduce(%y) {kind = sum, axes = [0]}\nreturn %z"
    ),
    ("%x: f32[8]", "f32[8]", "%y: f32[8] = stopGradient(%x)\nreturn %y"),
  ]

  @Test("W3: forbidden rewrites do not happen", arguments: forbidden.indices)
  func forbiddenStays(index: Int) throws {
    let (parameters, result, body) = Self.forbidden[index]
    let program = try main(parameters, result, body)
    #expect(try Pipeline([.simplify]).run(program) == program)
  }
}

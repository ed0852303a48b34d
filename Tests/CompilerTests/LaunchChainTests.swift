import Kiln
import KilnBackends
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Launches that run together, a block of rows at a time, give the bits that they give one after the other (R6).
@Suite("Chains of launches")
struct LaunchChainTests {
  private static let always = CompilationOptions(chainsAlways: true)

  /// What stands between two products, on `%0` and to `%1`, both of type T.
  private static let middles: [(name: String, lines: String)] = [
    ("nothing", "%1: T = copy"),
    ("pointwise", "%a: T = multiply(%0, %0)\n  %1: T = negate(%a)"),
    (
      "row sums",
      "%a: R = reduce(%0) {kind = sum, axes = [2]}\n  %b: T = broadcast(%a) {axes = [0, 1]}\n"
        + "  %1: T = subtract(%0, %b)"
    ),
    ("sorted rows", "%a: I = argSort(%0) {axis = 2, descending = false}\n  %1: T = convert(%a)"),
    ("running sums", "%1: T = scanReduce(%0) {kind = sum, axis = 2, reverse = false}"),
  ]

  private static func program(
    _ dtype: DType, batches: Int, rows: Int, _ middle: String, sharesRight: Bool
  ) throws -> RandomProgram {
    let (terms, columns, last) = (5, 19, 7)
    func type(_ shape: [Int]) -> TensorType { TensorType(dtype, Shape(shape)) }
    let x = type([batches, rows, terms])
    let rights = [[terms, columns], [columns, last]].map { type(sharesRight ? $0 : [batches] + $0) }
    let (inner, result) = (type([batches, rows, columns]), type([batches, rows, last]))
    let axes = sharesRight ? "batch = [], contract = [[2, 0]]" : "batch = [[0, 0]], contract = [[2, 1]]"
    let indices = TensorType(.i32, inner.shape)
    let lines = middle.replacing(": T", with: ": \(inner)").replacing(": I", with: ": \(indices)").replacing(
      ": R", with: ": \(type([batches, rows]))")
    let isCopy = lines.hasSuffix("copy")
    let text = """
      func @main(%x: \(x), %v: \(rights[0]), %w: \(rights[1])) -> (\(result)) {
        %0: \(inner) = dot(%x, %v) {\(axes)}
        \(isCopy ? "" : lines)
        %2: \(result) = dot(\(isCopy ? "%0" : "%1"), %w) {\(axes)}
        return %2
      }
      """
    var random = SplitMix64(seed: UInt64(rows))
    let inputs = try ([x] + rights).map { type in
      let bytes = (0..<type.shape.elementCount).flatMap { _ in
        let element = Scalar(Int32.random(in: -9...9, using: &random)).converted(to: dtype)
        return withUnsafeBytes(of: element.bits.littleEndian) { $0.prefix(dtype.byteCount) }
      }
      return try TensorValue(type, bytes: bytes)
    }
    return RandomProgram(module: try Module(parsing: text, file: "chain"), entry: "main", inputs: inputs)
  }

  @Test("R6: two products and what stands between them", arguments: [true, false])
  func products(sharesRight: Bool) throws {
    var chained = 0
    for (dtype, batches, rows) in [
      (DType.f32, 1, 2), (.f64, 1, 13), (.i32, 3, 6), (.f32, 2, 25), (.f64, 5, 1), (.f32, 1, 97), (.i32, 1, 97),
    ] {
      for middle in Self.middles {
        let program = try Self.program(
          dtype, batches: batches, rows: rows, middle.lines, sharesRight: sharesRight)
        let plan = try ExecutionPlan.compiled(program.module, program.entry, Self.always)
        chained += plan.chains.isEmpty ? 0 : 1
        let reason = program.disagreement(on: .processor(Self.always))
        #expect(reason == nil, "\(middle.name), \(batches) × \(rows): \(plan)")
      }
    }
    #expect(chained >= 20)
  }

  @Test("R6: random programs, their launches in chains wherever that can be", arguments: 0..<UInt64(4))
  func random(part: UInt64) throws {
    var chained = 0
    for seed in stride(from: 16 * part, to: 2000, by: 4 * 16) {
      let program = try RandomProgram(seed: seed)
      for fuses in [true, false] {
        let options = CompilationOptions(fuses: fuses, chainsAlways: true)
        chained += try ExecutionPlan.compiled(program.module, program.entry, options).chains.count
        guard let reason = program.disagreement(on: .processor(options, pools: [Backend.pools[1]])) else { continue }
        let small = program.shrunk { $0.disagreement(on: .processor(options)) != nil }
        Issue.record("seed \(seed): \(reason)\n\(small.listing)")
        return
      }
    }
    #expect(chained >= 10)
  }

  // MARK: Which launches

  private func plan(_ traced: Traced) throws -> ExecutionPlan { try .compiled(traced.module, traced.name) }

  @Test("The scores of attention have no memory but a block's")
  func attentionIsOneChain() throws {
    let x = Tensor<Float>.zeros([2, 8, 512, 64])
    let plan = try plan(trace(x, x, x) { attention($0, $1, $2, isCausal: true) })
    #expect(plan.chains.count == 1)
    let chain = try #require(plan.chains.first)
    #expect(chain.batches == 16 && chain.rows == 512 && chain.rowsAtOnce < 256)
    let scores = 16 * 512 * 512 * 4
    #expect(plan.memory.arenaBytes < scores / 2, "\(plan)")
    #expect(plan.slots.contains { if case .block = $0.place { $0.type.byteCount == scores } else { false } })
  }

  @Test("What is small enough for the caches, and what is read as a whole, are not chained")
  func noChains() throws {
    let (small, large) = (Tensor<Float>.zeros([64, 64]), Tensor<Float>.zeros([1024, 1024]))
    #expect(try plan(trace(small) { matmul(softmax(matmul($0, $0)), $0) }).chains == [])
    #expect(try plan(trace(large) { matmul($0, matmul($0, $0)) }).chains == [])
  }
}

/// `plan.C10`.
@Suite("Chains that are wrong")
struct LaunchChainFaultTests {
  private static func plan() throws -> ExecutionPlan {
    let x = Tensor<Float>.zeros([2, 25, 19])
    let traced = try trace(x) { x in matmul(softmax(matmul(x, x.swappingAxes(1, 2))), x) }
    return try .compiled(traced.module, traced.name, CompilationOptions(chainsAlways: true))
  }

  private static let faults: [(String, @Sendable (inout ExecutionPlan) -> Void)] = [
    ("one launch", { $0.chains[0].steps = 0..<1 }),
    ("a step that is not there", { $0.chains[0].steps = 0..<9 }),
    ("other rows", { $0.chains[0].rows = 24 }),
    ("rows that are no whole tiles", { $0.chains[0].rowsAtOnce = 5 }),
    ("more rows than there are", { $0.chains[0].rowsAtOnce = 26 }),
    ("batches as rows", { $0.chains[0] = LaunchChain(steps: 0..<3, batches: 1, rows: 50, rowsAtOnce: 6) }),
    ("no rows", { $0.chains[0].batches = 0 }),
    ("twice", { $0.chains.append($0.chains[0]) }),
    ("a slot in a block that is used behind the chain", { $0.chains[0].steps = 0..<2 }),
    ("no chain", { $0.chains = [] }),
    (
      "a block that is not aligned",
      { plan in
        let slot = plan.slots.firstIndex { if case .block = $0.place { true } else { false } }!
        plan.slots[slot].place = .block(4)
      }
    ),
    (
      "a right operand that the chain writes",
      { plan in
        guard case .launch(var last) = plan.steps[2], case .launch(let first) = plan.steps[0] else { return }
        last.slots[1] = first.slots[first.slots.count - 1]
        plan.steps[2] = .launch(last)
      }
    ),
  ]

  @Test("A wrong chain is found", arguments: faults.indices)
  func fault(_ number: Int) throws {
    var plan = try Self.plan()
    try #require(plan.chains.count == 1 && plan.chains[0].steps == 0..<3, "\(plan)")
    Self.faults[number].1(&plan)
    let found = PlanVerifier.diagnostics(for: plan)
    #expect(found.first?.label == "plan.C10", "\(Self.faults[number].0): \(found)")
  }

  @Test("The text of a chain is read back")
  func text() throws {
    let plan = try Self.plan()
    #expect(try ExecutionPlan(parsing: plan.description, file: "chain.plan") == plan)
  }
}

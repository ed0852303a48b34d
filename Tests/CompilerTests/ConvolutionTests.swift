import KilnBackends
import KilnCPU
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Convolutions, windows and overlapAdd: the definition against loops written out here, and every backend against it.
@Suite("Convolutions and windows")
struct ConvolutionTests {
  /// The bits of the reference on the kernel interpreter, and on the CPU fused and not, on one, two and three threads.
  private func expectAgreement(_ module: Module, seed: UInt64 = 1, _ name: String) throws {
    let function = try #require(module.functions.last)
    var random = SplitMix64(seed: seed)
    var inputs: [TensorValue] = []
    for parameter in function.parameters { inputs.append(try random.tensor(parameter.type)) }
    let program = RandomProgram(module: module, entry: function.name, inputs: inputs)
    let expected = try program.run()
    let backends = [
      Backend.kernelReference(), .processor(pools: [Backend.pools[0]]),
      .processor(CompilationOptions(fuses: false), pools: [Backend.pools[1]]), .processor(pools: [Backend.pools[2]]),
    ]
    for (variant, backend) in backends.enumerated() {
      for (number, pair) in try zip(expected, program.run(on: backend)).enumerated()
      where !pair.0.isIdentical(to: pair.1) {
        Issue.record("\(name), \(backend), variant \(variant): result \(number) differs\n\(module)")
      }
    }
  }

  // MARK: - The definition

  @Test("D3: NHWC terms are numbered (kh, kw, c), in blocks of 512, padding takes part", arguments: [3, 70])
  func definition(channels: Int) throws {
    let (height, width, features) = (4, 5, 2)
    var random = SplitMix64(seed: 9)
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float.random(in: -1...1, using: &random) } }
    let (x, k) = (numbers(height * width * channels), numbers(9 * channels * features))
    var expected: [Float] = []
    for oh in 0..<2 {
      for ow in 0..<3 {
        for feature in 0..<features {
          var blocks: [Float] = []
          var number = 0
          for kh in 0..<3 {
            for kw in 0..<3 {
              for c in 0..<channels {
                if number % 512 == 0 { blocks.append(0) }
                let (h, w) = (2 * oh + kh - 1, 2 * ow + kw - 1)
                let isInside = (0..<height).contains(h) && (0..<width).contains(w)
                let a = isInside ? x[(h * width + w) * channels + c] : 0
                let b = k[((kh * 3 + kw) * channels + c) * features + feature]
                blocks[blocks.count - 1] = blocks[blocks.count - 1].addingProduct(a, b)
                number += 1
              }
            }
          }
          expected.append(blocks.dropFirst().reduce(blocks[0], +))
        }
      }
    }
    let op = Op.contraction(
      .convolution(
        Convolution(
          contract: [AxisPair(3, 2)],
          windows: [
            .init(AxisPair(1, 0), stride: 2, low: 1, high: 1), .init(AxisPair(2, 1), stride: 2, low: 1, high: 1),
          ])))
    let operands = [
      try TensorValue(x, shape: [1, 4, 5, Dimension(channels)]),
      try TensorValue(k, shape: [3, 3, Dimension(channels), 2]),
    ]
    let types = try op.infer(operands.map(\.type), in: Module())
    let found = try ReferenceInterpreter.evaluate(op: op, operands: operands, resultTypes: types, location: .unknown)
    #expect(try found[0].elements(as: Float.self) == expected)
  }

  // MARK: - Agreement

  /// A convolution with its square and, of reals, its pullback.
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let lhs: TensorType
    let rhs: TensorType
    let convolution: Convolution

    init(_ name: String, _ lhs: TensorType, _ rhs: TensorType, _ convolution: Convolution) {
      (testDescription, self.lhs, self.rhs, self.convolution) = (name, lhs, rhs, convolution)
    }

    func program() throws -> Module {
      var builder = FunctionBuilder("f")
      let (x, k) = (builder.addParameter("x", lhs), builder.addParameter("k", rhs))
      let y = try builder.emitOne(.contraction(.convolution(convolution)), [x, k])
      let square = try builder.emitOne(.map(.multiply), [y, y])
      let module = try Module([builder.finish([y, square])])
      return lhs.dtype.isReal ? try Differentiation.vjp(of: "f", in: module, withRespectTo: [0, 1]).module : module
    }
  }

  private static func images(_ windows: [Convolution.Window]) -> Convolution {
    Convolution(contract: [AxisPair(windows.count + 1, windows.count)], windows: windows)
  }

  private static func window(
    _ axis: Int, stride: Int = 1, low: Dimension = 0, high: Dimension = 0, lhsDilation: Int = 1, rhsDilation: Int = 1
  ) -> Convolution.Window {
    Convolution.Window(
      AxisPair(axis + 1, axis), stride: stride, low: low, high: high, lhsDilation: lhsDilation, rhsDilation: rhsDilation
    )
  }

  static let cases: [Case] = [
    Case(
      "same padding, two blocks", TensorType(.f32, [2, 3, 17, 60]), TensorType(.f32, [3, 3, 60, 18]),
      images([window(0, low: 1, high: 1), window(1, low: 1, high: 1)])),
    Case(
      "strides with something left over", TensorType(.f32, [1, 8, 9, 5]), TensorType(.f32, [3, 2, 5, 7]),
      images([window(0, stride: 2), window(1, stride: 3, low: 1)])),
    Case(
      "strides, more than 512 terms", TensorType(.f32, [1, 6, 7, 66]), TensorType(.f32, [3, 3, 66, 4]),
      images([window(0, stride: 2, low: 1, high: 1), window(1, stride: 2)])),
    Case(
      "a stride wider than the window", TensorType(.f64, [2, 11, 3]), TensorType(.f64, [2, 3, 4]),
      images([window(0, stride: 4, low: 1, high: 2)])),
    Case(
      "dilated taps", TensorType(.f32, [2, 12, 3]), TensorType(.f32, [3, 3, 4]),
      images([window(0, stride: 2, low: 2, high: 1, rhsDilation: 3)])),
    Case(
      "dilated elements", TensorType(.f32, [2, 5, 6, 3]), TensorType(.f32, [3, 4, 3, 5]),
      images([window(0, low: 2, high: 1, lhsDilation: 2), window(1, low: 1, high: 4, lhsDilation: 3)])),
    Case(
      "dilated elements, more than 512 terms", TensorType(.f32, [1, 4, 5, 80]), TensorType(.f32, [3, 3, 80, 3]),
      images([window(0, low: 2, high: 1, lhsDilation: 2), window(1, low: 1, high: 3, lhsDilation: 2)])),
    Case(
      "both dilated, strides, negative padding", TensorType(.f64, [1, 7, 300]), TensorType(.f64, [4, 300, 2]),
      images([window(0, stride: 3, low: -2, high: 5, lhsDilation: 4, rhsDilation: 2)])),
    Case(
      "gaps: phases without taps", TensorType(.f32, [1, 4, 2]), TensorType(.f32, [2, 2, 3]),
      images([window(0, low: 1, high: 7, lhsDilation: 5)])),
    Case(
      "elements further apart than the window has positions", TensorType(.f32, [1, 2, 2]), TensorType(.f32, [3, 2, 3]),
      images([window(0, low: 40, high: Dimension(10 - (1 << 20)), lhsDilation: 1 << 20)])),
    Case(
      "groups", TensorType(.f32, [2, 5, 6, 3, 4]), TensorType(.f32, [3, 3, 4, 3, 5]),
      Convolution(
        batch: [AxisPair(3, 3)], contract: [AxisPair(4, 2)],
        windows: [window(0, low: 1, high: 1), window(1, stride: 2)], result: [1, 2, 3, 0, 4])),
    Case(
      "depthwise", TensorType(.f32, [2, 6, 7, 19, 1]), TensorType(.f32, [3, 3, 1, 19, 1]),
      Convolution(
        batch: [AxisPair(3, 3)], contract: [AxisPair(4, 2)],
        windows: [window(0, low: 1, high: 1), window(1, stride: 2)], result: [1, 2, 3, 0, 4])),
    Case(
      "channels first", TensorType(.f32, [2, 3, 6, 6]), TensorType(.f32, [4, 3, 3, 3]),
      Convolution(
        contract: [AxisPair(1, 1)],
        windows: [
          .init(AxisPair(2, 2), low: 1, high: 1), .init(AxisPair(3, 3), stride: 2, low: 1, high: 1),
        ], result: [0, 3, 1, 2])),
    Case(
      "three axes", TensorType(.f32, [1, 4, 5, 4, 3]), TensorType(.f32, [2, 3, 2, 3, 4]),
      images([window(0, high: 1), window(1, stride: 2), window(2, low: 1)])),
    Case(
      "integers", TensorType(.i32, [1, 5, 5, 3]), TensorType(.i32, [2, 3, 3, 2]),
      images([window(0, low: 1, lhsDilation: 2), window(1, stride: 2, high: 1)])),
    Case(
      "one feature", TensorType(.f32, [2, 9, 16]), TensorType(.f32, [3, 16, 1]), images([window(0, low: 1, high: 1)])),
    Case("no batch", TensorType(.f32, [0, 5, 2]), TensorType(.f32, [3, 2, 4]), images([window(0)])),
    Case("no positions", TensorType(.f32, [1, 2, 2]), TensorType(.f32, [3, 2, 4]), images([window(0)])),
    Case(
      "no elements, padding only", TensorType(.f32, [1, 0, 2]), TensorType(.f32, [3, 2, 4]),
      images([window(0, low: 2, high: 2, lhsDilation: 2)])),
  ]

  @Test("S1 D3: reference = kernel reference = CPU, with pullbacks", arguments: cases)
  func agreement(_ test: Case) throws { try expectAgreement(test.program(), test.testDescription) }

  static let pools: [(name: String, text: String)] = [
    ("max pool", pool("f32[2,8,6,5]", "f32[2,4,3,5]", [2, 2], [2, 2], [1, 1], "max")),
    ("overlapping max pool", pool("f32[1,9,9,18]", "f32[1,4,4,18]", [3, 3], [2, 2], [1, 1], "max")),
    ("sum pool", pool("f32[2,7,7,3]", "f32[2,5,3,3]", [3, 3], [1, 2], [1, 1], "sum")),
    ("sum of 30 taps", pool("f32[1,9,8,4]", "f32[1,5,3,4]", [5, 6], [1, 1], [1, 1], "sum")),
    ("sum of 49 taps", pool("f32[2,7,7,33]", "f32[2,1,1,33]", [7, 7], [1, 1], [1, 1], "sum")),
    ("product with gaps", pool("f64[1,9,7,2]", "f64[1,3,2,2]", [2, 2], [3, 4], [2, 1], "product")),
    ("integers", pool("i32[1,6,7,2]", "i32[1,4,3,2]", [3, 2], [1, 2], [1, 2], "max")),
  ]

  private static func pool(
    _ x: String, _ y: String, _ sizes: [Int], _ strides: [Int], _ dilations: [Int], _ kind: String
  ) -> String {
    let w = y.dropLast() + ",\(sizes[0]),\(sizes[1])]"
    return """
      func @f(%x: \(x)) -> (\(y)) {
        %0: \(w) = windows(%x) {axes = [1, 2], sizes = \(sizes), strides = \(strides), dilations = \(dilations)}
        %1: \(y) = reduce(%0) {kind = \(kind), axes = [4, 5]}
        return %1
      }
      """
  }

  @Test("S1 R2 R5: pooling and its pullback give the reference's bits", arguments: pools.indices)
  func pooling(number: Int) throws {
    let (name, text) = Self.pools[number]
    let module = try Module(parsing: text, file: "pool.kiln")
    try expectAgreement(module, name)
    guard module.functions[0].parameters[0].type.dtype.isReal else { return }
    try expectAgreement(Differentiation.vjp(of: "f", in: module, withRespectTo: [0]).module, name + ", pullback")
  }

  @Test("S1: random programs with windows, fused and not")
  func randomPrograms() throws {
    let labels: Set<String> = ["convolution", "windows", "overlapAdd"]
    for seed in 0..<200 as Range<UInt64> {
      let program = try RandomProgram(seed: 50_000 + seed)
      guard !labels.isDisjoint(with: program.opCounts.keys) else { continue }
      for fuses in [true, false] {
        let backend = Backend.processor(CompilationOptions(fuses: fuses), pools: [Backend.pools[Int(seed % 3)]])
        guard let reason = program.disagreement(on: backend) else { continue }
        let small = program.shrunk { $0.disagreement(on: backend) != nil }
        Issue.record("seed \(50_000 + seed), \(fuses ? "fused" : "unfused"): \(reason)\n\(small.listing)")
        return
      }
    }
  }

  // MARK: - Plans

  private func plan(_ module: Module) throws -> ExecutionPlan { try .compiled(module) }

  @Test("no buffer of a convolution or its pullback is as large as the windows of its operand")
  func noWindowCopies() throws {
    let plan = try plan(Self.cases[0].program())
    let largest = plan.memory.allocations.map(\.byteCount).max() ?? 0
    // The padded image and the padded cotangent; 9 times as much would be im2col.
    #expect(largest <= 2 * 5 * 19 * 60 * 4 + 4096)
    let contractions = plan.launches.filter { plan.kernels[$0.kernel].schedule.isContraction }
    #expect(contractions.count == 3)
  }

  @Test("pooling and its pullback write no copy of an overlapping window, and run in vectors")
  func poolingPlan() throws {
    let module = try Module(parsing: Self.pools[1].text, file: "pool.kiln")
    let plan = try plan(Differentiation.vjp(of: "f", in: module, withRespectTo: [0]).module)
    let largest = plan.memory.allocations.map(\.byteCount).max() ?? 0
    #expect(largest <= 4 * 4 * 18 * 4 + 64, "\(plan)")
    #expect(plan.kernels.allSatisfy { $0.schedule != .cpu(.serial) }, "\(plan)")
  }
}

extension Schedule {
  fileprivate var isContraction: Bool {
    if case .cpu(.contraction) = self { true } else { false }
  }
}

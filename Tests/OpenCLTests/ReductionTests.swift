import KilnIR
import KilnOpenCL
import KilnTesting
import Testing

@Suite("OpenCL: reductions and contractions", .enabled(if: OpenCLHarness.runs), .serialized)
struct ReductionTests {
  /// T1, but for the sizes that R2 and D1 treat alike.
  static let sizes = [0, 1, 2, 3, 31, 32, 33, 511, 512, 513, 1023, 1024, 1025, 8192, 8193, 16384, 16385]

  static func values(_ type: TensorType, seed: UInt64) throws -> TensorValue {
    var random = SplitMix64(seed: seed)
    let bits = (0..<type.shape.elementCount).map { _ in
      type.dtype.isReal
        ? Scalar(type.dtype, Double.random(in: -2...2, using: &random)).bits : random.scalar(type.dtype).bits
    }
    return try TensorValue(type, bits: bits)
  }

  /// Every kind for one dtype at all sizes; for the others what their arithmetic makes different.
  static let kinds: [(dtype: DType, kinds: [ReductionKind], extremes: [ArgReductionKind])] = [
    (.f32, [.sum, .product, .max], [.max]), (.f64, [.sum], []), (.i32, [.sum, .min], [.min]), (.u8, [.product], []),
    (.bool, [.and], []),
  ]

  @Test("R1 R2 R3 T1: reductions of rows and columns at every size", arguments: 0..<5)
  func reductions(number: Int) throws {
    let (dtype, kinds, extremes) = Self.kinds[number]
    if dtype == .f64, try !OpenCLHarness.device.get().properties.hasDouble { return }
    var builder = FunctionBuilder("reduce_\(dtype)")
    var (inputs, results, names) = ([TensorValue](), [ValueID](), [String]())
    for size in Self.sizes {
      for (shape, axis) in [([3, size], 1), ([size, 9], 0)] {
        let type = TensorType(dtype, shape)
        let x = builder.addParameter("x\(inputs.count)", type)
        inputs.append(try Self.values(type, seed: UInt64(size)))
        for kind in kinds {
          results.append(try builder.emitOne(.reduction(.reduce(kind, axes: [axis])), [x]))
          names.append("\(kind) of axis \(axis)")
        }
        for kind in extremes where size > 0 {
          results.append(try builder.emitOne(.reduction(.argReduce(kind, axis: axis)), [x]))
          names.append("argReduce \(kind) of axis \(axis)")
        }
      }
    }
    try OpenCLHarness.expectReferenceBits(builder.finish(results), inputs, names: names)
  }

  @Test("R2 E9: special values, several axes, NaN among the extremes")
  func specialReductions() throws {
    var builder = FunctionBuilder("special")
    let type = TensorType(.f32, [5, 7, 41])
    let x = builder.addParameter("x", type)
    var results: [ValueID] = []
    for axes in [[0], [1], [0, 2], [2, 0], [0, 1, 2], [2, 1, 0]] {
      for kind in [ReductionKind.sum, .min] {
        results.append(try builder.emitOne(.reduction(.reduce(kind, axes: axes)), [x]))
      }
    }
    for axis in 0..<3 {
      for kind in [ArgReductionKind.max] {
        results.append(try builder.emitOne(.reduction(.argReduce(kind, axis: axis)), [x]))
      }
    }
    for seed in 0..<3 as Range<UInt64> {
      try OpenCLHarness.expectReferenceBits(builder.finish(results), [hardValues(type, seed: seed)])
    }
  }

  @Test("Row programs: softmax and layer norm over rows of several lengths")
  func rowPrograms() throws {
    var builder = FunctionBuilder("rows")
    var (inputs, results) = ([TensorValue](), [ValueID]())
    for size in [7, 100, 3000] {
      let type = TensorType(.f32, [9, size])
      let x = builder.addParameter("x\(size)", type)
      inputs.append(try Self.values(type, seed: UInt64(size)))
      results += try [builder.softmax(x), builder.layerNorm(x)]
    }
    try OpenCLHarness.expectReferenceBits(builder.finish(results), inputs)
  }

  @Test("D1 D2 T1: dots of every length", arguments: [DType.f32, .f64, .i32])
  func dots(dtype: DType) throws {
    if dtype == .f64, try !OpenCLHarness.device.get().properties.hasDouble { return }
    var builder = FunctionBuilder("dot_\(dtype)")
    var (inputs, results, names) = ([TensorValue](), [ValueID](), [String]())
    func add(_ lhs: [Int], _ rhs: [Int], batch: [AxisPair] = [], contract: [AxisPair]) throws {
      let operands = try [lhs, rhs].map { shape in
        inputs.append(try Self.values(TensorType(dtype, shape), seed: UInt64(inputs.count)))
        return builder.addParameter("x\(inputs.count)", TensorType(dtype, shape))
      }
      results.append(try builder.emitOne(.contraction(.dot(batch: batch, contract: contract)), operands))
      names.append("dot of \(lhs) and \(rhs)")
    }
    for size in Self.sizes {
      try add([2, size], [size, 3], contract: [AxisPair(1, 0)])
    }
    for size in [0, 1, 33, 513, 8193] {
      try add([18, size], [size, 21], contract: [AxisPair(1, 0)])
      try add([17, size], [35, size], contract: [AxisPair(1, 1)])
    }
    try add([70, 40], [40, 66], contract: [AxisPair(1, 0)])
    try add([3, 20, 40], [3, 40, 17], batch: [AxisPair(0, 0)], contract: [AxisPair(2, 1)])
    try add([4, 6, 5], [5, 4, 7], contract: [AxisPair(0, 1), AxisPair(2, 0)])
    try add([5000], [5000], contract: [AxisPair(0, 0)])
    try OpenCLHarness.expectReferenceBits(builder.finish(results), inputs, names: names)
  }
}

extension FunctionBuilder {
  mutating func keep(_ kind: ReductionKind, _ x: ValueID) throws -> ValueID {
    let shape = type(of: x).shape.dimensions
    let reduced = try emitOne(.reduction(.reduce(kind, axes: [1])), [x])
    return try emitOne(.movement(.broadcast(Shape(shape), axes: [0])), [reduced])
  }

  mutating func softmax(_ x: ValueID) throws -> ValueID {
    let centred = try emitOne(.map(.subtract), [x, keep(.max, x)])
    let e = try emitOne(.map(.exp), [centred])
    return try emitOne(.map(.divide), [e, keep(.sum, e)])
  }

  mutating func layerNorm(_ x: ValueID) throws -> ValueID {
    let shape = type(of: x).shape
    let count = try emitOne(
      .source(.constant(Literal(splat: Scalar(Float(shape.dimensions[1])), shape: shape))), [])
    let mean = try emitOne(.map(.divide), [keep(.sum, x), count])
    let centred = try emitOne(.map(.subtract), [x, mean])
    let square = try emitOne(.map(.multiply), [centred, centred])
    let variance = try emitOne(.map(.divide), [keep(.sum, square), count])
    return try emitOne(.map(.multiply), [centred, emitOne(.map(.rsqrt), [variance])])
  }
}

public import KilnIR

/// Programs of ops that work on lines of elements, at the sizes where their definitions have edges (Numerics.md T1),
/// along rows and along columns.
public enum LinePrograms {
  public static let sizes = [0, 1, 2, 33, 513, 1023, 1024, 1025, 2049]

  private static let layouts: [(shape: @Sendable (Int) -> [Int], axis: Int)] = [
    ({ [$0] }, 0), ({ [3, $0] }, 1), ({ [$0, 17] }, 0), ({ [2, $0, 2] }, 1),
  ]

  /// Factors around 1, so that products neither vanish nor overflow; with some hard numbers among them if `isHard`.
  public static func values(_ type: TensorType, isHard: Bool, random: inout SplitMix64) throws -> TensorValue {
    let bits = (0..<type.shape.elementCount).map { _ -> UInt64 in
      guard type.dtype.isReal else { return random.scalar(type.dtype).bits }
      if isHard && random.oneIn(40) { return random.scalar(type.dtype).bits }
      let size = Double.random(in: 0.85...1.18, using: &random)
      return Scalar(type.dtype, random.oneIn(2) ? size : -size).bits
    }
    return try TensorValue(type, bits: bits)
  }

  /// Every scan of a dtype.
  public static func scans(_ dtype: DType, isHard: Bool) throws -> RandomProgram {
    var random = SplitMix64(seed: 5)
    var (builder, inputs, results) = (FunctionBuilder("main"), [TensorValue](), [ValueID]())
    let kinds: [ReductionKind] = dtype == .bool ? [.and, .or] : [.sum, .product, .max, .min]
    for size in sizes {
      for (number, layout) in layouts.enumerated() {
        let type = TensorType(dtype, Shape(layout.shape(size)))
        let x = builder.addParameter("x\(inputs.count)", type)
        inputs.append(try values(type, isHard: isHard, random: &random))
        let kind = kinds[(number + size) % kinds.count]
        for (kind, isReversed) in [(kind, false), (kind, true), (kinds[0], number % 2 == 1)] {
          results.append(
            try builder.emitOne(.reduction(.scanReduce(kind, axis: layout.axis, isReversed: isReversed)), [x]))
        }
      }
    }
    return try program(builder, results, inputs)
  }

  /// Sorts of a dtype, with many equal elements.
  public static func sorts(_ dtype: DType) throws -> RandomProgram {
    var random = SplitMix64(seed: 6)
    var (builder, inputs, results) = (FunctionBuilder("main"), [TensorValue](), [ValueID]())
    for size in [0, 1, 2, 63, 64, 65, 300, 1025] {
      for layout in layouts {
        let type = TensorType(dtype, Shape(layout.shape(size)))
        let x = builder.addParameter("x\(inputs.count)", type)
        inputs.append(try random.tensor(type))
        for (isDescending, first) in [
          (false, nil), (true, nil), (true, 0), (false, 1), (true, 8), (false, 64), (true, 65),
        ] {
          if let first, first > size { continue }
          results.append(
            try builder.emitOne(.indexing(.argSort(axis: layout.axis, isDescending: isDescending, first: first)), [x]))
        }
      }
    }
    return try program(builder, results, inputs)
  }

  /// Scatters of rows, of columns, of single elements and in batches, with many updates of one element.
  public static func scatters(_ dtype: DType) throws -> RandomProgram {
    var random = SplitMix64(seed: 7)
    var (builder, inputs, results) = (FunctionBuilder("main"), [TensorValue](), [ValueID]())
    func parameter(_ value: TensorValue) -> ValueID {
      inputs.append(value)
      return builder.addParameter("x\(inputs.count - 1)", value.type)
    }
    let cases: [(operand: [Int], indices: [Int], indexed: IndexedAxes)] = [
      ([7, 150], [90], IndexedAxes(0)), ([150, 7], [90], IndexedAxes(1)), ([9], [5, 40], IndexedAxes(0)),
      ([5, 9, 33], [5, 20], IndexedAxes(1, batch: [AxisPair(0, 0)])),
      ([6, 70], [12, 70], IndexedAxes(0, batch: [AxisPair(1, 1)])),
      ([4, 70, 3], [50, 70, 2], IndexedAxes(vectorsAlong: [2, 0], batch: [AxisPair(1, 1)])),
      ([4, 3, 40], [50, 2], IndexedAxes(vectorsAlong: [0, 1])),
    ]
    for (operand, indices, indexed) in cases {
      for combiner in ScatterCombiner.allCases {
        let bounds: IndexBounds = combiner == .add ? .drop : .clamp
        let x = parameter(try values(TensorType(dtype, Shape(operand)), isHard: true, random: &random))
        let index = parameter(
          try TensorValue(
            (0..<indices.reduce(1, *)).map { _ in Int32.random(in: -1...6, using: &random) }, shape: Shape(indices)))
        let types = [builder.type(of: x), builder.type(of: index)]
        let updates = try Op.indexing(.gather(indexed, bounds: bounds)).infer(types, in: Module())[0]
        let update = parameter(try values(updates, isHard: true, random: &random))
        results.append(
          try builder.emitOne(
            .indexing(.scatter(indexed, combiner: combiner, bounds: bounds)), [x, index, update]))
      }
    }
    return try program(builder, results, inputs)
  }

  fileprivate static func program(
    _ builder: consuming FunctionBuilder, _ results: [ValueID], _ inputs: [TensorValue]
  ) throws -> RandomProgram {
    var module = Module()
    try module.append(builder.finish(results))
    return RandomProgram(module: module, entry: "main", inputs: inputs)
  }
}

extension LinePrograms {
  /// Transposes, alone and with work around them, of whole tiles and with rests.
  public static func transposes(_ dtype: DType) throws -> RandomProgram {
    var random = SplitMix64(seed: 8)
    var (builder, inputs, results) = (FunctionBuilder("main"), [TensorValue](), [ValueID]())
    let cases: [(shape: [Int], permutation: [Int])] = [
      ([16, 16], [1, 0]), ([37, 50], [1, 0]), ([300, 33], [1, 0]), ([3, 40, 17], [0, 2, 1]), ([20, 3, 40], [2, 1, 0]),
      ([18, 19, 20], [1, 2, 0]), ([16, 17, 18, 19], [3, 1, 0, 2]), ([1, 65], [1, 0]), ([0, 20], [1, 0]),
    ]
    for (shape, permutation) in cases {
      let type = TensorType(dtype, Shape(shape))
      let x = builder.addParameter("x\(inputs.count)", type)
      inputs.append(try random.tensor(type))
      let turned = try builder.emitOne(.movement(.transpose(permutation: permutation)), [x])
      results.append(turned)
      guard dtype != .bool else { continue }
      let y = builder.addParameter("x\(inputs.count)", builder.type(of: turned))
      inputs.append(try random.tensor(builder.type(of: turned)))
      results.append(try builder.emitOne(.map(.subtract), [turned, y]))
    }
    return try program(builder, results, inputs)
  }
}

extension LinePrograms {
  /// `count` parameters, added one after the other.
  public static func sum(of count: Int) throws -> RandomProgram {
    var (builder, random) = (FunctionBuilder("main"), SplitMix64(seed: 3))
    let type = TensorType(.f32, [8])
    let parameters = (0..<count).map { builder.addParameter("x\($0)", type) }
    var sum = parameters[0]
    for parameter in parameters.dropFirst() { sum = try builder.emitOne(.map(.add), [sum, parameter]) }
    let inputs = try parameters.map { _ in try values(type, isHard: false, random: &random) }
    return RandomProgram(module: try Module([builder.finish([sum])]), entry: "main", inputs: inputs)
  }
}

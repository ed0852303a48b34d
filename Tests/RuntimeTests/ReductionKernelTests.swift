import KilnIR
import Testing

@testable import KilnCPU
@testable import KilnRuntime

/// Numerics.md R1, R2 and D1 in the plainest words.
enum ReductionDefinition {
  static func tree16(_ values: [Scalar], _ combine: (Scalar, Scalar) -> Scalar) -> Scalar {
    var list = values
    while list.count > 1 {
      list = stride(from: 0, to: list.count, by: 16).map { start in
        list[start..<min(start + 16, list.count)].dropFirst().reduce(list[start], combine)
      }
    }
    return list[0]
  }

  static func blocked(_ values: [Scalar], _ combine: (Scalar, Scalar) -> Scalar) -> Scalar {
    let blocks = stride(from: 0, to: values.count, by: 1024).map { start -> Scalar in
      let block = values[start..<min(start + 1024, values.count)]
      var lanes = Array(block.prefix(32))
      for (offset, value) in block.dropFirst(32).enumerated() {
        lanes[offset % 32] = combine(lanes[offset % 32], value)
      }
      for h in [16, 8, 4, 2, 1] {
        for lane in 0..<h where lane + h < min(2 * h, lanes.count) {
          lanes[lane] = combine(lanes[lane], lanes[lane + h])
        }
      }
      return lanes[0]
    }
    return tree16(blocks, combine)
  }

  static func dot(_ a: [Scalar], _ b: [Scalar], _ dtype: DType) -> Scalar {
    let zero = Scalar(dtype, bits: 0)
    guard !a.isEmpty else { return zero }
    let blocks = stride(from: 0, to: a.count, by: 512).map { start in
      (start..<min(start + 512, a.count)).reduce(zero) { sum, index in
        if dtype == .f32 {
          let (x, y, c) = (UInt32(a[index].bits), UInt32(b[index].bits), UInt32(sum.bits))
          return Scalar(Float(bitPattern: c).addingProduct(Float(bitPattern: x), Float(bitPattern: y)))
        }
        if dtype.isReal { return Primitive.fma.evaluate([a[index], b[index], sum], dtype: dtype) }
        return Primitive.add.evaluate(
          [Primitive.multiply.evaluate([a[index], b[index]], dtype: dtype), sum], dtype: dtype)
      }
    }
    return tree16(blocks) { Primitive.add.evaluate([$0, $1], dtype: dtype) }
  }

  static func reduce(_ kind: ReductionKind, _ values: [Scalar], _ dtype: DType) -> Scalar {
    let primitive: Primitive =
      switch kind {
      case .sum: .add
      case .product: .multiply
      case .max: .maximum
      case .min: .minimum
      case .and: .and
      case .or: .or
      }
    // The frequent cases without the evaluator's detour.
    func combine(_ a: Scalar, _ b: Scalar) -> Scalar {
      switch (dtype, kind) {
      case (.f32, .sum): Scalar(Float(bitPattern: UInt32(a.bits)) + Float(bitPattern: UInt32(b.bits)))
      case (.f64, .sum): Scalar(Double(bitPattern: a.bits) + Double(bitPattern: b.bits))
      case (.f32, .product): Scalar(Float(bitPattern: UInt32(a.bits)) * Float(bitPattern: UInt32(b.bits)))
      case (.f64, .product): Scalar(Double(bitPattern: a.bits) * Double(bitPattern: b.bits))
      default: primitive.evaluate([a, b], dtype: dtype)
      }
    }
    if values.isEmpty {
      switch kind {
      case .sum, .or: return Scalar(dtype, bits: 0)
      case .product: return dtype == .f32 ? Scalar(Float(1)) : dtype == .f64 ? Scalar(1.0) : Scalar(dtype, bits: 1)
      case .and: return Scalar(dtype, bits: .max)
      case .max, .min: preconditionFailure("no value is asked for")
      }
    }
    if dtype.isReal && (kind == .sum || kind == .product) { return blocked(values, combine) }
    return values.dropFirst().reduce(values[0], combine)
  }

  static func argReduce(_ kind: ArgReductionKind, _ values: [Scalar], _ dtype: DType) -> Int {
    var best = 0
    func isNaN(_ x: Scalar) -> Bool { dtype.isReal && Primitive.equal.evaluate([x, x], dtype: .bool).bits == 0 }
    for (index, value) in values.enumerated() where !isNaN(values[best]) {
      let pair = kind == .max ? [values[best], value] : [value, values[best]]
      if isNaN(value) || Primitive.less.evaluate(pair, dtype: .bool).bits == 1 { best = index }
    }
    return best
  }
}

@Suite("Reductions in kernels")
struct ReductionKernelTests {
  /// The sizes of Numerics.md T1, and some more.
  static let sizes = [
    0, 1, 2, 3, 31, 32, 33, 100, 511, 512, 513, 1023, 1024, 1025, 2049, 8192, 8193, 16384, 16385, 17409,
  ]

  /// Rows of `n` elements (or columns, by the strides), reduced in several ways at once:
  /// buffers 0 the elements, then one for each result.
  private func kernel(
    _ dtype: DType, _ kinds: [ReductionKind], _ extremes: [ArgReductionKind], schedule: CPUSchedule, byColumns: Bool
  ) -> Kernel {
    let stride: KernelInteger = .argument(2)
    let element = AffineIndex(
      offset: .constant(0), strides: byColumns ? [.constant(1), stride] : [stride, .constant(1)])
    let effects: [Effect] =
      kinds.map { .reduce(.reduce($0), BodyID(0)) } + extremes.map { .reduce(.argReduce($0), BodyID(0)) }
    let results = kinds.map { _ in dtype } + extremes.map { _ in DType.i32 }
    return Kernel(
      KernelDefinition(
        buffers: [KernelDefinition.Buffer(dtype, isWritten: false)]
          + results.map { KernelDefinition.Buffer($0, isWritten: true) }, integerCount: 3, outer: [.argument(0)],
        stages: [
          KernelDefinition.Stage(inner: [.argument(1)], body: [.load(BufferAccess(0, element))], effects: effects),
          KernelDefinition.Stage(
            inner: [], body: effects.indices.map { .reduced($0) },
            effects: effects.indices.map {
              .store(BodyID($0), BufferAccess($0 + 1, AffineIndex(offset: .constant(0), strides: [.constant(1)])))
            }),
        ]), .cpu(schedule))
  }

  private func check(
    _ dtype: DType, _ kinds: [ReductionKind], _ extremes: [ArgReductionKind], schedule: CPUSchedule, byColumns: Bool,
    outer: Int, n: Int, words: [UInt64], harness: KernelHarness, unitsPerCall: Int = .max
  ) throws {
    let kernel = kernel(dtype, kinds, extremes, schedule: schedule, byColumns: byColumns)
    let filler = [UInt64](repeating: 0, count: outer)
    var buffers = [words] + (kinds.map { _ in filler } + extremes.map { _ in filler })
    try harness.run(kernel, &buffers, integers: [outer, n, byColumns ? outer : n], unitsPerCall: unitsPerCall)
    for point in 0..<outer {
      let values = (0..<n).map { Scalar(dtype, bits: words[byColumns ? $0 * outer + point : point * n + $0]) }
      for (number, kind) in kinds.enumerated() where n > 0 || (kind != .max && kind != .min) {
        let expected = ReductionDefinition.reduce(kind, values, dtype).bits
        let found = buffers[1 + number][point]
        if !same(found, expected, dtype) {
          Issue.record(
            "\(kind) of \(n) \(dtype), point \(point) of \(outer), \(schedule): \(found), expected \(expected)")
        }
      }
      for (number, kind) in extremes.enumerated() where n > 0 {
        let expected = UInt64(ReductionDefinition.argReduce(kind, values, dtype))
        let found = buffers[1 + kinds.count + number][point]
        if found != expected {
          Issue.record("index of \(kind) of \(n) \(dtype), \(schedule): \(found), expected \(expected)")
        }
      }
    }
  }

  private func words(_ dtype: DType, _ count: Int, seed: Int) -> [UInt64] {
    // Hard values make every sum NaN: most cases use ordinary numbers.
    seed % 3 == 0 ? dtype.words(count, seed: seed) : dtype.numbers(count, seed: seed)
  }

  @Test("R1 R2 R3 E9: rows", arguments: [DType.f32, .f64, .i32, .u8])
  func rows(dtype: DType) throws {
    let harness = try KernelHarness.widest.get()
    for (number, n) in Self.sizes.enumerated() {
      let outer = n > 5000 ? 1 : 3
      try check(
        dtype, [.sum, .max, .product, .min], [.max, .min], schedule: .rows, byColumns: false, outer: outer, n: n,
        words: words(dtype, outer * n, seed: number), harness: harness, unitsPerCall: 2)
    }
  }

  @Test("R1 R2 R3 E9: columns", arguments: [DType.f32, .f64, .i32, .u8])
  func columns(dtype: DType) throws {
    let harness = try KernelHarness.widest.get()
    for (number, n) in Self.sizes.enumerated() {
      let outer = n > 5000 ? 2 : [1, 5, 18, 37][number % 4]
      try check(
        dtype, [.sum, .max, .product], [.min], schedule: .columns(strip: 32), byColumns: true, outer: outer, n: n,
        words: words(dtype, outer * n, seed: number), harness: harness, unitsPerCall: 1)
    }
  }

  @Test("R1 R2 R3 E9: serial loops", arguments: [DType.f32, .i64])
  func serial(dtype: DType) throws {
    let harness = try KernelHarness.widest.get()
    for (number, n) in Self.sizes.enumerated() {
      try check(
        dtype, [.sum, .max], [.max, .min], schedule: .serial, byColumns: number % 2 == 0, outer: 2, n: n,
        words: words(dtype, 2 * n, seed: number), harness: harness)
    }
  }

  @Test("R1 R2 R3 E9: split rows", arguments: [DType.f32, .f64, .i16])
  func splitRows(dtype: DType) throws {
    let harness = try KernelHarness.widest.get()
    for (number, n) in Self.sizes.enumerated() {
      for kind in [ReductionKind.sum, .min] {
        try check(
          dtype, [kind], [], schedule: .splitRows, byColumns: false, outer: 2, n: n,
          words: words(dtype, 2 * n, seed: number),
          harness: harness, unitsPerCall: 3)
      }
      try check(
        dtype, [], [.max], schedule: .splitRows, byColumns: false, outer: 2, n: n,
        words: words(dtype, 2 * n, seed: number),
        harness: harness)
    }
  }

  @Test("R3: and, or of bits and of bool")
  func logical() throws {
    let harness = try KernelHarness.widest.get()
    for dtype in [DType.bool, .u16] {
      for (n, schedule) in [(0, CPUSchedule.rows), (1, .rows), (77, .rows), (77, .serial), (2000, .columns(strip: 32))]
      {
        var byColumns = false
        if case .columns = schedule { byColumns = true }
        let words = (0..<4 * n).map { UInt64($0 % 50 == 7 ? 0 : 1) }
        try check(
          dtype, [.and, .or], [], schedule: schedule, byColumns: byColumns, outer: 4, n: n, words: words,
          harness: harness)
      }
    }
  }

  @Test("R2: the same bits on every class of vectors", arguments: HostFeatures.VectorClass.allCases)
  func classes(limit: HostFeatures.VectorClass) throws {
    guard let harness = try KernelHarness.make(limit) else { return }
    for n in [33, 1025] {
      try check(
        .f32, [.sum, .max, .min], [.max], schedule: .rows, byColumns: false, outer: 2, n: n,
        words: words(.f32, 2 * n, seed: n), harness: harness)
      try check(
        .f32, [.sum, .min], [], schedule: .columns(strip: 64), byColumns: true, outer: 21, n: n,
        words: words(.f32, 21 * n, seed: n), harness: harness)
    }
  }

  @Test("D1: dots in columns and in serial loops", arguments: [DType.f32, .f64, .i32])
  func dots(dtype: DType) throws {
    let harness = try KernelHarness.widest.get()
    for schedule in [CPUSchedule.serial, .columns(strip: 32)] {
      for n in [0, 1, 3, 511, 512, 513, 1025, 8193, 8704] {
        let outer = n > 1000 ? 5 : 19
        let vector = AffineIndex(offset: .constant(0), strides: [.constant(0), .constant(1)])
        let matrix = AffineIndex(offset: .constant(0), strides: [.constant(1), .argument(0)])
        let kernel = Kernel(
          KernelDefinition(
            buffers: [
              KernelDefinition.Buffer(dtype, isWritten: false), KernelDefinition.Buffer(dtype, isWritten: false),
              KernelDefinition.Buffer(dtype, isWritten: true),
            ], integerCount: 2, outer: [.argument(0)],
            stages: [
              KernelDefinition.Stage(
                inner: [.argument(1)], body: [.load(BufferAccess(0, vector)), .load(BufferAccess(1, matrix))],
                effects: [.reduce(.dot(BodyID(1)), BodyID(0))]),
              KernelDefinition.Stage(
                inner: [], body: [.reduced(0)],
                effects: [
                  .store(BodyID(0), BufferAccess(2, AffineIndex(offset: .constant(0), strides: [.constant(1)])))
                ]
              ),
            ]), .cpu(schedule))
        var buffers = [
          dtype.numbers(n, seed: n), dtype.numbers(n * outer, seed: n + 1), [UInt64](repeating: 9, count: outer),
        ]
        try harness.run(kernel, &buffers, integers: [outer, n])
        let a = buffers[0].map { Scalar(dtype, bits: $0) }
        for column in 0..<outer {
          let b = (0..<n).map { Scalar(dtype, bits: buffers[1][$0 * outer + column]) }
          let expected = ReductionDefinition.dot(a, b, dtype).bits
          if !same(buffers[2][column], expected, dtype) {
            Issue.record("dot of \(n) \(dtype), \(schedule): \(buffers[2][column]), expected \(expected)")
          }
        }
      }
    }
  }
}

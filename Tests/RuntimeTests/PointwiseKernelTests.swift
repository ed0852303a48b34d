import KilnIR
import Testing

@testable import KilnCPU
@testable import KilnRuntime

private func affine(_ strides: Int..., offset: Int = 0) -> AffineIndex {
  AffineIndex(offset: .constant(offset), strides: strides.map { .constant($0) })
}

@Suite("Pointwise, gather, scatter and fused kernels")
struct PointwiseKernelTests {
  private func add(_ a: UInt64, _ b: UInt64) -> UInt64 {
    UInt64((Float(bitPattern: UInt32(a)) + Float(bitPattern: UInt32(b))).bitPattern)
  }

  @Test("broadcasts, transposes, reversals and offsets; tails, grains and unrolling", arguments: [1, 16, 32])
  func views(lanes: Int) throws {
    let harness = try KernelHarness.widest.get()
    for (rows, columns) in [(1, 1), (3, 7), (2, 64), (5, 133), (1, 300)] {
      for unroll in [1, 4] where lanes > 1 || unroll == 1 {
        // out[i, j] = x[i, j] + row[j] + column[i] + transposed[j, i] + reversed[j] + every third element
        let kernel = Kernel(
          KernelDefinition(
            buffers: [DType](repeating: .f32, count: 6).map { KernelDefinition.Buffer($0, isWritten: false) }
              + [KernelDefinition.Buffer(.f32, isWritten: true)], integerCount: 1,
            outer: [.constant(rows), .constant(columns)],
            stages: [
              KernelDefinition.Stage(
                inner: [],
                body: [
                  .load(BufferAccess(0, affine(columns, 1))), .load(BufferAccess(1, affine(0, 1))),
                  .load(BufferAccess(2, affine(1, 0))),
                  .load(BufferAccess(3, AffineIndex(offset: .constant(0), strides: [.constant(1), .argument(0)]))),
                  .load(BufferAccess(4, affine(0, -1, offset: columns - 1))),
                  .load(BufferAccess(5, affine(0, 3, offset: 1))),
                  .operation(.add, operands: [BodyID(0), BodyID(1)], dtype: .f32),
                  .operation(.add, operands: [BodyID(6), BodyID(2)], dtype: .f32),
                  .operation(.add, operands: [BodyID(7), BodyID(3)], dtype: .f32),
                  .operation(.add, operands: [BodyID(8), BodyID(4)], dtype: .f32),
                  .operation(.add, operands: [BodyID(9), BodyID(5)], dtype: .f32),
                ],
                effects: [.store(BodyID(10), BufferAccess(6, affine(columns, 1)))])
            ]), .cpu(.pointwise(lanes: lanes, unroll: unroll, grain: 64, streaming: false)))
        var buffers = [rows * columns, columns, rows, rows * columns, columns, 3 * columns].enumerated().map {
          DType.f32.numbers($1, seed: $0)
        }
        buffers.append([UInt64](repeating: 0, count: rows * columns))
        try harness.run(kernel, &buffers, integers: [rows], unitsPerCall: 2)
        for i in 0..<rows {
          for j in 0..<columns {
            let terms = [
              buffers[0][i * columns + j], buffers[1][j], buffers[2][i], buffers[3][j * rows + i],
              buffers[4][columns - 1 - j], buffers[5][3 * j + 1],
            ]
            #expect(
              buffers[6][i * columns + j] == terms.dropFirst().reduce(terms[0], add), "\(i) \(j) of \(rows) \(columns)")
          }
        }
      }
    }
  }

  @Test("coordinates", arguments: [1, 16])
  func coordinates(lanes: Int) throws {
    let harness = try KernelHarness.widest.get()
    let (rows, columns) = (3, 37)
    let kernel = Kernel(
      KernelDefinition(
        buffers: [KernelDefinition.Buffer(.i32, isWritten: true), KernelDefinition.Buffer(.i64, isWritten: true)],
        integerCount: 0, outer: [.constant(rows), .constant(columns)],
        stages: [
          KernelDefinition.Stage(
            inner: [], body: [.index(affine(0, 1), dtype: .i32), .index(affine(100, -3, offset: 5), dtype: .i64)],
            effects: [
              .store(BodyID(0), BufferAccess(0, affine(columns, 1))),
              .store(BodyID(1), BufferAccess(1, affine(columns, 1))),
            ])
        ]), .cpu(.pointwise(lanes: lanes, unroll: 2, grain: 32, streaming: false)))
    var buffers = [[UInt64]](repeating: [UInt64](repeating: 0, count: rows * columns), count: 2)
    try harness.run(kernel, &buffers)
    for i in 0..<rows {
      for j in 0..<columns {
        #expect(buffers[0][i * columns + j] == UInt64(j))
        #expect(Int64(bitPattern: buffers[1][i * columns + j]) == Int64(5 + 100 * i - 3 * j))
      }
    }
  }

  @Test("streaming stores", arguments: [0, 1])
  func streaming(offset: Int) throws {
    let harness = try KernelHarness.widest.get()
    let count = 1000
    let kernel = Kernel(
      KernelDefinition(
        buffers: [KernelDefinition.Buffer(.f32, isWritten: false), KernelDefinition.Buffer(.f32, isWritten: true)],
        integerCount: 1, outer: [.argument(0)],
        stages: [
          KernelDefinition.Stage(
            inner: [], body: [.load(BufferAccess(0, affine(1)))],
            effects: [.store(BodyID(0), BufferAccess(1, affine(1, offset: offset)))])
        ]), .cpu(.pointwise(lanes: 16, unroll: 4, grain: 512, streaming: true)))
    var buffers = [DType.f32.words(count, seed: 3), [UInt64](repeating: 0, count: count + offset)]
    try harness.run(kernel, &buffers, integers: [count])
    #expect(Array(buffers[1][offset...]) == buffers[0])
  }

  @Test("gather: check, clamp and drop, one index a row and one an element", arguments: IndexBounds.allCases, [1, 16])
  func gather(bounds: IndexBounds, lanes: Int) throws {
    let harness = try KernelHarness.widest.get()
    let (rows, columns, extent) = (6, 21, 9)
    for dtype in [DType.i32, .u64, .i8] {
      for perElement in [false, true] {
        let chosen = perElement ? affine(columns, 1) : affine(1, 0)
        let kernel = Kernel(
          KernelDefinition(
            buffers: [
              KernelDefinition.Buffer(.f32, isWritten: false), KernelDefinition.Buffer(dtype, isWritten: false),
              KernelDefinition.Buffer(.f32, isWritten: true),
            ], integerCount: 1, outer: [.constant(rows), .constant(columns)],
            stages: [
              KernelDefinition.Stage(
                inner: [],
                body: [
                  .load(BufferAccess(1, chosen)),
                  .load(
                    BufferAccess(
                      0, affine(0, 1),
                      data: [DataIndex(BodyID(0), stride: .constant(columns), extent: .argument(0), site: 42)],
                      bounds: bounds)),
                ],
                effects: [.store(BodyID(1), BufferAccess(2, affine(columns, 1)))])
            ]), .cpu(.pointwise(lanes: lanes, unroll: 1, grain: 64, streaming: false)))
        for outside in [false, true] {
          let indices = (0..<rows * (perElement ? columns : 1)).map { number -> UInt64 in
            let inside = UInt64(number * 5 % extent)
            guard outside, number % 4 == 1 else { return inside }
            return (number % 8 == 1 ? UInt64(bitPattern: -1) : UInt64(extent + number % 3)) & dtype.bitMask
          }
          var buffers = [
            DType.f32.numbers(extent * columns, seed: 1), indices, [UInt64](repeating: 7, count: rows * columns),
          ]
          let status = try harness.run(kernel, &buffers, integers: [extent])
          #expect(status == (outside && bounds == .check ? 42 : 0))
          for i in 0..<rows {
            for j in 0..<columns {
              let word = indices[perElement ? i * columns + j : i]
              let index =
                dtype.isSignedInteger
                ? Int(Int64(bitPattern: word << (64 - dtype.bitWidth)) >> (64 - dtype.bitWidth)) : Int(clamping: word)
              let isInside = (0..<extent).contains(index)
              let used = bounds == .clamp ? min(max(index, 0), extent - 1) : index
              let expected = isInside || bounds == .clamp ? buffers[0][used * columns + j] : 0
              #expect(buffers[2][i * columns + j] == expected, "\(dtype) \(index)")
            }
          }
        }
      }
    }
  }

  @Test("R5: scatter combines in ascending order", arguments: ScatterCombiner.allCases, IndexBounds.allCases)
  func scatter(combiner: ScatterCombiner, bounds: IndexBounds) throws {
    let harness = try KernelHarness.widest.get()
    let (updates, extent) = (40, 7)
    let kernel = Kernel(
      KernelDefinition(
        buffers: [
          KernelDefinition.Buffer(.i32, isWritten: false), KernelDefinition.Buffer(.f32, isWritten: false),
          KernelDefinition.Buffer(.f32, isWritten: true),
        ], integerCount: 0, outer: [],
        stages: [
          KernelDefinition.Stage(
            inner: [.constant(updates)], body: [.load(BufferAccess(0, affine(1))), .load(BufferAccess(1, affine(1)))],
            effects: [
              .scatter(
                combiner, BodyID(1),
                BufferAccess(
                  2, affine(0), data: [DataIndex(BodyID(0), stride: .constant(1), extent: .constant(extent), site: 5)],
                  bounds: bounds))
            ])
        ]), .cpu(.serial))
    let indices = (0..<updates).map { $0 * 11 % 10 - 1 }
    let start = DType.f32.numbers(extent, seed: 2)
    var buffers = [indices.map { UInt64(UInt32(bitPattern: Int32($0))) }, DType.f32.numbers(updates, seed: 3), start]
    let status = try harness.run(kernel, &buffers)
    #expect(status == (bounds == .check ? 5 : 0))
    var expected = start.map { Float(bitPattern: UInt32($0)) }
    for (index, word) in zip(indices, buffers[1]) {
      let update = Float(bitPattern: UInt32(word))
      guard bounds == .clamp || (0..<extent).contains(index) else { continue }
      let place = min(max(index, 0), extent - 1)
      switch combiner {
      case .replace: expected[place] = update
      case .add: expected[place] += update
      case .multiply: expected[place] *= update
      case .maximum: expected[place] = max(expected[place], update)
      case .minimum: expected[place] = min(expected[place], update)
      }
    }
    #expect(buffers[2] == expected.map { UInt64($0.bitPattern) })
  }

  @Test("rows with a scratch row: x divided by the sum of x - max x", arguments: [1, 31, 64, 1000, 2500])
  func scratchRows(n: Int) throws {
    let harness = try KernelHarness.widest.get()
    let rows = 3
    let row = AffineIndex(offset: .constant(0), strides: [.argument(1), .constant(1)])
    func kernel(_ schedule: CPUSchedule) -> Kernel {
      Kernel(
        KernelDefinition(
          buffers: [KernelDefinition.Buffer(.f32, isWritten: false), KernelDefinition.Buffer(.f32, isWritten: true)],
          scratchRows: [.f32], integerCount: 2, outer: [.argument(0)],
          stages: [
            KernelDefinition.Stage(
              inner: [.argument(1)], body: [.load(BufferAccess(0, row))], effects: [.reduce(.reduce(.max), BodyID(0))]),
            KernelDefinition.Stage(
              inner: [.argument(1)],
              body: [
                .load(BufferAccess(0, row)), .reduced(0),
                .operation(.subtract, operands: [BodyID(0), BodyID(1)], dtype: .f32),
              ],
              effects: [.storeScratch(BodyID(2), row: 0), .reduce(.reduce(.sum), BodyID(2))]),
            KernelDefinition.Stage(
              inner: [.argument(1)],
              body: [
                .loadScratch(row: 0), .reduced(1), .operation(.divide, operands: [BodyID(0), BodyID(1)], dtype: .f32),
              ],
              effects: [.store(BodyID(2), BufferAccess(1, row))]),
          ]), .cpu(schedule))
    }
    for schedule in [CPUSchedule.rows, .serial] {
      var buffers = [DType.f32.numbers(rows * n, seed: n), [UInt64](repeating: 0, count: rows * n)]
      try harness.run(kernel(schedule), &buffers, integers: [rows, n])
      for i in 0..<rows {
        let x = buffers[0][i * n..<(i + 1) * n].map { Float(bitPattern: UInt32($0)) }
        let shifted = x.map { $0 - x.max()! }
        let sum = Float(bitPattern: UInt32(ReductionDefinition.reduce(.sum, shifted.map { Scalar($0) }, .f32).bits))
        let expected = shifted.map { UInt64(($0 / sum).bitPattern) }
        #expect(firstDifference(Array(buffers[1][i * n..<(i + 1) * n]), expected, .f32) == nil, "\(schedule) \(n)")
      }
    }
  }

  @Test("the text, which names code in the caches, tells kernels apart")
  func texts() {
    func kernel(_ body: [BodyInstruction]) -> Kernel {
      Kernel(
        KernelDefinition(
          buffers: [KernelDefinition.Buffer(.f32, isWritten: true)], integerCount: 0, outer: [.constant(300)],
          stages: [
            KernelDefinition.Stage(inner: [], body: body, effects: [.store(BodyID(0), BufferAccess(0, affine(1)))])
          ]), .cpu(.serial))
    }
    let bodies: [[BodyInstruction]] = [
      [.constant(Scalar(Float(1)))], [.constant(Scalar(Float(-1)))], [.constant(Scalar(.u32, bits: 0x3f80_0000))],
      [.index(affine(1), dtype: .i32)], [.index(affine(1, offset: 300), dtype: .i32)],
      [.load(BufferAccess(0, affine(1)))],
      [.load(BufferAccess(0, affine(-1)))], [.loadScratch(row: 0)], [.reduced(0)],
    ]
    #expect(Set(bodies.map { kernel($0).description }).count == bodies.count)
  }
}

@Suite("Kernels on several threads")
struct KernelThreadTests {
  @Test("several threads compile one kernel and run it")
  func compilations() throws {
    let harness = try KernelHarness.widest.get()
    let pool = WorkerPool(threadCount: 4)
    let kernels = (0..<12).map { number in
      Kernel(
        KernelDefinition(
          buffers: [KernelDefinition.Buffer(.f32, isWritten: true)], integerCount: 0, outer: [.constant(100)],
          stages: [
            KernelDefinition.Stage(
              inner: [], body: [.constant(Scalar(Float(number % 3) + 0.25))],
              effects: [.store(BodyID(0), BufferAccess(0, affine(1)))])
          ]), .cpu(.pointwise(lanes: 16, unroll: 1, grain: 64, streaming: false)))
    }
    let compiled = try harness.compiler.compile(kernels.map { .kernel($0) }, on: pool)
    #expect(compiled.count == 12)
    for (number, kernel) in kernels.enumerated() {
      var buffers = [[UInt64](repeating: 0, count: 100)]
      try harness.run(kernel, &buffers)
      #expect(buffers[0] == [UInt64](repeating: UInt64((Float(number % 3) + 0.25).bitPattern), count: 100))
    }
  }
}

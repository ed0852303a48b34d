import Glibc
import KilnIR
import Testing

@Suite struct ScalarSpecialValueTests {
  private typealias Row = (x: Double, value: Double)

  private static let rows: [(ScalarFunction, [(x: Double, value: Double)])] = [
    (.exp, [(0, 1), (-0.0, 1), (.infinity, .infinity), (-.infinity, 0), (1e4, .infinity), (-1e4, 0)]),
    (.expMinusOne, [(0, 0), (-0.0, -0.0), (.infinity, .infinity), (-.infinity, -1), (1e4, .infinity), (-1e4, -1)]),
    (.log, [(1, 0), (0, -.infinity), (-0.0, -.infinity), (-1, .nan), (-.infinity, .nan), (.infinity, .infinity)]),
    (.logOnePlus, [(0, 0), (-0.0, -0.0), (-1, -.infinity), (-1.5, .nan), (-.infinity, .nan), (.infinity, .infinity)]),
    (.tanh, [(0, 0), (-0.0, -0.0), (.infinity, 1), (-.infinity, -1), (50, 1), (-50, -1)]),
    (.erf, [(0, 0), (-0.0, -0.0), (.infinity, 1), (-.infinity, -1), (7, 1), (-7, -1)]),
    (.sin, [(0, 0), (-0.0, -0.0), (.infinity, .nan), (-.infinity, .nan)]),
    (.cos, [(0, 1), (-0.0, 1), (.infinity, .nan), (-.infinity, .nan)]),
    (.tan, [(0, 0), (-0.0, -0.0), (.infinity, .nan), (-.infinity, .nan)]),
    (.asin, [(0, 0), (-0.0, -0.0), (1.5, .nan), (-1.5, .nan), (.infinity, .nan)]),
    (.acos, [(1, 0), (1.5, .nan), (-1.5, .nan), (-.infinity, .nan)]),
    (.atan, [(0, 0), (-0.0, -0.0)]),
    (
      .sinh,
      [(0, 0), (-0.0, -0.0), (.infinity, .infinity), (-.infinity, -.infinity), (1e4, .infinity), (-1e4, -.infinity)]
    ),
    (.cosh, [(0, 1), (-0.0, 1), (.infinity, .infinity), (-.infinity, .infinity), (-1e4, .infinity)]),
    (.asinh, [(0, 0), (-0.0, -0.0), (.infinity, .infinity), (-.infinity, -.infinity)]),
    (.acosh, [(1, 0), (0.5, .nan), (0, .nan), (-.infinity, .nan), (.infinity, .infinity)]),
    (.atanh, [(0, 0), (-0.0, -0.0), (1, .infinity), (-1, -.infinity), (1.5, .nan), (-.infinity, .nan)]),
    (.cbrt, [(0, 0), (-0.0, -0.0), (27, 3), (-8, -2), (.infinity, .infinity), (-.infinity, -.infinity)]),
    (.exp2, [(0, 1), (10, 1024), (-3, 0.125), (.infinity, .infinity), (-.infinity, 0), (1e4, .infinity), (-1e4, 0)]),
    (.log2, [(1, 0), (8, 3), (0.125, -3), (0, -.infinity), (-0.0, -.infinity), (-1, .nan), (.infinity, .infinity)]),
    (.erfc, [(0, 1), (-0.0, 1), (.infinity, 0), (-.infinity, 2), (30, 0), (-7, 2)]),
    (.erfInverse, [(0, 0), (-0.0, -0.0), (1, .infinity), (-1, -.infinity), (1.5, .nan), (-.infinity, .nan)]),
    (
      .logGamma,
      [
        (1, 0), (2, 0), (0, .infinity), (-0.0, .infinity), (-1, .infinity), (-2, .infinity), (-3, .infinity),
        (-1e30, .infinity), (.infinity, .infinity), (-.infinity, .infinity),
      ]
    ),
    (
      .digamma,
      [(0, -.infinity), (-0.0, .infinity), (-1, .nan), (-7, .nan), (.infinity, .infinity), (-.infinity, .nan)]
    ),
    (
      .trigamma,
      [(0, .infinity), (-0.0, .infinity), (-1, .infinity), (-7, .infinity), (.infinity, 0), (-.infinity, .nan)]
    ),
  ]

  @Test("E3: special values", arguments: [DType.f32, .f64]) func specialValues(_ dtype: DType) {
    for (function, rows) in Self.rows {
      let program = function.program(for: [dtype])
      for row in rows + [(.nan, .nan)] {
        let found = program.evaluate([Scalar(dtype, row.x)])
        #expect(found.isIdentical(to: Scalar(dtype, row.value)), "\(function)(\(row.x)) of \(dtype) is \(found)")
      }
    }
  }

  @Test("E5: tiny arguments come back from the functions with slope 1") func tinyArguments() {
    for function in [
      ScalarFunction.expMinusOne, .logOnePlus, .tanh, .sin, .tan, .asin, .atan, .sinh, .asinh, .atanh,
    ] {
      for bits: UInt64 in [1, 2, 0x12345, 0x7F_FFFF, 0x80_0000, 0x8000_0001, 0x8080_0000, 0x0100_0001] {
        let x = Scalar(.f32, bits: bits)
        #expect(function.program(for: [.f32]).evaluate([x]) == x, "\(function)(\(x))")
        let y = Scalar(.f64, bits: bits)
        #expect(function.program(for: [.f64]).evaluate([y]) == y, "\(function)(\(y))")
      }
    }
  }

  @Test("E5: exp and power reach the denormals") func denormalResults() {
    let exp = ScalarFunction.exp.program(for: [.f32])
    #expect(exp.evaluate([Scalar(-103 as Float)]) == Scalar(.f32, bits: 1))
    #expect(exp.evaluate([Scalar(88.72283 as Float)]) == Scalar(.f32, bits: 0x7F7F_FF84))
    #expect(exp.evaluate([Scalar(88.72284 as Float)]) == Scalar(Float.infinity))
    let power = ScalarFunction.power.program(for: [.f32, .f32])
    #expect(power.evaluate([Scalar(2 as Float), Scalar(-149 as Float)]) == Scalar(.f32, bits: 1))
    #expect(power.evaluate([Scalar(.f32, bits: 1), Scalar(1 as Float)]) == Scalar(.f32, bits: 1))
  }

  @Test("atan2 has the special values of IEEE 754") func angleTable() {
    let values: [Double] = [0, -0.0, 1, -1, 0.5, -3, .infinity, -.infinity, .nan, 0x1p-149, -0x1p-149, 0x1p100]
    let single = ScalarFunction.atan2.program(for: [.f32, .f32])
    let double = ScalarFunction.atan2.program(for: [.f64, .f64])
    for y in values {
      for x in values {
        let expected = atan2(y, x)
        let wide = double.evaluate([Scalar(y), Scalar(x)]).doubleValue
        let narrow = single.evaluate([Scalar(Float(y)), Scalar(Float(x))]).doubleValue
        for (found, expected, tolerance) in [(wide, expected, 4e-16), (narrow, Double(Float(expected)), 2e-7)] {
          let agrees =
            found == expected || (found / expected - 1).magnitude < tolerance || found.isNaN && expected.isNaN
          #expect(agrees && (found.isNaN || found.sign == expected.sign), "atan2(\(y), \(x)) is \(found)")
        }
      }
    }
  }

  @Test("nextAfter is that of Swift, on every real dtype", arguments: [DType.f16, .bf16, .f32, .f64])
  func neighbours(_ dtype: DType) {
    let program = ScalarFunction.nextAfter.program(for: [dtype, dtype])
    let infinity = Scalar(dtype, Double.infinity)
    let negative = Scalar(dtype, -Double.infinity)
    let sign = UInt64(1) << UInt64(dtype.bitWidth - 1)
    func next(_ x: Scalar, _ y: Scalar) -> Scalar { program.evaluate([x, y]) }
    for bits in [1, 2, 5, 0x3C00, infinity.bits - 1, infinity.bits] {
      let x = Scalar(dtype, bits: bits)
      let minus = Scalar(dtype, bits: bits | sign)
      if bits < infinity.bits { #expect(next(x, infinity) == Scalar(dtype, bits: bits + 1)) }
      #expect(next(x, .zero(dtype)) == Scalar(dtype, bits: bits - 1))
      #expect(next(minus, infinity) == Scalar(dtype, bits: (bits - 1) | sign))
      if bits < infinity.bits { #expect(next(minus, negative) == Scalar(dtype, bits: (bits + 1) | sign)) }
      #expect(next(x, x) == x)
    }
    let (zero, minusZero) = (Scalar.zero(dtype), Scalar(dtype, bits: sign))
    #expect(next(zero, infinity) == Scalar(dtype, bits: 1) && next(zero, negative) == Scalar(dtype, bits: sign | 1))
    #expect(next(minusZero, zero) == zero && next(zero, minusZero) == minusZero)
    let nan = Scalar(dtype, Double.nan)
    #expect(next(nan, zero).isNaN && next(zero, nan).isNaN)
    if dtype == .f64 {
      for x in [1.0, -1.0, 0.1, Double.leastNormalMagnitude / 8, 1e308] {
        #expect(next(Scalar(x), infinity) == Scalar(x.nextUp))
      }
    }
  }

  @Test("counts of bits are those of Swift", arguments: DType.allCases.filter(\.isInteger)) func bitCounts(
    _ dtype: DType
  ) {
    var generator = SplitMix(seed: 9)
    var words = [0, 1, dtype.bitMask, dtype.bitMask >> 1, 1 << UInt64(dtype.bitWidth - 1)]
    for shift in 0..<UInt64(dtype.bitWidth) { words.append(generator.next() & dtype.bitMask >> shift) }
    let ones = ScalarFunction.populationCount.program(for: [dtype]).evaluate(columns: [words], count: words.count)
    let zeros = ScalarFunction.countLeadingZeros.program(for: [dtype]).evaluate(columns: [words], count: words.count)
    #expect(ones == words.map { UInt64($0.nonzeroBitCount) })
    #expect(zeros == words.map { UInt64($0.leadingZeroBitCount - (64 - dtype.bitWidth)) })
  }

  @Test("power has the special values of IEEE 754") func powerTable() {
    let values: [Double] = [
      0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 2.5, -2.5, .infinity, -.infinity, .nan, 1e38, -1e38, 0x1p-149, -0x1p-149,
      0x1p23 + 1, 0x1p24, -(0x1p24 - 1), 1 + 0x1p-23, 1 - 0x1p-24,
    ]
    let single = ScalarFunction.power.program(for: [.f32, .f32])
    let double = ScalarFunction.power.program(for: [.f64, .f64])
    for x in values {
      for y in values {
        let wide = double.evaluate([Scalar(x), Scalar(y)]).doubleValue
        let narrow = single.evaluate([Scalar(Float(x)), Scalar(Float(y))]).doubleValue
        for (found, expected, tolerance) in [
          (wide, pow(x, y), 1e-14), (narrow, Double(powf(Float(x), Float(y))), 1e-6),
        ] {
          let agrees =
            found.isNaN || expected.isNaN
            ? found.isNaN && expected.isNaN
            : found == expected || (found / expected - 1).magnitude < tolerance
          #expect(
            agrees && (found.isNaN || found.sign == expected.sign), "power(\(x), \(y)) is \(found), not \(expected)")
        }
      }
    }
  }
}

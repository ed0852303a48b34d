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
    for function in [ScalarFunction.expMinusOne, .logOnePlus, .tanh, .sin] {
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

import Glibc
import KilnIR
import KilnOracles
import Testing

/// The accuracy of the function tables in units in the last place, and their bits.
///
/// f32 is compared with functions in f64; ScalarDoubleAccuracyTests compares f64 with 80-bit ones.
@Suite struct ScalarAccuracyTests {
  /// A sample of the f32 arguments; `make accuracy` takes all of them.
  @Test("E3: f32 functions keep their bounds", arguments: Accuracy.unary) func single(_ row: Accuracy) {
    let program = row.function.program(for: [.f32])
    var worst = 0.0
    var at: Float = 0
    let bits = Array(stride(from: UInt64(0), to: 1 << 32, by: 80_021))
    for (x, y) in zip(bits, program.evaluate(columns: [bits], count: bits.count)) {
      let argument = Float(bitPattern: UInt32(x))
      let ulps = row.error(argument, Float(bitPattern: UInt32(y)))
      if ulps > worst { (worst, at) = (ulps, argument) }
    }
    #expect(worst <= row.f32, "\(worst) ULP at \(at)")
  }

  /// Where functions have zeros, poles and turning points: hundreds of neighbours of each.
  @Test("E3: f32 functions keep their bounds around special points", arguments: Accuracy.unary)
  func aroundSpecialPoints(_ row: Accuracy) {
    let program = row.function.program(for: [.f32])
    let points: [Float] = [
      0, 0x1p-126, 0x1p-24, 0x1p-12, 0.375, 0.5, 0.625, 0.75, 1, 1.25, 1.4616321, 1.5707964, 2, 2.5, 3, 3.1415927, 4,
      4.5,
      5, 10, 10.054, 16, 88.7, 89.4, 0x1p12, 0x1p13, 0x1p15, 0x1p23, 0x1p24, 0x1p64, .greatestFiniteMagnitude,
    ]
    for point in points {
      for sign: Float in [1, -1] {
        let center = Int64((sign * point).bitPattern)
        let bits = (-300...300).map { UInt64(truncatingIfNeeded: center + $0) & 0xFFFF_FFFF }
        for (x, y) in zip(bits, program.evaluate(columns: [bits], count: bits.count)) {
          let argument = Float(bitPattern: UInt32(x))
          let ulps = row.error(argument, Float(bitPattern: UInt32(y)))
          #expect(ulps <= row.f32, "\(row.function)(\(argument)): \(ulps) ULP")
        }
      }
    }
  }

  @Test("E3: power of f32 keeps its bound") func singlePower() {
    let program = ScalarFunction.power.program(for: [.f32, .f32])
    var generator = SplitMix(seed: 3)
    var columns: [[UInt64]] = [[], []]
    for i in 0..<20_000 {
      let x: Float
      let y: Float
      switch i % 4 {
      case 0: (x, y) = (.random(in: 0...4, using: &generator), .random(in: -60...60, using: &generator))
      case 1:
        (x, y) = (Float(bitPattern: UInt32(generator.next() >> 32)), Float(bitPattern: UInt32(generator.next() >> 32)))
      case 2:
        x = Float(bitPattern: UInt32(generator.next() >> 33))
        y = Float(Double.random(in: -152...130, using: &generator) / log2(Double(x)))
      default:
        (x, y) = (
          Float(Int.random(in: -40...40, using: &generator)), Float(Int.random(in: -30...30, using: &generator))
        )
      }
      columns[0].append(UInt64(x.bitPattern))
      columns[1].append(UInt64(y.bitPattern))
    }
    let values = program.evaluate(columns: columns, count: columns[0].count)
    for i in values.indices {
      let (x, y) = (Float(bitPattern: UInt32(columns[0][i])), Float(bitPattern: UInt32(columns[1][i])))
      let ulps = Accuracy.error(Float(bitPattern: UInt32(values[i])), pow(Double(x), Double(y)))
      #expect(ulps <= 1.1, "power(\(x), \(y)): \(ulps) ULP")
    }
  }

  @Test("E3: atan2 of f32 keeps its bound") func singleAngle() {
    let program = ScalarFunction.atan2.program(for: [.f32, .f32])
    var generator = SplitMix(seed: 4)
    var columns: [[UInt64]] = [[], []]
    for i in 0..<60_000 {
      for column in 0..<2 {
        let value: Float =
          switch i % 3 {
          case 0: .random(in: -4...4, using: &generator)
          case 1: Float(bitPattern: UInt32(generator.next() >> 32))
          default: Float(Int.random(in: -6...6, using: &generator)) / 4
          }
        columns[column].append(UInt64(value.bitPattern))
      }
    }
    let values = program.evaluate(columns: columns, count: columns[0].count)
    for i in values.indices {
      let (y, x) = (Float(bitPattern: UInt32(columns[0][i])), Float(bitPattern: UInt32(columns[1][i])))
      let ulps = Accuracy.error(Float(bitPattern: UInt32(values[i])), atan2(Double(y), Double(x)))
      #expect(ulps <= 1.5, "atan2(\(y), \(x)): \(ulps) ULP")
    }
  }

  /// Functions that came after the first version of the tables.
  private static let added: [ScalarFunction] = [
    .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .cbrt, .exp2, .log2, .erfc, .erfInverse, .logGamma,
    .digamma, .trigamma, .isNaN, .countLeadingZeros, .populationCount, .atan2, .nextAfter,
  ]

  /// A hash over a fixed sample, so that no change of bits goes unseen: `NumericsVersion` changes with it.
  @Test(
    "S4: the bits of the tables are pinned",
    arguments: [
      (ScalarFunction.allCases.filter { !added.contains($0) }, 0x0F85_B27C_5A84_F6CB), (added, 0x74EC_2BBA_5B5A_A83B),
    ] as [([ScalarFunction], UInt64)])
  func pinnedBits(_ functions: [ScalarFunction], _ expected: UInt64) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for function in functions {
      for dtype in [DType.f32, .f64] {
        let operands = [DType](repeating: dtype, count: function.arity)
        guard (try? function.resultDType(operands)) != nil else { continue }
        var generator = SplitMix(seed: 11)
        let count = 500
        let columns = operands.map { dtype in
          (0..<count).map { i in
            i % 3 == 0
              ? generator.next() & dtype.bitMask
              : Scalar(dtype, generator.real(-12, 12)).bits
          }
        }
        let program = function.program(for: operands)
        for word in program.evaluate(columns: columns, count: count) {
          let value = Scalar(program.resultDType, bits: word)
          hash = (hash ^ (value.isNaN ? 0x7FF8 : value.bits)) &* 0x100_0000_01B3
        }
      }
    }
    #expect(hash == expected, "hash 0x\(String(hash, radix: 16))")
  }
}

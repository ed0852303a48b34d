import Glibc
import KilnIR
import Testing

/// The accuracy of the function tables in units in the last place, and their bits.
///
/// f32 is compared with Glibc's f64 functions; ScalarDoubleAccuracyTests compares f64 with its 80-bit ones.
@Suite struct ScalarAccuracyTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let function: ScalarFunction
    /// The bound in units in the last place.
    let bound: Double
    let oracle: @Sendable (Double) -> Double
    var testDescription: String { function.spelling }
  }

  static let rows: [Row] = [
    Row(function: .exp, bound: 1) { exp($0) },
    Row(function: .expMinusOne, bound: 1.5) { expm1($0) },
    Row(function: .log, bound: 1) { log($0) },
    Row(function: .logOnePlus, bound: 1.1) { log1p($0) },
    Row(function: .tanh, bound: 1.5) { tanh($0) },
    Row(function: .erf, bound: 1.3) { erf($0) },
    Row(function: .sin, bound: 1.3) { sin($0) },
    Row(function: .cos, bound: 1.3) { cos($0) },
  ]

  /// The distance of `found` from `exact` in units in the last place of f32 at `exact`; infinite for a wrong special
  /// value.
  private func error(_ found: Float, _ exact: Double) -> Double {
    let rounded = Float(exact)
    if exact.isNaN || found.isNaN { return exact.isNaN && found.isNaN ? 0 : .infinity }
    if found.sign != rounded.sign { return .infinity }
    if found == rounded, found == 0 || found.isInfinite { return 0 }
    if exact.isInfinite { return .infinity }
    let limited = found.isInfinite ? Double(sign: found.sign, exponent: 128, significand: 1) : Double(found)
    let exponent = min(max(exact.exponent, -126), 127)
    return (limited - exact).magnitude.scaled(exponent: 23 - Int(exponent))
  }

  /// All f32 arguments with `KILN_EXHAUSTIVE` set, which takes minutes a function in an optimised build; else a sample.
  @Test("E3: f32 functions keep their bounds", arguments: rows) func single(_ row: Row) {
    let isExhaustive = getenv("KILN_EXHAUSTIVE") != nil
    let program = row.function.program(for: [.f32])
    var worst = 0.0
    var at: Float = 0
    let step: UInt64 = isExhaustive ? 1 : 80_021
    var next: UInt64 = 0
    while next < 1 << 32 {
      let end = min(next + 65_536 * step, 1 << 32)
      let bits = Array(stride(from: next, to: end, by: UInt64.Stride(step)))
      let values = program.evaluate(columns: [bits], count: bits.count)
      for (x, y) in zip(bits, values) {
        let argument = Float(bitPattern: UInt32(x))
        let ulps = error(Float(bitPattern: UInt32(y)), row.oracle(Double(argument)))
        if ulps > worst { (worst, at) = (ulps, argument) }
      }
      next = end
    }
    #expect(worst <= row.bound, "\(worst) ULP at \(at)")
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
      let ulps = error(Float(bitPattern: UInt32(values[i])), pow(Double(x), Double(y)))
      #expect(ulps <= 1.1, "power(\(x), \(y)): \(ulps) ULP")
    }
  }

  /// A hash over a fixed sample, so that no change of bits goes unseen: `NumericsVersion` changes with it.
  @Test("S4: the bits of the tables are pinned") func pinnedBits() {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for function in ScalarFunction.allCases {
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
    #expect(hash == 0x0F85_B27C_5A84_F6CB, "hash 0x\(String(hash, radix: 16))")
  }
}

extension Double {
  fileprivate func scaled(exponent: Int) -> Double { self * Double(sign: .plus, exponent: exponent, significand: 1) }
}

#if arch(x86_64) && os(Linux)
  import Glibc
  import KilnIR
  import Testing

  /// The accuracy of the f64 tables against the 80-bit functions of Glibc, which only this platform has.
  @Suite struct ScalarDoubleAccuracyTests {
    struct Row: Sendable, CustomTestStringConvertible {
      let function: ScalarFunction
      /// The bound in units in the last place.
      let bound: Double
      /// Where a third of the arguments lie; the others are random bits, and of any small exponent.
      let range: ClosedRange<Double>
      let oracle: @Sendable (Float80) -> Float80
      var testDescription: String { function.spelling }
    }

    static let rows: [Row] = [
      Row(function: .exp, bound: 1, range: -746...710) { expl($0) },
      Row(function: .expMinusOne, bound: 1.5, range: -40...40) { expm1l($0) },
      Row(function: .log, bound: 1, range: 0...3) { logl($0) },
      Row(function: .logOnePlus, bound: 1.1, range: -1...3) { log1pl($0) },
      Row(function: .tanh, bound: 1.6, range: -20...20) { tanhl($0) },
      Row(function: .erf, bound: 1.4, range: -6...6) { erfl($0) },
      Row(function: .sin, bound: 1.3, range: -1000...1000) { sinl($0) },
      Row(function: .cos, bound: 1.3, range: -1000...1000) { cosl($0) },
    ]

    /// The distance in units in the last place of f64 at `exact`; infinite for a wrong special value.
    private func error(_ found: Double, _ exact: Float80) -> Double {
      let rounded = Double(exact)
      if exact.isNaN || found.isNaN { return exact.isNaN && found.isNaN ? 0 : .infinity }
      if found.sign != rounded.sign { return .infinity }
      if found == rounded, found == 0 || found.isInfinite { return 0 }
      if exact.isInfinite { return .infinity }
      let limited = found.isInfinite ? Float80(sign: found.sign, exponent: 1024, significand: 1) : Float80(found)
      let exponent = min(max(exact.exponent, -1022), 1023)
      return Double((limited - exact).magnitude * Float80(sign: .plus, exponent: 52 - exponent, significand: 1))
    }

    @Test("E3: f64 functions keep their bounds", arguments: rows) func double(_ row: Row) {
      var generator = SplitMix(seed: 5)
      let arguments = (0..<9000).map { i in
        switch i % 3 {
        case 0: generator.real(row.range.lowerBound, row.range.upperBound)
        case 1: Double(bitPattern: generator.next())
        default: generator.real(-2, 2) * Double(sign: .plus, exponent: Int(generator.next() % 60) - 40, significand: 1)
        }
      }
      let values = row.function.program(for: [.f64]).evaluate(
        columns: [arguments.map(\.bitPattern)], count: arguments.count)
      for (x, word) in zip(arguments, values) {
        let ulps = error(Double(bitPattern: word), row.oracle(Float80(x)))
        #expect(ulps <= row.bound, "\(row.function)(\(x)): \(ulps) ULP")
      }
    }

    @Test("E3: power of f64 keeps its bound") func power() {
      var generator = SplitMix(seed: 6)
      var pairs: [(x: Double, y: Double)] = []
      for _ in 0..<2000 {
        pairs.append((generator.real(0, 4), generator.real(-500, 500)))
        pairs.append((Double(bitPattern: generator.next()), Double(bitPattern: generator.next())))
        let x = Double(bitPattern: generator.next() >> 1)
        pairs.append((x, generator.real(-1080, 1026) / log2(x)))
        let near = 1 + generator.real(-1e-3, 1e-3)
        pairs.append((near, generator.real(-1080, 1026) / log2(near)))
        pairs.append((generator.real(-40, 40).rounded(), generator.real(-30, 30).rounded()))
      }
      let columns = [pairs.map(\.x.bitPattern), pairs.map(\.y.bitPattern)]
      let values = ScalarFunction.power.program(for: [.f64, .f64]).evaluate(columns: columns, count: pairs.count)
      for (pair, word) in zip(pairs, values) {
        let ulps = error(Double(bitPattern: word), powl(Float80(pair.x), Float80(pair.y)))
        #expect(ulps <= 1.1, "power(\(pair.x), \(pair.y)): \(ulps) ULP")
      }
    }
  }
#endif

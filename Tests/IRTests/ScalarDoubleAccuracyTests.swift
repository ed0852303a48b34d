#if arch(x86_64) && os(Linux)
  import Glibc
  import KilnIR
  import KilnOracles
  import Testing

  /// The accuracy of the f64 tables against 80-bit functions, which only this platform has.
  @Suite struct ScalarDoubleAccuracyTests {
    @Test("E3: f64 functions keep their bounds", arguments: Accuracy.unary) func double(_ row: Accuracy) {
      var generator = SplitMix(seed: 5)
      let arguments = row.sample(9000, using: &generator)
      let values = row.function.program(for: [.f64]).evaluate(
        columns: [arguments.map(\.bitPattern)], count: arguments.count)
      for (x, word) in zip(arguments, values) {
        let ulps = row.error(x, Double(bitPattern: word))
        #expect(ulps <= row.f64, "\(row.function)(\(x)): \(ulps) ULP")
      }
    }

    @Test("E3: atan2 of f64 keeps its bound") func angle() {
      var generator = SplitMix(seed: 8)
      var columns: [[UInt64]] = [[], []]
      for i in 0..<9000 {
        for column in 0..<2 {
          columns[column].append(i % 3 == 0 ? generator.next() : generator.real(-4, 4).bitPattern)
        }
      }
      let values = ScalarFunction.atan2.program(for: [.f64, .f64]).evaluate(columns: columns, count: columns[0].count)
      for i in values.indices {
        let (y, x) = (Double(bitPattern: columns[0][i]), Double(bitPattern: columns[1][i]))
        let ulps = Accuracy.error(Double(bitPattern: values[i]), atan2l(Float80(y), Float80(x)))
        #expect(ulps <= 1.5, "atan2(\(y), \(x)): \(ulps) ULP")
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
        let ulps = Accuracy.error(Double(bitPattern: word), powl(Float80(pair.x), Float80(pair.y)))
        #expect(ulps <= 1.1, "power(\(pair.x), \(pair.y)): \(ulps) ULP")
      }
    }
  }
#endif

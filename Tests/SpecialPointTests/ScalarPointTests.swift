import Kiln
import Testing

/// Every function of one number at zeros, bounds, edges of domains, infinities, the greatest and the smallest numbers:
/// value and three derivatives, in both modes, for each example of a batch, in a branch of a batch, and in a loop.
@Suite struct ScalarPointTests {
  static let functions: [(name: String, f: Function)] = [
    ("abs", { abs($0) }), ("exp", { exp($0) }), ("expMinusOne", { expMinusOne($0) }), ("exp2", { exp2($0) }),
    ("log", { log($0) }), ("log2", { log2($0) }), ("logOnePlus", { logOnePlus($0) }), ("sqrt", { sqrt($0) }),
    ("rsqrt", { rsqrt($0) }), ("cbrt", { cbrt($0) }), ("sin", { sin($0) }), ("cos", { cos($0) }), ("tan", { tan($0) }),
    ("asin", { asin($0) }), ("acos", { acos($0) }), ("atan", { atan($0) }), ("sinh", { sinh($0) }),
    ("cosh", { cosh($0) }), ("tanh", { tanh($0) }), ("asinh", { asinh($0) }), ("acosh", { acosh($0) }),
    ("atanh", { atanh($0) }), ("erf", { erf($0) }), ("erfc", { erfc($0) }), ("erfInverse", { erfInverse($0) }),
    ("logGamma", { logGamma($0) }), ("digamma", { digamma($0) }), ("trigamma", { trigamma($0) }),
    ("relu", { relu($0) }), ("leakyRelu", { leakyRelu($0) }), ("sigmoid", { sigmoid($0) }),
    ("softplus", { softplus($0) }), ("logSigmoid", { logSigmoid($0) }), ("silu", { silu($0) }), ("gelu", { gelu($0) }),
    ("geluExact", { gelu($0, .exact) }), ("elu", { elu($0) }), ("mish", { mish($0) }),
    ("hardSigmoid", { hardSigmoid($0) }), ("hardSwish", { hardSwish($0) }), ("clip", { clip($0, low: 0, high: 1) }),
    ("clipLow", { clip($0, low: 0) }), ("rootSquared", { sqrt($0) * sqrt($0) }),
    ("cube", { pow($0, Tensor(3)) }),
  ]

  struct Points {
    let name: String
    let f: Function
    let x: [Double]
    /// By order, by point.
    let expected: [[Double]]

    func check(_ found: Tensor<Double>, order: Int, _ form: String, where isChecked: [Bool]? = nil) {
      for (index, number) in found.scalars.enumerated() where isChecked?[index] != false {
        #expect(
          agrees(number, expected[order][index]),
          "\(name), derivative \(order) at \(x[index]), \(form): \(number), expected \(expected[order][index])")
      }
    }
  }

  static func points() throws -> [Points] {
    let rows = try SpecialTables.rows("scalars")
    let names = Set(rows.map { $0[0] })
    #expect(names == Set(functions.map(\.name)), "the table and the tests have the same functions")
    return functions.map { name, f in
      let own = rows.filter { $0[0] == name }.map { row in row.dropFirst().compactMap { SpecialTables.number($0) } }
      return Points(
        name: name, f: f, x: own.map { $0[0] }, expected: (0..<4).map { order in own.map { $0[order + 1] } })
    }
  }

  @Test("value and three derivatives, forward as in reverse")
  func orders() throws {
    try withDevice(.reference) {
      for points in try Self.points() {
        let x = Tensor<Double>(points.x)
        points.check(points.f(x), order: 0, "value")
        for mode in Mode.allCases {
          var f = points.f
          for order in 1...3 {
            f = mode.derivative(of: f)
            points.check(f(x), order: order, "\(mode)")
          }
        }
        points.check(Mode.forward.derivative(of: Mode.reverse.derivative(of: points.f))(x), order: 2, "mixed")
      }
    }
  }

  @Test("in a branch that only some examples of a batch take")
  func branches() throws {
    try withDevice(.reference) {
      for points in try Self.points() {
        let isTaken = points.x.indices.map { $0 % 2 == 0 }
        let chosen: Function = { x in
          vmap { (x: Tensor<Double>, p: Tensor<Bool>) in
            cond(p) {
              points.f(x)
            } else: {
              x * 0.5
            }
          }(x, Tensor(isTaken))
        }
        for mode in Mode.allCases {
          let first = mode.derivative(of: chosen)
          let second = mode.derivative(of: first)
          for (order, f) in [(0, chosen), (1, first), (2, second)] {
            let found = f(Tensor(points.x))
            points.check(found, order: order, "in a branch, \(mode)", where: isTaken)
            if order == 0 { continue }
            for (index, number) in found.scalars.enumerated() where !isTaken[index] {
              #expect(
                number == (order == 1 ? 0.5 : 0),
                "\(points.name) not taken at \(points.x[index]), derivative \(order), \(mode): \(number)")
            }
          }
        }
      }
    }
  }

  @Test("for each example, and turn by turn")
  func batchesAndLoops() throws {
    try withDevice(.reference) {
      for points in try Self.points() {
        let each: Function = { x in vmap { (x: Tensor<Double>) in points.f(x) }(x) }
        let turns: Function = { x in
          scan(Tensor<Double>(0), over: x) { (sum: Tensor<Double>, x: Tensor<Double>) in (sum + 1, points.f(x)) }
            .outputs
        }
        for (form, f) in [("vmap", each), ("scan", turns)] {
          for mode in Mode.allCases {
            let first = mode.derivative(of: f)
            points.check(first(Tensor(points.x)), order: 1, "\(form), \(mode)")
            points.check(mode.derivative(of: first)(Tensor(points.x)), order: 2, "\(form), \(mode)")
          }
        }
      }
    }
  }
}

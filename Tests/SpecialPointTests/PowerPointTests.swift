import Kiln
import Testing

/// The partial derivatives of a^b of every kind up to the third, in every order of differentiation.
@Suite struct PowerPointTests {
  private typealias Power = @Sendable (Tensor<Double>, Tensor<Double>) -> Tensor<Double>

  private func derivative(of f: @escaping Power, by variable: Character, _ mode: Mode) -> Power {
    if variable == "a" { return { a, b in mode.derivative(of: { a in f(a, b) })(a) } }
    return { a, b in mode.derivative(of: { b in f(a, b) })(b) }
  }

  /// By the counts of a and of b, as the table has them.
  private static let kinds = [
    ["a"], ["b"], ["aa"], ["ab", "ba"], ["bb"], ["aaa"], ["aab", "aba", "baa"], ["abb", "bab", "bba"], ["bbb"],
  ]

  @Test("mixed derivatives do not depend on the order")
  func partials() throws {
    let rows = try SpecialTables.rows("powers").map { $0.map { SpecialTables.number($0) } }
    let a = Tensor<Double>(rows.compactMap { $0[0] })
    let b = Tensor<Double>(rows.compactMap { $0[1] })
    withDevice(.reference) {
      for mode in Mode.allCases {
        for (column, orders) in Self.kinds.enumerated() {
          for order in orders {
            var f: Power = { a, b in pow(a, b) }
            for variable in order { f = derivative(of: f, by: variable, mode) }
            for (row, number) in zip(rows, f(a, b).scalars) {
              guard let expected = row[column + 3], let base = row[0], let exponent = row[1] else { continue }
              #expect(
                agrees(number, expected), "d\(order) of \(base)^\(exponent), \(mode): \(number), expected \(expected)")
            }
          }
        }
      }
    }
  }

  @Test("the examples of the page")
  func examples() {
    let first = gradient(at: Tensor<Double>(0)) { y in gradient(at: Tensor<Double>(23)) { x in pow(x, y) } }
    let second = gradient(at: Tensor<Double>(23)) { x in gradient(at: Tensor<Double>(0)) { y in pow(x, y) } }
    #expect(abs(first.item - 1 / 23) < 1e-15 && abs(second.item - 1 / 23) < 1e-15)
    // An infinite base: inf^-1 is 0, whatever log inf is.
    let (da, db) = gradient(at: Tensor<Double>(.infinity), Tensor<Double>(-1)) {
      (a: Tensor<Double>, b: Tensor<Double>) in pow(a, b)
    }
    #expect(da.item == 0 && db.item == 0)
  }
}

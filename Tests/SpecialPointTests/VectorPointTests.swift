import Kiln
import KilnIR
import Testing

/// Functions of several numbers at zeros, ties, equal rows, masked rows, great and small numbers: gradients and
/// symmetric Hessians in every combination of modes, third derivatives, in batches, branches and loops.
@Suite struct VectorPointTests {
  static let weights = Tensor<Double>([0.7, -1.3, 0.4, 1.1])
  static let direction = Tensor<Double>([0.5, -0.2, 0.3, 0.9])

  static func weighed(_ x: Tensor<Double>) -> Tensor<Double> { (x * weights).sum() }
  static let one = Tensor<Double>([1.0, 1.0, 1.0, 1.0])
  static let none = Tensor<Double>([0.0, 0.0, 0.0, 0.0])

  static let functions: [String: Function] = [
    "sum": { $0.sum() }, "product": { $0.product() }, "mean": { $0.mean() }, "variance": { $0.variance() },
    "max": { $0.max() }, "min": { $0.min() },
    "normSquared": { $0.norm() * $0.norm() }, "normPower2": { pow($0.norm(), Tensor(2)) },
    "deviationSquared": { $0.standardDeviation(axes: [0]) * $0.standardDeviation(axes: [0]) },
    "rootSquared": { x in
      let root = sqrt((x * x).sum())
      return root * root
    },
    "norm": { $0.norm() }, "normGreat": { $0.norm() }, "normSmall": { $0.norm() },
    "deviation": { $0.standardDeviation() }, "deviationGreat": { $0.standardDeviation() },
    "deviationSmall": { $0.standardDeviation() },
    "norm0.5": { $0.norm(0.5) }, "norm1.5": { $0.norm(1.5) }, "norm3": { $0.norm(3) }, "norm4": { $0.norm(4) },
    "norm1": { $0.norm(1) },
    "cumulativeSum": { weighed($0.cumulativeSum()) }, "cumulativeProduct": { weighed($0.cumulativeProduct()) },
    "cumulativeProductReverse": { weighed($0.cumulativeProduct(reverse: true)) },
    "cumulativeMax": { weighed($0.cumulativeMax()) },
    "sorted": { x in
      let sorted = x.sorted()
      return weighed(sorted * sorted)
    },
    "scatterMultiply": { x in
      weighed(
        Tensor<Double>([2, 3, -1, 1.5]).scattered(x, at: Tensor<Int32>([0, 0, 1, 2]), combining: .multiply))
    },
    "softmax": { weighed(softmax($0)) }, "logSoftmaxAt2": { logSoftmax($0)[2] }, "logSumExp": { logSumExp($0) },
    "attention": { x in
      let isAllowed = isFinite(x).reshaped(to: [1, 4])
      let k = select(isFinite(x), x, Tensor(0)).reshaped(to: [4, 1])
      let q = Tensor<Double>([[1]])
      return attention(q, k, weights.reshaped(to: [4, 1]), mask: isAllowed, scale: 1).sum()
    },
    "layerNorm": { weighed(layerNorm($0, scale: one, offset: none)) },
    "layerNormGreat": { weighed(layerNorm($0, scale: one, offset: none)) },
    "rmsNorm": { weighed(rmsNorm($0, scale: one)) }, "rmsNormGreat": { weighed(rmsNorm($0, scale: one)) },
    "maxPool": { x in (maxPool(x.reshaped(to: [1, 4, 1]), window: 2).flattened() * weights[0..<2]).sum() },
    "matmul": { x in
      let square = x.reshaped(to: [2, 2])
      return matmul(matmul(matmul(square, square), Tensor<Double>([1, 2])), Tensor<Double>([0.5, -1]))
    },
    "atan2": { x in atan2(x[0], x[1]) * x[2] + x[3] * x[3] }, "quotient": { x in x[0] / x[1] + x[2] * x[3] },
    "maximum": { x in maximum(x[0], x[1]) * x[2] + minimum(x[2], x[3]) },
  ]

  static let points: [String: [Double]] = [
    "ordinary": [0.3, -1.2, 2.5, 0.7], "zeros": [0, 0, 0, 0], "equal": [1, 1, 1, 1], "oneZero": [2, 0, 3, -1],
    "twoZeros": [2, 0, 0, 3], "firstZero": [0, 2, 3, 4], "lastZero": [2, 3, 4, 0], "tied": [3, 1, 3, 2],
    "great": [1e200, -2e200, 3e200, 5e199], "small": [1e-200, 2e-200, -3e-200, 5e-201],
    "masked": [-.infinity, 1, 2, -.infinity],
    "allMasked": [-.infinity, -.infinity, -.infinity, -.infinity],
  ]

  struct Case {
    let name: String
    let point: String
    let f: Function
    let x: Tensor<Double>
    let value: [Double?]
    let gradient: [Double?]
    let hessian: [Double?]
    let third: [Double?]

    func check(_ found: Tensor<Double>, _ expected: [Double?], _ what: String) {
      let scale = expected.compactMap { $0 }.map { abs($0) }.max() ?? 0
      for (index, (number, expected)) in zip(found.scalars, expected).enumerated() {
        guard let expected else { continue }
        #expect(
          agrees(number, expected, scale: scale),
          "\(what) [\(index)] of \(name) at \(point): \(number), expected \(expected)")
      }
    }
  }

  static func cases() throws -> [Case] {
    let rows = try SpecialTables.rows("vectors")
    #expect(Set(rows.map { $0[0] }) == Set(functions.keys), "the table and the tests have the same functions")
    return rows.compactMap { row in
      let numbers = row.dropFirst(2).map { SpecialTables.number($0) }
      guard let f = functions[row[0]], let x = points[row[1]] else { return nil }
      return Case(
        name: row[0], point: row[1], f: f, x: Tensor(x), value: Array(numbers[0..<1]), gradient: Array(numbers[1..<5]),
        hessian: Array(numbers[5..<21]), third: Array(numbers[21...]))
    }
  }

  @Test("gradients and Hessians in every combination of modes, third derivatives")
  func orders() throws {
    try withDevice(.reference) {
      for c in try Self.cases() {
        c.check(c.f(c.x), c.value, "value")
        let rows: Function = { x in gradient(at: x) { (x: Tensor<Double>) in c.f(x) } }
        let columns: Function = { x in jacobian(at: x, mode: .forward) { (x: Tensor<Double>) in c.f(x) } }
        for (form, f) in [("reverse", rows), ("forward", columns)] {
          c.check(f(c.x), c.gradient, "gradient, \(form),")
          for mode in [JacobianMode.reverse, .forward] {
            let found = jacobian(at: c.x, mode: mode) { (x: Tensor<Double>) in f(x) }
            c.check(found, c.hessian, "Hessian, \(mode) over \(form),")
          }
        }
        let bent: Function = { x in
          let product = hessianVectorProduct(at: x, along: Self.direction) { (x: Tensor<Double>) in c.f(x) }
          return (product * Self.direction).sum()
        }
        c.check(gradient(at: c.x) { (x: Tensor<Double>) in bent(x) }, c.third, "third, reverse,")
        c.check(jacobian(at: c.x, mode: .forward) { (x: Tensor<Double>) in bent(x) }, c.third, "third, forward,")
      }
    }
  }

  @Test("all points at once: in a batch, in a branch that only some take, turn by turn")
  func batches() throws {
    let cases = try Self.cases()
    withDevice(.reference) {
      for name in Set(cases.map(\.name)).sorted() {
        let own = cases.filter { $0.name == name }
        guard let f = own.first?.f else { continue }
        let x = stacked(own.map(\.x))
        let isTaken = Tensor<Bool>(own.indices.map { $0 % 2 == 0 })
        let batch: Function = { x in vmap { (x: Tensor<Double>) in f(x) }(x).sum() }
        let branch: Function = { x in
          vmap { (x: Tensor<Double>, p: Tensor<Bool>) in
            cond(p) {
              f(x)
            } else: {
              x.sum()
            }
          }(x, isTaken).sum()
        }
        let loop: Function = { x in
          scan(Tensor<Double>(0), over: x) { (n: Tensor<Double>, x: Tensor<Double>) in (n + 1, f(x)) }.outputs.sum()
        }
        for (form, total) in [("vmap", batch), ("branch", branch), ("scan", loop)] {
          let slopes: Function = { x in gradient(at: x) { (x: Tensor<Double>) in total(x) } }
          let along = Tensor<Double>.ones([own.count, 1]) * Self.direction
          let bend = jvp(at: x, along: along) { (x: Tensor<Double>) in slopes(x) }.tangent
          let back = gradient(at: x) { (x: Tensor<Double>) in (slopes(x) * along).sum() }
          let slope = slopes(x)
          for (index, c) in own.enumerated() {
            let ones: [Double?] = [1, 1, 1, 1]
            let isHere = form != "branch" || index % 2 == 0
            c.check(slope[index], isHere ? c.gradient : ones, "gradient, \(form),")
            for (way, found) in [("forward", bend), ("reverse", back)] {
              c.check(
                found[index], isHere ? c.bend(Self.direction.scalars) : [0, 0, 0, 0], "Hessian, \(form), \(way),")
            }
          }
        }
      }
    }
  }
}

extension VectorPointTests.Case {
  /// The expected product of the Hessian with a direction.
  func bend(_ direction: [Double]) -> [Double?] {
    (0..<4).map { row in
      var sum = 0.0
      for column in 0..<4 {
        guard let number = hessian[4 * row + column] else { return nil }
        sum += number * direction[column]
      }
      return sum
    }
  }
}

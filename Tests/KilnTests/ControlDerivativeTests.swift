import Kiln
import KilnIR
import Testing

/// Branches and loops: both modes of differentiation against each other and against differences, of both orders.
@Suite("Derivatives of control flow")
struct ControlDerivativeTests {
  typealias T = Tensor<Double>
  typealias Case = CompositionGradientTests.Case

  static let x = T([0.5, -1.25, 2])
  static let w = T([0.7, 0.2, -0.4])

  // The functions have names and types: the compiler takes seconds for them inside of a table.

  /// The branch depends on the sign of the sum.
  @Sendable static func branch(_ x: T) -> T {
    cond(x.sum() .> T(0)) {
      sin(x) * w + x[0]
    } else: {
      exp(x * w)
    }
  }

  /// One result is a constant in one branch.
  @Sendable static func partly(_ x: T) -> T {
    let (a, b): (T, T) = cond(x[2] .> T(0)) {
      (T(3), x * x)
    } else: {
      (x.sum(), x)
    }
    return a * b
  }

  /// The branch in the branch is taken at `x`.
  @Sendable static func twoBranches(_ x: T) -> T {
    cond(x[1] .> T(0)) {
      x
    } else: {
      cond(x[2] .> T(0)) {
        x * x[1] * x
      } else: {
        w
      }
    }
  }

  /// A recurrent cell: the values carried and the outputs matter, and a value from outside.
  @Sendable static func cell(_ x: T) -> T {
    let weight = outer(x, w)
    let (h, outputs) = scan(x, over: stacked([x, w, x * w])) { h, row in
      let next = tanh(matmul(h, weight) + row)
      return (next, next * h)
    }
    return concatenated([outputs, h.expandingShape(at: 0)])
  }

  @Sendable static func backwards(_ x: T) -> T {
    scan(x[0], over: x, reverse: true) { s, x in (sin(s) * x, s * s) }.outputs
  }

  @Sendable static func chained(_ x: T) -> T {
    let first = scan(T(1), over: x) { p, x in (p * x, p + x) }.outputs
    return scan(T(1), over: first) { p, y in (cos(p) + y, p * y) }.outputs
  }

  /// A number that counts and one that stays are carried beside what is differentiated.
  @Sendable static func counting(_ x: T) -> T {
    let (carry, _) = scan([x, T(0), T(2)], length: 3) { state in
      let next: T = state[0] * state[2] + state[1]
      return ([next * x, state[1] + 1, state[2]], state[0])
    }
    return carry[0] * carry[1]
  }

  @Sendable static func noTurns(_ x: T) -> T { scan(x * x, length: 0) { c in (c * c, c) }.carry }

  @Sendable static func series(_ x: T) -> T {
    fori(1..<4, x) { i, y in
      let number: T = i.converted(to: Double.self)
      return y * x / number + sin(y)
    }
  }

  @Sendable static func twoStates(_ x: T) -> T {
    let (a, b) = fori(0..<3, x, x.sum()) { _, a, b in
      let next: T = a * b * 0.5
      return (next, b + a.product())
    }
    return a + b
  }

  @Sendable static func gathering(_ x: T) -> T {
    fori(0..<2, x) { i, y in y * x.gathered(i) + x.gathered(i + 1) }
  }

  /// A product where it is positive.
  @Sendable static func bent(_ s: T, _ x: T) -> (T, T) {
    let next = cond(s * x .> T(0)) {
      s * x
    } else: {
      s - x * x
    }
    return (next, next)
  }

  @Sendable static func bentTurns(_ x: T) -> T { scan(T(0.5), over: x, bent).outputs }

  /// x^4 where the sum is positive.
  @Sendable static func fourthPower(_ x: T) -> T {
    cond(x.sum() .> T(0)) {
      let power: T = fori(0..<3, x) { _, y in y * x }
      return power
    } else: {
      x
    }
  }

  /// Times the first power of 3 that is not below a limit: in the loop x matters for the condition only.
  @Sendable static func timesConstant(_ x: T) -> T {
    let limit: T = x.sum() * 8
    let power = whileLoop(T(1), condition: { $0 .< limit }, body: { $0 * 3 })
    return x * x * power
  }

  static let differentiable: [Case] = [
    Case("cond, first branch", x, branch),
    Case("cond, second branch", -x, branch),
    Case("cond, a branch without a derivative", x, partly),
    Case("cond, the branch with one", -x, partly),
    Case("cond in cond", x, twoBranches),
    Case("scan, a recurrent cell", x, cell),
    Case("scan, reverse", x, backwards),
    Case("scan of the outputs of a scan", x, chained),
    Case("scan that carries constants", x, counting),
    Case("scan without turns", x, noTurns),
    Case("fori, by the number of the turn", x, series),
    Case("fori, two values", x, twoStates),
    Case("fori, gathered by the number of the turn", x, gathering),
    Case("cond in scan", x, bentTurns),
    Case("fori in cond", x, fourthPower),
    Case("whileLoop of constants", x, timesConstant),
  ]

  @Test("cond, scan and fori: forward, reverse, differences", arguments: differentiable)
  func first(_ test: Case) throws { try test.expectFirstDerivative() }

  @Test("cond, scan and fori: second derivatives", arguments: differentiable)
  func second(_ test: Case) { test.expectSecondDerivative() }

  @Test("forward over forward is the Hessian twice along the direction", arguments: differentiable)
  func forwardTwice(_ test: Case) {
    let v = spread(test.point.dimensions, from: 90)
    let found = withDevice(.reference) { Self.secondDerivative(test.loss, at: test.point, along: v).item }
    let expected = withDevice(.reference) {
      (hessianVectorProduct(at: test.point, along: v, of: test.loss) * v).sum().item
    }
    #expect(abs(found - expected) <= 1e-12 * max(1, abs(expected)), "\(found), \(expected)")
  }

  static func secondDerivative(_ f: (T) -> T, at x: T, along v: T) -> T {
    jvp(at: x, along: v) { x in jvp(at: x, along: v, of: f).tangent }.tangent
  }
}

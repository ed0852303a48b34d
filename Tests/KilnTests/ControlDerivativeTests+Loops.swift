import Kiln
import KilnIR
import Testing

/// Loops that run until a condition fails: forward mode, of every order.
extension ControlDerivativeTests {
  /// The square root by Newton's method, until nothing moves any more.
  @Sendable static func root(_ x: T) -> T {
    let (root, _) = whileLoop(T.ones(like: x), T.zeros(like: x)) { y, last in
      (abs(y - last) .> T(1e-9)).any()
    } body: { y, _ in
      let next: T = (y + x / y) * 0.5
      return (next, y)
    }
    return root
  }

  /// x to the power of 5, by a loop that counts.
  @Sendable static func fifthPower(_ x: T) -> T {
    whileLoop(Tensor<Int32>(0), T.ones(like: x)) { n, _ in
      n .< Tensor(5)
    } body: { n, power in
      (n + 1, power * x)
    }.1
  }

  /// As many turns as it takes to leave a ball.
  @Sendable static func orbit(_ x: T) -> T {
    whileLoop(x, T(0)) { y, _ in
      y.norm() .< T(6)
    } body: { y, sum in
      (y * 1.5 + sin(x * y), sum + (y * w).sum())
    }.1
  }

  @Test("whileLoop, forward: first, second and third derivatives are those of formulas")
  func formulas() {
    let (x, v) = (T([0.25, 4, 9]), T([1, 2, -1]))
    func expectClose(_ name: String, _ found: T, _ tolerance: Double, _ formula: (Double) -> Double) {
      for (index, number) in x.scalars.enumerated() {
        let expected = formula(number)
        #expect(
          abs(found.scalars[index] - expected) <= tolerance * max(1, abs(expected)), "\(name) at \(number): \(found)")
      }
    }
    let once = jvp(at: x, along: T.ones(like: x), of: Self.root).tangent
    expectClose("root", once, 1e-12) { 0.5 / $0.squareRoot() }
    let twice = Self.secondDerivative(Self.root, at: x, along: T.ones(like: x))
    expectClose("root twice", twice, 1e-12) { -0.25 / ($0 * $0.squareRoot()) }
    let squared = Self.secondDerivative(Self.fifthPower, at: x, along: v) / (v * v)
    expectClose("fifth power twice", squared, 1e-14) { 20 * $0 * $0 * $0 }
    let third = jvp(at: x, along: T.ones(like: x)) { x in
      Self.secondDerivative(Self.fifthPower, at: x, along: T.ones(like: x))
    }.tangent
    expectClose("fifth power three times", third, 1e-14) { 60 * $0 * $0 }
  }

  @Test("whileLoop, forward: what it does as often as it must agrees with differences and with the turns written out")
  func orbits() {
    let (x, v) = (Self.x, T([1, -0.5, 0.25]))
    // The number of turns at this point, and the same turns as a loop that both modes differentiate.
    let turns = whileLoop(x, Tensor<Int32>(0)) { y, _ in
      y.norm() .< T(6)
    } body: { y, n in
      (y * 1.5 + sin(x * y), n + 1)
    }.1.item
    #expect(turns >= 3)
    let counted: (T) -> T = { x in
      fori(0..<Int(turns), x, T(0)) { _, y, sum in (y * 1.5 + sin(x * y), sum + (y * Self.w).sum()) }.1
    }
    let slope = jvp(at: x, along: v, of: Self.orbit)
    #expect(slope.value.item == counted(x).item)
    #expect(slope.tangent.item == jvp(at: x, along: v, of: counted).tangent.item)
    let reverse = (gradient(at: x, of: counted) * v).sum().item
    #expect(abs(slope.tangent.item - reverse) <= 1e-12 * max(1, abs(reverse)))
    let curvature = Self.secondDerivative(Self.orbit, at: x, along: v).item
    let expected = (hessianVectorProduct(at: x, along: v, of: counted) * v).sum().item
    #expect(abs(curvature - expected) <= 1e-12 * max(1, abs(expected)), "\(curvature), \(expected)")
    func moved(_ step: Double) -> (value: Double, slope: Double) {
      let moved = jvp(at: x + v * step, along: v, of: Self.orbit)
      return (moved.value.item, moved.tangent.item)
    }
    let step = 1e-4
    let samples = [step, -step, 2 * step, -2 * step].map(moved)
    func difference(_ part: (Int) -> Double) -> Double {
      (8 * (part(0) - part(1)) - (part(2) - part(3))) / (12 * step)
    }
    let first = difference { samples[$0].value }
    #expect(abs(slope.tangent.item - first) <= 1e-8 * max(1, abs(first)), "\(slope.tangent.item), \(first)")
    let second = difference { samples[$0].slope }
    #expect(abs(curvature - second) <= 1e-8 * max(1, abs(second)), "\(curvature), \(second)")
  }

  @Test("whileLoop: the forward Jacobian; reverse mode is refused wherever the loop matters, and only there")
  func refused() {
    let x = T([0.25, 4])
    let matrix = jacobian(at: x, mode: .forward, of: Self.fifthPower)
    #expect(matrix.scalars == [5 * 0.25 * 0.25 * 0.25 * 0.25, 0, 0, 5 * 256])
    let rows: [() -> T] = [
      { jacobian(at: x, mode: .reverse, of: Self.fifthPower) },
      { gradient(at: x) { x in Self.fifthPower(x).sum() } },
      { hessianVectorProduct(at: x, along: x) { x in Self.fifthPower(x).sum() } },
      { gradient(at: x) { x in jvp(at: x, along: x, of: Self.fifthPower).tangent.sum() } },
      { gradient(at: x) { x in scan(x, length: 2) { c in (Self.root(c), c) }.carry.sum() } },
    ]
    for (index, body) in rows.enumerated() {
      let error = #expect(throws: KilnError.self) { try withDiagnostics { body() } }
      #expect(error?.diagnostics.first?.label == "differentiate.C1", "row \(index)")
    }
    // The number of turns is an integer, a constant has no derivative, and stopGradient says that it is one.
    let counted = gradient(at: x) { x in
      let (_, turns) = whileLoop(x, Tensor<Int32>(0)) { y, _ in
        y.sum() .< T(30)
      } body: { y, n in
        (y * 2, n + 1)
      }
      return (x * turns.converted(to: Double.self)).sum()
    }
    #expect(counted.scalars == [3, 3])
    let stopped = gradient(at: x) { x in (x * Self.fifthPower(stopGradient(x))).sum() }
    #expect(stopped.scalars == Self.fifthPower(x).scalars)
  }
}

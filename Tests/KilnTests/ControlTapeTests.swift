import Kiln
import KilnIR
import Testing

/// Tapes see eager branches and loops as one operation each.
@Suite("Gradient tapes and control flow")
struct ControlTapeTests {
  typealias T = Tensor<Double>
  typealias Control = ControlDerivativeTests

  // Not those of `Control`, which a trace may have been the first to use.
  private let x = T([0.5, -1.25, 2])
  private let w = T([0.7, 0.2, -0.4])

  private func tapeGradient(at x: T, of f: (T) -> T) -> (value: T, slope: T) {
    let tape = GradientTape()
    let y = tape.record {
      tape.watch(x)
      return f(x)
    }
    return (y, tape.gradient(of: y, with: x))
  }

  @Test("a tape gives what gradient(at:of:) gives, bit for bit", arguments: Control.differentiable)
  func agreesWithGradient(_ test: Control.Case) {
    let (value, slope) = tapeGradient(at: test.point, of: test.loss)
    let (expected, expectedSlope) = valueAndGradient(at: test.point, of: test.loss)
    #expect(value.item == expected.item)
    #expect(slope.scalars == expectedSlope.scalars)
  }

  @Test("tapes around tapes, around gradients and around jvp: second derivatives", arguments: Control.differentiable)
  func second(_ test: Control.Case) {
    let v = spread(test.point.dimensions, from: 90)
    let expected = withDevice(.reference) { hessianVectorProduct(at: test.point, along: v, of: test.loss).scalars }
    let size = expected.map(\.magnitude).max() ?? 0
    let rows: [(String, (T) -> T)] = [
      ("tape", { x in (tapeGradient(at: x, of: test.loss).slope * v).sum() }),
      ("gradient", { x in (gradient(at: x, of: test.loss) * v).sum() }),
      ("jvp", { x in jvp(at: x, along: v, of: test.loss).tangent }),
    ]
    for (name, slope) in rows {
      let found = withDevice(.reference) { tapeGradient(at: test.point, of: slope).slope.scalars }
      let isClose = zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-11 * max(1, size) }
      #expect(isClose && found.count == expected.count, "\(name): \(found), \(expected)")
    }
  }

  @Test("what closures use from outside is seen: watched before, computed on the tape, or a constant")
  func captures() {
    func f(_ x: T, _ w: T) -> T {
      let doubled = x * 2
      let (h, outputs) = scan(T(1), over: w) { h, row in (h * row + doubled.sum(), h * x) }
      let chosen = cond(h .> T(0)) {
        doubled * h
      } else: {
        w * h
      }
      let last = fori(0..<2, chosen) { i, y in y * w + x.gathered(i) }
      return (last * last).sum() + outputs.sum()
    }
    let tape = GradientTape(persistent: true)
    let y = tape.record {
      tape.watch(x, w)
      return f(x, w)
    }
    let (dx, dw) = tape.gradient(of: y, with: x, w)
    let (gx, gw) = gradient(at: x, w) { x, w in f(x, w) }
    #expect(dx.scalars == gx.scalars && dw.scalars == gw.scalars)
    #expect(tape.gradient(of: y, with: w).scalars == gw.scalars)
    // The other alone: x is then a constant in every closure.
    let alone = tapeGradient(at: w) { w in f(x, w) }
    #expect(alone.slope.scalars == gw.scalars)
  }

  @Test("results of loops can be watched; unused ones cost nothing but are known")
  func middles() {
    let tape = GradientTape(persistent: true)
    let (carry, outputs, y) = tape.record { () -> (T, T, T) in
      tape.watch(x)
      let (carry, outputs) = scan(x, length: 2) { c in (c * c, c * 3) }
      tape.watch(carry, outputs)
      return (carry, outputs, (carry * x).sum() + outputs[1].sum())
    }
    #expect(tape.gradient(of: y, with: carry).scalars == x.scalars)
    #expect(tape.gradient(of: y, with: outputs).scalars == [0, 0, 0, 1, 1, 1])
    // x^5 + 3 x^2
    let expected: [Double] = x.scalars.map { 5 * $0 * $0 * $0 * $0 + 6 * $0 }
    #expect(zip(tape.gradient(of: y, with: x).scalars, expected).allSatisfy { abs($0 - $1) < 1e-13 })
  }

  /// First used in a trace, so its elements are known to every trace.
  private enum WrittenOut { static let w = T([1, 2, 3]) }

  @Test("what was written out in a trace and is watched is an operand of loops, branches and calls")
  func writtenOut() {
    _ = gradient(at: x) { x in (x * WrittenOut.w).sum() }
    let w = WrittenOut.w
    let ones = T.ones([3])
    let compiled = compile { (y: T) in y * w }
    let cases: [(String, (T) -> T)] = [
      ("fori", { y in fori(0..<1, y) { _, y in y * w } }),
      (
        "cond",
        { y in
          cond(y.sum() .> T(0)) {
            y * w
          } else: {
            y - w
          }
        }
      ),
      ("compiled", { y in compiled(y) }), ("jvp", { y in jvp(at: y, along: ones) { y in y * y * w }.value }),
      ("vmap", { y in vmap { (y: T, x: T) in y * (x * w).sum() }(y, T.ones([3, 3])) }),
      ("gradient", { y in gradient(at: y) { y in (y * y * w).sum() } * 0.5 }),
    ]
    for (name, f) in cases {
      let tape = GradientTape()
      let y = tape.record {
        tape.watch(w)
        return (f(ones) + w).sum()
      }
      let expected: [Double] = name == "vmap" ? [4, 4, 4] : [2, 2, 2]
      #expect(tape.gradient(of: y, with: w).scalars == expected, "\(name)")
    }
  }

  @Test("compiled functions with loops in them, and Swift loops around them")
  func compiledLoops() {
    let step = compile { (x: T) in fori(0..<3, x) { _, y in y * x } }
    let slope = tapeGradient(at: x) { x in
      var y = x
      for _ in 0..<2 { y = step(y) * 0.5 }
      return y.sum()
    }.slope
    // y = (x^4 / 2)^4 / 2 = x^16 / 32
    for (found, x) in zip(slope.scalars, x.scalars) {
      var expected = 0.5
      for _ in 0..<15 { expected *= x }
      #expect(abs(found - expected) <= 1e-13 * abs(expected))
    }
  }

  @Test("a loop with a condition: refused where it matters, else as everywhere")
  func conditions() {
    func grown(_ x: T) -> T { whileLoop(x, condition: { $0.sum() .< T(10) }, body: { $0 * 3 }) }
    #expect(labels { _ = tapeGradient(at: x) { x in grown(x).sum() } } == ["differentiate.C1"])
    let unwatched = tapeGradient(at: x) { x in (x * grown(T(1))).sum() }
    #expect(unwatched.slope.scalars == [27, 27, 27])
    let unused = tapeGradient(at: x) { x in
      let y = grown(x)
      return (x * T(y.scalars)).sum()
    }
    #expect(unused.slope.scalars == grown(x).scalars)
    let stopped = tapeGradient(at: x) { x in (x * grown(stopGradient(x))).sum() }
    #expect(stopped.slope.scalars == grown(x).scalars)
    // Forward mode inside of a tape needs no reverse mode of the loop.
    let pushed = tapeGradient(at: x) { x in jvp(at: T(2), along: T(1), of: grown).tangent * x.sum() }
    #expect(pushed.slope.scalars == [9, 9, 9])
  }

  @Test("in the closure of a branch or a loop a tape is a diagnostic; the choice itself is not")
  func insideClosures() {
    #expect(
      labels {
        _ = scan(x, length: 2) { c in
          GradientTape().watch(c)
          return (c, c)
        }
      } == ["tape.C2"])
    let tape = GradientTape()
    let choice = tape.record { () -> T in
      tape.watch(x)
      return cond(x.sum() .> T(0)) {
        T(1)
      } else: {
        T(2)
      }
    }
    // Nothing but the predicate depends on x: the derivative is 0.
    #expect(choice.item == 1 && tape.gradient(of: choice, with: x).scalars == [0, 0, 0])
  }
}

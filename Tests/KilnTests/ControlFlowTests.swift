import Kiln
import KilnIR
import Testing

/// Branches and loops as people write them, eager and traced.
@Suite("Control flow")
struct ControlFlowTests {
  private struct Cell: TensorTree {
    var h: Tensor<Double>
    var c: Tensor<Double>
    mutating func visit(_ visitor: inout some TensorVisitor) {
      visitor.visit(&h, "h")
      visitor.visit(&c, "c")
    }
  }

  @Test("cond runs one branch, eager and compiled, with tensors from outside")
  func branches() throws {
    let scale = Tensor<Float>(10)
    let f = { @Sendable (x: Tensor<Float>) in
      cond(x.sum() .> 0) {
        x * scale
      } else: {
        -x
      }
    }
    let compiled = compile { (x: Tensor<Float>) in f(x) }
    for x in [Tensor<Float>([1, 2]), Tensor<Float>([-1, -2])] {
      let expected: [Float] = x.sum().item > 0 ? x.scalars.map { $0 * 10 } : x.scalars.map { -$0 }
      #expect(f(x).scalars == expected)
      #expect(try compiled.run(x).scalars == expected)
    }
    let (a, b) = cond(Tensor(true)) {
      (scale, Tensor<Int32>(1))
    } else: {
      (scale + 1, Tensor<Int32>(2))
    }
    #expect(a.item == 10 && b.item == 1)
  }

  @Test("whileLoop, with several values of state")
  func loops() throws {
    let (two, half, tolerance) = (Tensor<Double>(2), Tensor<Double>(0.5), Tensor<Double>(1e-12))
    @Sendable func newton(_ x: Tensor<Double>) -> (Tensor<Double>, Tensor<Int32>) {
      whileLoop(x, Tensor<Int32>(0)) { x, _ in
        let error = x * x - two
        return error * error .> tolerance * tolerance
      } body: { x, steps in
        let next = half * (x + two / x)
        return (next, steps + 1)
      }
    }
    let (x, steps) = newton(Tensor<Double>(1))
    let error: Double = x.item - 2.0.squareRoot()
    #expect(error.magnitude < 1e-12)
    #expect(steps.item == 5)
    let (y, none) = try compile { (x: Tensor<Double>) in newton(x) }.run(x)
    #expect(y.item == x.item && none.item == 0)
  }

  @Test("scan over trees, from either end, and by length")
  func scans() throws {
    let x = Tensor<Double>([1, 2, 3])
    let sums = { @Sendable (x: Tensor<Double>) in
      let (sum, sums) = scan(Tensor<Double>(0), over: x) { sum, x in (sum + x, sum + x) }
      let (back, backs) = scan(sum, over: [x, sums], reverse: true) { sum, xs in (sum + xs[0], sum * xs[1]) }
      return [sum, sums, back, backs]
    }
    let expected: [[Double]] = [[6], [1, 3, 6], [12], [11, 27, 36]]
    #expect(sums(x).map(\.scalars) == expected)
    #expect(try compile { (x: Tensor<Double>) in sums(x) }.run(x).map(\.scalars) == expected)
    let (last, powers) = scan(Tensor<Float>(1), length: 4) { x in (x * 2, x) }
    #expect(last.item == 16 && powers.scalars == [1, 2, 4, 8])
    let (same, empty) = scan(Tensor<Float>(1), length: 0) { x in (x * 2, [x, x]) }
    #expect(same.item == 1 && empty.map(\.dimensions) == [[0], [0]])
  }

  @Test("fori gives its body the number of the turn")
  func counting() throws {
    let f = { @Sendable (x: Tensor<Float>) in
      fori(2..<5, x, Tensor<Int32>(0)) { i, x, sum in (x * 2, sum + i) }
    }
    let (x, sum) = f(Tensor([1, 2]))
    #expect(x.scalars == [8, 16] && sum.item == 9)
    let (y, _) = try compile { (x: Tensor<Float>) in f(x) }.run(Tensor([1, 2]))
    #expect(y.scalars == [8, 16])
    #expect(fori(3..<3, Tensor<Float>(7)) { _, x in x + 1 }.item == 7)
  }

  @Test("loops and branches nest, and use values of every trace around them")
  func nesting() throws {
    let f = { @Sendable (x: Tensor<Double>, limit: Tensor<Double>) in
      let doubled = x * 2
      return fori(0..<3, x) { i, s in
        let (t, _) = scan(s, length: 2) { s in
          (
            cond(s.sum() .< limit) {
              s + doubled
            } else: {
              s - 1
            }, s
          )
        }
        return whileLoop(t) { t in
          t.sum() .> limit
        } body: { t in
          t - x
        }
      }
    }
    let (x, limit) = (Tensor<Double>([1, 2]), Tensor<Double>(20))
    func reference() -> [Double] {
      var s: [Double] = [1, 2]
      for _ in 0..<3 {
        for _ in 0..<2 { s = s[0] + s[1] < 20 ? [s[0] + 2, s[1] + 4] : s.map { $0 - 1 } }
        while s[0] + s[1] > 20 { s = [s[0] - 1, s[1] - 2] }
      }
      return s
    }
    #expect(f(x, limit).scalars == reference())
    #expect(
      try compile { (x: Tensor<Double>, limit: Tensor<Double>) in f(x, limit) }.run(x, limit).scalars == reference())
  }

  @Test("gradients through loops and branches, of trees and of captured values")
  func gradients() {
    let w = Tensor<Double>([[0.5, -0.2], [0.1, 0.3]])
    let start = Cell(h: Tensor([[0.1, 0.2]]), c: Tensor([[0.3, 0.4]]))
    let xs = Tensor<Double>.range(6).reshaped(to: [3, 1, 2]) * 0.1
    func loss(_ w: Tensor<Double>, _ start: Cell, _ xs: Tensor<Double>) -> Tensor<Double> {
      let (end, outputs) = scan(start, over: xs) { state, x in
        let h = tanh(matmul(state.h, w) + x)
        let c = cond(h.sum() .> 0.5) {
          state.c * h
        } else: {
          state.c + h
        }
        return (Cell(h: h, c: c), h * c)
      }
      return end.c.sum() + (outputs * outputs).sum()
    }
    func unrolled(_ w: Tensor<Double>, _ start: Cell, _ xs: Tensor<Double>) -> Tensor<Double> {
      var (h, c, sum) = (start.h, start.c, Tensor<Double>(0))
      for t in 0..<3 {
        h = tanh(matmul(h, w) + xs[t])
        c = [false, true, true][t] ? c * h : c + h
        sum = sum + (h * c * h * c).sum()
      }
      return c.sum() + sum
    }
    let (value, slope) = valueAndGradient(at: w, start, xs) { w, s, x in loss(w, s, x) }
    var branches: [Bool] = []
    var h = start.h
    for t in 0..<3 {
      h = tanh(matmul(h, w) + xs[t])
      branches.append(h.sum().item > 0.5)
    }
    guard branches == [false, true, true] else {
      Issue.record("the branches are \(branches)")
      return
    }
    let (expected, expectedSlope) = valueAndGradient(at: w, start, xs) { w, s, x in unrolled(w, s, x) }
    #expect(abs(value.item - expected.item) < 1e-14)
    for (a, b) in [
      (slope.0, expectedSlope.0), (slope.1.h, expectedSlope.1.h), (slope.1.c, expectedSlope.1.c),
      (slope.2, expectedSlope.2),
    ] {
      #expect(zip(a.scalars, b.scalars).allSatisfy { abs($0 - $1) < 1e-13 })
    }
    let outer = gradient(at: w) { w in fori(0..<3, Tensor<Double>(1)) { _, x in x * w.sum() } }
    #expect(abs(outer.scalars[0] - 3 * 0.49) < 1e-12)
  }

  @Test("a wrong predicate, branch or body is a diagnostic that names the tensor")
  func diagnostics() {
    func expect(
      _ label: String, _ text: String, _ line: UInt = #line, sourceLocation: Testing.SourceLocation = #_sourceLocation,
      _ body: () -> Void
    ) {
      let error = #expect(throws: KilnError.self, sourceLocation: sourceLocation) { try withDiagnostics { body() } }
      #expect(error?.diagnostics.first?.label == label, sourceLocation: sourceLocation)
      #expect(error?.diagnostics.first?.message.contains(text) == true, "\(error!)", sourceLocation: sourceLocation)
      let place = error?.diagnostics.first?.location.description ?? ""
      #expect(place.contains("ControlFlowTests.swift:\(line + 1)"), "\(place)", sourceLocation: sourceLocation)
    }
    let x = Tensor<Float>([1, 2])
    expect("cond.C1", "bool[2]") {
      _ = cond(x .> 0) {
        x
      } else: {
        x
      }
    }
    expect("cond.C4", "result is f32[2]") {
      _ = cond(Tensor(true)) {
        x
      } else: {
        x.sum()
      }
    }
    expect("cond.C4", "result.1") {
      _ = cond(Tensor(true)) {
        (x, x)
      } else: {
        (x, x.sum())
      }
    }
    expect("while.C4", "bool[2]") {
      _ = whileLoop(x) { x in
        x .> 0
      } body: { x in
        x
      }
    }
    expect("while.C6", "state is f32[2] at first") {
      _ = whileLoop(x) { x in
        x.sum() .> 0
      } body: { x in
        x.sum()
      }
    }
    expect("scan.C3", "x.1") {
      _ = scan(x, over: [x, Tensor<Float>([1, 2, 3])]) { c, _ in (c, c) }
    }
    expect("scan.C3", "x is f32[]") {
      _ = scan(x, over: Tensor<Float>(1)) { c, _ in (c, c) }
    }
    expect("scan.C2", "-1") {
      _ = scan(x, length: -1) { c in (c, c) }
    }
    expect("scan.C2", "neither") {
      _ = scan(x, over: [Tensor<Float>]()) { c, _ in (c, c) }
    }
    expect("scan.C6", "carry") {
      _ = scan(x, length: 2) { c in (c.sum(), c) }
    }
    expect("fori.C1", "32-bit") {
      _ = fori(0..<Int.max, x) { _, x in x }
    }
    // The line of an operation in a closure is its own.
    expect("broadcast.shapes", "[2]", #line + 3) {
      _ = cond(Tensor(true)) {
        x
      } else: {
        x + Tensor<Float>([1, 2, 3])
      }
    }
  }

  @Test("a gradient through whileLoop names scan and fori, at the line of the loop")
  func whileGradient() {
    let error = #expect(throws: KilnError.self) {
      try withDiagnostics {
        gradient(at: Tensor<Double>(2)) { x in
          whileLoop(x) { x in
            x .< 10
          } body: { x in
            x * x
          }
        }
      }
    }
    #expect(error?.diagnostics.first?.label == "differentiate.C1")
    #expect(error?.diagnostics.first?.message.contains("fori") == true)
    #expect(error?.diagnostics.first?.location.description.contains("ControlFlowTests.swift:") == true)
  }

  @Test("control flow in the closures of control flow needs no types written out")
  func nestedClosures() {
    let x = Tensor<Double>([1, 2, 3])
    let y = cond(x.sum() .> 0) {
      fori(0..<3, x) { _, y in y * x }
    } else: {
      whileLoop(x) {
        $0.sum() .< 10
      } body: {
        $0 * 2
      }
    }
    #expect(y.scalars == [1, 16, 81])
    let z = fori(0..<2, x) { i, x in
      cond(i .== 0) {
        x + 1
      } else: {
        fori(0..<2, x) { _, x in x * 2 }
      }
    }
    #expect(z.scalars == [8, 12, 16])
  }
}

import Kiln
import KilnNN
import Testing

@Suite("L-BFGS")
struct LBFGSTests {
  @Test("Rosenbrock's valley in ten dimensions is walked to its end")
  func valley() throws {
    let start = Tensor<Double>((0..<10).map { $0 % 2 == 0 ? -1.2 : 1 })
    let minimum = try LBFGS(steps: 500).minimize(start) { x in
      let (a, b) = (x[0..<9], x[1..<10])
      let valley = b - a * a
      return ((1 - a) * (1 - a) + 100 * valley * valley).sum()
    }
    #expect(minimum.isConverged && minimum.slope <= 1e-8, "\(minimum)")
    #expect(minimum.value < 1e-15 && minimum.point.scalars.allSatisfy { ($0 - 1).magnitude < 1e-7 }, "\(minimum)")
    #expect(minimum.stepCount < 150 && minimum.evaluationCount < 2 * minimum.stepCount + 20, "\(minimum)")
  }

  @Test("a regression of a tree has the solution of the normal equations")
  func regression() throws {
    struct Line: TensorTree {
      var slope = Tensor<Double>(0)
      var offset = Tensor<Double>(0)
      // Stays as it is.
      var power = Tensor<Int32>(2)
      mutating func visit(_ visitor: inout some TensorVisitor) {
        visitor.visit(&slope, "slope")
        visitor.visit(&offset, "offset")
        visitor.visit(&power, "power")
      }
    }
    let x = Tensor<Double>([0, 1, 2, 3, 4])
    let y = Tensor<Double>([1.1, 2.9, 5.2, 6.8, 9.1])
    let minimum = try LBFGS().minimize(Line()) { line in squaredError(line.slope * x + line.offset, y) }
    // Σ(x - 2)(y - ȳ) / Σ(x - 2)² = 19.9 / 10, ȳ - 2 · 1.99
    #expect((minimum.point.slope.item - 1.99).magnitude < 1e-8 && (minimum.point.offset.item - 1.04).magnitude < 1e-8)
    #expect(minimum.point.power.item == 2 && minimum.isConverged && minimum.stepCount <= 6, "\(minimum)")
  }

  @Test("f32, a step out of the domain, and a start at the minimum")
  func domains() throws {
    let narrow = try LBFGS(tolerance: 1e-3).minimize(Tensor<Float>([3])) { x in (x - log(x)).sum() }
    #expect((narrow.point.scalars[0] - 1).magnitude < 2e-3 && narrow.isConverged, "\(narrow)")
    let near = try LBFGS().minimize(Tensor<Double>([1e-3])) { x in (x - log(x)).sum() }
    #expect((near.point.scalars[0] - 1).magnitude < 1e-7 && near.isConverged, "\(near)")
    let still = try LBFGS().minimize(Tensor<Double>([0, 0])) { x in (x * x).sum() }
    #expect(still.isConverged && still.stepCount == 0 && still.evaluationCount == 1)
    #expect(try LBFGS(steps: 0).minimize(Tensor<Double>([1])) { x in (x * x).sum() }.stepCount == 0)
  }

  @Test("mistakes are errors at the caller's line")
  func mistakes() {
    let numbers = failure { _ = try LBFGS(history: 0).minimize(Tensor<Double>(1)) { $0 * $0 } } ?? ""
    #expect(numbers.contains("found 200, 0, 1e-08 [optimizer.C3]") && numbers.contains("LBFGSTests.swift:"))
    let start = failure { _ = try LBFGS().minimize(Tensor<Double>(-1)) { log($0) } } ?? ""
    #expect(start.contains("[optimizer.C4]") && start.contains("LBFGSTests.swift:"), "\(start)")
    let vector = failure { _ = try LBFGS().minimize(Tensor<Double>([1, 2])) { $0 * $0 } } ?? ""
    #expect(vector.contains("[gradient.C2]"), "\(vector)")
  }
}

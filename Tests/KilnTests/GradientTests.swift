import Kiln
import KilnIR
import Testing

@Suite("Gradients")
struct GradientTests {
  @Test("the gradient of a^2 x + b x + c")
  func quadratic() {
    let x = Tensor<Float>(1)
    let (da, db, dc) = gradient(at: Tensor<Float>(2), Tensor<Float>(3), Tensor<Float>(4)) { a, b, c in
      a * a * x + b * x + c
    }
    #expect([da.item, db.item, dc.item] == [4, 1, 1])
  }

  @Test("values, functions of gradients, any order")
  func orders() {
    let cube = { @Sendable (x: Tensor<Double>) in (x * x * x).sum() }
    let x = Tensor<Double>([2, 3])
    #expect(gradient(of: cube)(x).scalars == [12, 27])
    let (value, slope) = valueAndGradient(of: cube)(x)
    #expect(value.item == 35 && slope.scalars == [12, 27])
    let second = gradient(at: x) { x in gradient(of: cube)(x).sum() }
    #expect(second.scalars == [12, 18])
    let third = gradient(at: x) { x in gradient(at: x) { x in gradient(of: cube)(x).sum() }.sum() }
    #expect(third.scalars == [6, 6])
  }

  @Test("trees: a gradient is a tree like the argument; what does not matter has gradient zero")
  func trees() {
    let network = Network()
    let x = Tensor([[1, 2]])
    let slope = gradient(at: network) { network in network.layers[0](x).sum() }
    #expect(slope.layers[0].weight.shape == network.layers[0].weight.shape)
    #expect(slope.layers[1].weight.scalars == [0, 0, 0])
    #expect(slope.tensors.map(\.name) == network.tensors.map(\.name))
  }

  @Test("integer arguments have gradient zero; captured tensors stay differentiable outside")
  func captured() {
    let indices = Tensor<Int32>([1, 1])
    let (dx, di) = gradient(at: Tensor([5, 6]), indices) { x, i in x.gathered(i).sum() }
    #expect(dx.scalars == [0, 2] && di.scalars == [0, 0])
    // d/dy of y · d/dx (x · y) is 2 y.
    let outer = gradient(at: Tensor<Float>(3)) { y in
      let slope = gradient(at: Tensor<Float>(2)) { x in x * y }
      return slope * y
    }
    #expect(outer.item == 6)
  }

  @Test("stopGradient stops; a gradient in a compiled function is part of its program")
  func compiled() {
    let x = Tensor([1, 2])
    #expect(gradient(at: x) { x in (stopGradient(x) * x).sum() }.scalars == [1, 2])
    let f = compile { (x: Tensor<Float>) in gradient(at: x) { x in softmax(x)[0] } }
    let p = softmax(x).scalars
    let expected = [p[0] * (1 - p[0]), -p[0] * p[1]]
    #expect(f(x).isClose(to: Tensor<Float>(expected)))
    #expect(f.report.entries.count == 1)
  }

  @Test("compositions agree with central differences in f64")
  func differences() {
    let x = Tensor<Double>([0.3, -1.2, 2.5, 0.7]).reshaped(to: [2, 2])
    let w = Tensor<Double>([[0.5, -0.25], [1.5, 2]])
    let functions: [(String, @Sendable (Tensor<Double>) -> Tensor<Double>)] = [
      ("softmax", { (softmax($0) * w).sum() }), ("logSoftmax", { (logSoftmax($0, axis: 0) * w).sum() }),
      ("logSumExp", { logSumExp($0).sum() }), ("gelu", { gelu($0).sum() }), ("sigmoid", { (sigmoid($0) * w).sum() }),
      ("layerNorm", { (layerNorm($0, scale: w[0], offset: w[1]) * w).sum() }),
      ("mean", { ($0.mean(axes: [0]) * w[0]).sum() }),
      ("variance", { $0.variance() }), ("matmul", { matmul($0, matmul(w, $0)).sum() }),
      ("max", { $0.max(axes: [1]).sum() }),
    ]
    for (name, f) in functions {
      let slope = gradient(of: f)(x).scalars
      for i in 0..<4 {
        let h = 1e-5
        var high = x.scalars
        var low = x.scalars
        high[i] += h
        low[i] -= h
        let difference = (f(Tensor(high, shape: [2, 2])).item - f(Tensor(low, shape: [2, 2])).item) / (2 * h)
        #expect(abs(slope[i] - difference) <= 1e-6 * Swift.max(1, abs(difference)), "\(name) \(i)")
      }
    }
  }

  @Test("a result that is not a scalar is a diagnostic at the closure")
  func notScalar() {
    let error = #expect(throws: KilnError.self) {
      try withDiagnostics { gradient(at: Tensor([1, 2])) { x in x * 2 } }
    }
    #expect(error?.diagnostics[0].label == "gradient.C2")
    #expect(error?.description.contains("GradientTests.swift:") == true, "\(error?.description ?? "")")
  }
}

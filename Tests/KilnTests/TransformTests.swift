import Foundation
import Kiln
import KilnIR
import Testing

@Suite("Transforms")
struct TransformTests {
  let x = Tensor<Double>([0.5, -1.25, 2])

  @Test("jvp of one and of several arguments and results")
  func forward() {
    let (value, slope) = jvp(at: x, along: Tensor<Double>([1, 10, 100])) { x in x * x * x }
    #expect(value.scalars == [0.125, -1.953125, 8])
    #expect(slope.scalars == [0.75, 46.875, 1200])
    let (values, slopes) = jvp(at: x, Tensor<Double>(3), along: x, Tensor<Double>(1)) { x, a in (x * a, a.sum()) }
    #expect(values.0.scalars == [1.5, -3.75, 6] && values.1.item == 3)
    #expect(slopes.0.scalars == [3 * 0.5 + 0.5, 3 * -1.25 - 1.25, 8] && slopes.1.item == 1)
  }

  @Test("integers have no tangent; what does not depend has a zero one")
  func forwardZeros() {
    let n = Tensor<Int32>([2, 0])
    let (value, slope) = jvp(at: x, n, along: x, n) { x, n in (x.gathered(n), n + 1) }
    #expect(value.0.scalars == [2, 0.5] && slope.0.scalars == [2, 0.5])
    #expect(value.1.scalars == [3, 1] && slope.1.scalars == [0, 0])
  }

  @Test("vjp: value and pullback, as often as one likes, trees too")
  func reverse() {
    let w = Tensor<Double>([[1, 2, 3], [4, 5, 6]])
    let (y, pullback) = vjp(at: w, x) { w, x in matmul(w, x) }
    #expect(y.scalars == [4, 7.75])
    let (dw, dx) = pullback(Tensor<Double>([1, -1]))
    #expect(dw.scalars == [0.5, -1.25, 2, -0.5, 1.25, -2] && dx.scalars == [-3, -3, -3])
    #expect(pullback(Tensor<Double>([0, 2])).1.scalars == [8, 10, 12])
    let network = Network()
    let (outputs, pull) = vjp(at: network) { network in (network.layers[0].weight * 2, network.layers[0].weight.sum()) }
    let gradient = pull((outputs.0, Tensor<Float>(1)))
    #expect(gradient.tensors.map(\.name) == network.tensors.map(\.name))
    let expected = network.layers[0].weight * 4 + 1
    #expect(gradient.layers[0].weight.scalars == expected.scalars)
  }

  @Test("vmap over some arguments, along any axes, of trees")
  func batching() {
    let rows = Tensor<Double>([[1, 2, 3], [4, 5, 6]])
    let dots = vmap { (a: Tensor<Double>, b: Tensor<Double>) in (a * b).sum() }
    #expect(dots(rows, rows * 2).scalars == [28, 154])
    let scaled = vmap({ (a: Tensor<Double>, s: Tensor<Double>) in a * s }, axes: [-1, nil], outputAxis: 1)
    #expect(scaled(rows, Tensor<Double>(2)).scalars == (rows * 2).scalars)
    let both = vmap { (a: [Tensor<Double>]) in (a[0] + a[1], Tensor<Double>(7)) }
    let (sums, constants) = both([rows, rows])
    #expect(sums.scalars == [2, 4, 6, 8, 10, 12] && constants.scalars == [7, 7])
    let nested = vmap { (a: Tensor<Double>) in vmap { (b: Tensor<Double>) in b * b }(a) }
    #expect(nested(rows).scalars == [1, 4, 9, 16, 25, 36])
  }

  @Test("per-example gradients: vmap of a gradient is a loop of gradients")
  func perExampleGradients() {
    let w = Tensor<Double>([0.5, -1, 2])
    let rows = Tensor<Double>([[1, 2, 3], [4, 5, 6], [-1, 0, 1]])
    @Sendable func loss(_ w: Tensor<Double>, _ x: Tensor<Double>) -> Tensor<Double> { tanh((w * x).sum()) * x[0] }
    let perExample = vmap(
      { (w: Tensor<Double>, x: Tensor<Double>) in
        let (dw, _) = gradient(at: w, x) { w, x in loss(w, x) }
        return dw
      }, axes: [nil, 0])(w, rows)
    for i in 0..<3 {
      let (dw, _) = gradient(at: w, rows[i]) { w, x in loss(w, x) }
      #expect(perExample[i].scalars == dw.scalars)
    }
  }

  @Test("Jacobians of both modes")
  func jacobians() {
    let w = Tensor<Double>([[1, 2, 3], [4, 5, 6]])
    for mode in JacobianMode.allCases {
      let j = jacobian(at: x, mode: mode) { x in matmul(w, x) }
      #expect(j.shape == [2, 3] && j.scalars == w.scalars)
      let (jw, jx) = jacobian(at: w, x, mode: mode) { w, x in matmul(w, x) }
      #expect(jw.shape == [2, 2, 3] && jx.scalars == w.scalars)
      #expect(jw.scalars == x.scalars + [0, 0, 0, 0, 0, 0] + x.scalars)
    }
    let (ji, _) = jacobian(at: Tensor<Int32>([1, 2]), x) { _, x in x.sum() }
    #expect(ji.shape == [2] && ji.scalars == [0, 0])
  }

  @Test("Hessians and their products; Newton's method in one step on a quadratic function")
  func hessians() {
    let a = Tensor<Double>([[4, 1, 0], [1, 3, -1], [0, -1, 2]])
    let f = { (x: Tensor<Double>) in (x * matmul(a, x)).sum() * 0.5 - x.sum() }
    #expect(hessian(at: x, of: f).scalars == a.scalars)
    let product = hessianVectorProduct(at: x, along: Tensor<Double>([1, 2, 3]), of: f)
    #expect(product.scalars == [6, 4, 4])
    let cubes = hessian(at: x) { x in (x * x * x).sum() }
    #expect(cubes.scalars == [3, 0, 0, 0, -7.5, 0, 0, 0, 12])
  }

  @Test("in a compiled function every transform is part of the program")
  func compiled() {
    let f = compile { (x: Tensor<Double>) in
      let (value, pullback) = vjp(at: x) { x in sin(x) }
      let (_, slope) = jvp(at: x, along: x) { x in exp(x) }
      let h = hessian(at: x) { x in (x * x).sum() }
      let rows = vmap { (y: Tensor<Double>) in y * y }(x)
      return (value, pullback(x), slope, h, rows)
    }
    let (value, pulled, slope, h, rows) = f(x)
    #expect(value.scalars == sin(x).scalars)
    #expect(pulled.isClose(to: cos(x) * x, relativeTolerance: 1e-14))
    #expect(slope.isClose(to: exp(x) * x, relativeTolerance: 1e-14))
    #expect(h.scalars == [2, 0, 0, 0, 2, 0, 0, 0, 2])
    #expect(rows.scalars == (x * x).scalars)
    #expect(f.report.entries.count == 1)
  }

  @Test("captured tensors stay differentiable outside; closures run at every call")
  func captured() {
    let outer = gradient(at: Tensor<Double>(3)) { y in
      let (_, slope) = jvp(at: x, along: x) { x in x * x * y }
      return slope.sum()
    }
    #expect(outer.item == (x * x * 2).sum().item)
    let mapped = gradient(at: Tensor<Double>(3)) { y in vmap { (x: Tensor<Double>) in x * y }(x).sum() }
    #expect(mapped.item == x.sum().item)
  }

  @Test("checkGradients passes right derivatives and reports wrong ones")
  func checks() throws {
    let right = try checkGradients(at: x, Tensor<Double>(0.3)) { x, a in softmax(x) * a + sin(x) }
    #expect(right.passes && right.count == 4, "\(right)")
    let wrong = try checkGradients(at: x) { x in x * stopGradient(x) }
    #expect(!wrong.passes && wrong.failures.count == 3)
    #expect(wrong.description.contains("arg0["), "\(wrong)")
    let single = try checkGradients(at: Tensor<Float>([0.5, 1])) { x in tanh(x) }
    #expect(single.passes, "\(single)")
    _ = gradient(at: Tensor<Double>(1)) { x in
      let error = #expect(throws: KilnError.self) { try checkGradients(at: x) { x in x } }
      #expect(error?.diagnostics.first?.label == "checkGradients.C1")
      return x
    }
  }

  @Test("bad arguments are labelled diagnostics at the user's line")
  func errors() {
    let rows = Tensor<Double>([[1, 2, 3], [4, 5, 6]])
    #expect(labels { _ = jvp(at: x, along: rows) { x in x } } == ["jvp.C1"])
    #expect(labels { _ = vjp(at: x) { x in x }.pullback(rows) } == ["vjp.C1"])
    #expect(labels { _ = vmap { (x: Tensor<Double>, y: Tensor<Double>) in x + y }(x, rows) } == ["vmap.C4"])
    #expect(labels { _ = vmap({ (x: Tensor<Double>) in x }, axes: [1])(x) } == ["vmap.C5"])
    #expect(labels { _ = vmap({ (x: Tensor<Double>) in x }, outputAxis: 2)(x) } == ["vmap.C6"])
    #expect(labels { _ = vmap({ (x: Tensor<Double>) in x }, axes: [0, 0])(x) } == ["vmap.C7"])
    #expect(labels { _ = vmap({ (x: Tensor<Double>) in x }, axes: [nil])(x) } == ["vmap.C8"])
    #expect(labels { _ = hessian(at: x) { x in x * x } } == ["gradient.C2"])
    #expect(labels { _ = jacobian(at: x) { x in x.reshaped(to: [7]) } } == ["reshape.C1"])
    let line = #line + 1
    let error = #expect(throws: KilnError.self) {
      try vmap { (x: Tensor<Double>) in x + rows[0][0] + Tensor<Double>([1, 2]) }.run(rows)
    }
    #expect(error?.diagnostics.map(\.label) == ["broadcast.shapes"])
    #expect(error?.description.contains("TransformTests.swift:\(line):") == true, "\(error?.description ?? "")")
  }
}

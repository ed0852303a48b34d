// The formulas of Documentation/Decisions/0001, typed as people type them. That this file compiles is the test; CI
// passes -warn-long-expression-type-checking=300.

import Kiln
import Testing

private typealias T = Tensor<Float>

// swift-format-ignore
private func tanhGelu(_ x: T) -> T { 0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x))) }
private func geluErf(_ x: T) -> T { 0.5 * x * (1 + erf(x / 1.4142135)) }
private func logistic1(_ x: T) -> T { 1 / (1 + exp(-x)) }
private func silu(_ x: T) -> T { x / (1 + exp(-x)) }
private func softplus(_ x: T) -> T { maximum(x, 0) + log(1 + exp(-abs(x))) }
private func mish(_ x: T) -> T { x * tanh(log(1 + exp(x))) }
private func elu(_ x: T) -> T { select(x .> 0, x, 1.0 * (exp(x) - 1)) }
private func leaky(_ x: T) -> T { maximum(x, 0) + 0.01 * minimum(x, 0) }
private func hardSwish(_ x: T) -> T { x * minimum(maximum(x + 3, 0), 6) / 6 }
private func plainSoftmax(_ x: T) -> T {
  let e = exp(x - x.max(axes: [-1], keepDims: true))
  return e / e.sum(axes: [-1], keepDims: true)
}
private func plainLayerNorm(_ x: T, _ g: T, _ b: T) -> T {
  (x - x.mean(axes: [-1], keepDims: true)) / sqrt(x.variance(axes: [-1], keepDims: true) + 1e-5) * g + b
}
private func rmsNorm(_ x: T, _ g: T) -> T { x * rsqrt((x * x).mean(axes: [-1], keepDims: true) + 1e-6) * g }
private func batchNorm(_ x: T, _ m: T, _ v: T, _ g: T, _ b: T) -> T { (x - m) * rsqrt(v + 1e-5) * g + b }
private func mse(_ y: T, _ t: T) -> T { 0.5 * ((y - t) * (y - t)).mean() }
private func huber(_ y: T, _ t: T) -> T {
  let d = abs(y - t)
  return select(d .< 1, 0.5 * d * d, d - 0.5).mean()
}
private func bce(_ p: T, _ t: T) -> T { -(t * log(p + 1e-7) + (1 - t) * log(1 - p + 1e-7)).mean() }
private func logCosh(_ y: T) -> T { (y + log(1 + exp(-2 * y)) - 0.6931472).mean() }
private func crossEntropy(_ z: T, _ t: T) -> T {
  -(t * (z - log(exp(z).sum(axes: [-1], keepDims: true)))).sum(axes: [-1]).mean()
}
private func adamM(_ m: T, _ g: T) -> T { 0.9 * m + (1 - 0.9) * g }
private func adamV(_ v: T, _ g: T) -> T { 0.999 * v + (1 - 0.999) * g * g }
private func adam(_ p: T, _ m: T, _ v: T, _ lr: T, _ c1: T, _ c2: T) -> T {
  p - lr * (m / (1 - c1)) / (sqrt(v / (1 - c2)) + 1e-8)
}
private func adamW(_ p: T, _ m: T, _ v: T, _ lr: Float, _ wd: Float) -> T { p - lr * (m / (sqrt(v) + 1e-8) + wd * p) }
private func sgd(_ p: T, _ g: T, _ v: inout T, lr: Float) -> T {
  v = 0.9 * v + g
  return p - lr * (g + 0.9 * v)
}
private func attention(_ q: T, _ k: T, _ v: T, _ d: Float) -> T {
  matmul(plainSoftmax(matmul(q, k.transposed()) / d.squareRoot()), v)
}
private func logisticMap(_ x: T, _ r: T) -> T { r * x * (1 - x) }
private func normalPdf(_ x: T, _ m: T, _ s: T) -> T { exp(-0.5 * ((x - m) / s) * ((x - m) / s)) / (s * 2.5066283) }
private func blackScholes(_ s: T, _ k: T, _ t: T, _ r: T, _ v: T) -> T {
  (log(s / k) + (r + 0.5 * v * v) * t) / (v * sqrt(t))
}
private func quadratic(_ a: T, _ b: T, _ c: T, _ x: T) -> T { a * a * x + b * x + c }
private func rk4(_ y: T, _ k1: T, _ k2: T, _ k3: T, _ k4: T, _ h: T) -> T { y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4) }
private func horner(_ x: T) -> T { ((((0.2 * x + 0.5) * x - 1.5) * x + 2) * x - 3) * x + 1 }
private func lerp(_ a: T, _ b: T, _ t: T) -> T { a * (1 - t) + b * t }
private func lstmCell(_ i: T, _ f: T, _ g: T, _ o: T, _ c: T) -> T {
  logistic1(o) * tanh(logistic1(f) * c + logistic1(i) * tanh(g))
}
private func rosenbrock(_ x: T, _ y: T) -> T { (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x) }
private func planck(_ l: T, _ t: T) -> T { 1.1910429e-16 / (l * l * l * l * l) / (exp(0.014387769 / (l * t)) - 1) }
private func cosine(_ a: T, _ b: T) -> T { (a * b).sum() / (sqrt((a * a).sum()) * sqrt((b * b).sum()) + 1e-8) }
private func mixed(_ x: T, n: Int, s: Float) -> T { s * x / Float(n) + 2 * s * x - x * (1 / s) + Float(n - 1) * 0.5 }
private func schedule(_ step: T) -> T { 0.5 * 0.001 * (1 + cos(3.1415927 * step / 1000)) }

// Shapes of expressions that were ambiguous or slow under other operator surfaces.
private func train(_ x: T, _ rate: T) -> T { x - rate }
private func h1(_ x: T, n: Int) -> T { x + Float(n - 1) * 0.5 }
private func h2(_ x: T, n: Int) -> T { Float(n - 1) * 0.5 + x }
private func h3(_ x: T, s: Float) -> T { s * 0.5 * x }
private func h4(_ x: T, s: Float) -> T { 0.5 * s * x }
private func h5(_ x: T, s: Float) -> T { x * (1 - s) + s * 2 }
private func h6(_ x: T, s: Float) -> T { -s * x - 2 / s }
private func h7(_ x: T) -> T { x * (1 - 0.9) }
private func h8(_ x: T) -> T { 2 * 3 * x }
private func h9(_ x: T) -> T { x / (2 * 3.5 - 1) * 2 }
private func h10(_ x: T) -> T { train(x, 1 / 8) }
private func h11() -> T {
  let y: T = 1 - 0.5 * 2
  return y
}
private func h12(_ x: Tensor<Int32>) -> Tensor<Int32> { (x + 1) * 2 - x / 3 }
private func h13(_ x: Tensor<Double>) -> Tensor<Double> { (x + 1) * 2 - x / 3 + Double.pi / 4 * x }
private func h14<S: TensorReal>(_ x: Tensor<S>) -> Tensor<S> where S.FloatLiteralType == S, S.IntegerLiteralType == S {
  0.5 * x * (1 + tanh(x))
}
private func h15(_ x: T, _ y: T) -> T { select(x .> y, x + 1, 0) }
private func h16(_ x: T) -> T { [x, x].reduce(0) { $0 + $1 * 2 } }
private func h17(_ x: T) -> T {
  let f = { (a: T) in a * 2 + 1 }
  return f(x)
}
private func h18(_ xs: [T]) -> [T] { xs.map { $0 * 0.5 + 1 } }
private func h19(_ x: T) -> T { maximum(0, 1 - x * 2) }
private func h20(_ x: T) -> T { x * Float(x.dimensions[0]) / 2 + 1 }

@Suite("Formulas")
struct FormulaTests {
  @Test("formulas of one argument give finite values and agree traced and eager")
  func evaluate() throws {
    let x = T([0.25, 0.5, 0.75])
    let formulas: [(String, (Tensor<Float>) -> Tensor<Float>)] = [
      ("tanhGelu", tanhGelu),
      ("geluErf", geluErf),
      ("logistic1", logistic1),
      ("silu", silu),
      ("softplus", softplus),
      ("mish", mish),
      ("elu", elu),
      ("leaky", leaky),
      ("hardSwish", hardSwish),
      ("plainSoftmax", plainSoftmax),
      ("horner", horner),
      ("h7", h7),
      ("h8", h8),
      ("h9", h9),
      ("h10", h10),
      ("h16", h16),
      ("h17", h17),
      ("h19", h19),
      ("h20", h20),
    ]
    for (name, formula) in formulas {
      let eager = formula(x)
      let program = try trace(x) { x in formula(x) }
      let traced = try Tensor<Float>(program.run([AnyTensor(x)])[0])
      #expect(eager.scalars.allSatisfy { $0.isFinite }, "\(name)")
      #expect(traced?.scalars == eager.scalars, "\(name)")
    }
  }
}

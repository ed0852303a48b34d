import Foundation

/// Formulas as people type them, and the calls that take a closure: every formula must check in every call.
enum Formulas {
  /// Of one tensor `x`; `w`, `t` are tensors, `s` a Float, `n` an Int.
  static let one = [
    "x * x * 3 + 2 * x + 1",
    "(x * x + 1) * 0.5 - x / 2 + 3 * x * x - 1",
    "0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x)))",
    "x / (1 + exp(-x))",
    "maximum(x, 0) + log(1 + exp(-abs(x)))",
    "select(x .> 0, x, 0.01 * x) + 1",
    "((((0.2 * x + 0.5) * x - 1.5) * x + 2) * x - 3) * x + 1",
    "w * x * (1 - x) - 2 * w + s * x",
    "(x - x.mean()) / sqrt(x.variance() + 1e-5) * w + 1",
    "s * x / Float(n) + 2 * s * x - x * (1 / s) + Float(n - 1) * 0.5",
    "-(t * log(x + 1e-7) + (1 - t) * log(1 - x + 1e-7))",
    "(x - 3) * (x - 3)",
    "x.sum() * x - 0.5",
    "exp(-0.5 * ((x - w) / t) * ((x - w) / t)) / (t * 2.5066283)",
    "w * [1, 2, 3] - x",
  ]
  /// Of two tensors `x` and `y`.
  static let two = [
    "x * x * y + 3 * y - x / 2 + 1",
    "(1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x)",
    "x - 0.1 * (y / (sqrt(y * y) + 1e-8) + 0.01 * x)",
    "(matmul(w, x) + y - t) * (matmul(w, x) + y - t)",
  ]
  /// Of a model `m` and a tensor `x`; they give a scalar.
  static let model = [
    "(matmul(m.w, x) * m.w * 3 + 2 * x + m.b - 1).sum()",
    "0.5 * (m(x) - t).norm() + 0.01 * (m.w * m.w).sum()",
    "loss(m, x) * 2 + 1",
  ]

  static let oneCalls = [
    "_ = gradient(at: x) { x in (FORMULA).sum() }",
    "_ = gradient(at: x) { x in return (FORMULA).sum() }",
    "_ = valueAndGradient(at: x) { x in (FORMULA).mean() }",
    "_ = gradient(of: { x in (FORMULA).sum() })(x)",
    "_ = jvp(at: x, along: x) { x in FORMULA }",
    "_ = vjp(at: x) { x in FORMULA }",
    "_ = jacobian(at: x) { x in FORMULA }",
    "_ = hessian(at: x) { x in (FORMULA).sum() }",
    "_ = hessianVectorProduct(at: x, along: x) { x in (FORMULA).sum() }",
    "_ = try trace(x) { x in FORMULA }",
    "_ = try checkGradients(at: x) { x in FORMULA }",
    "_ = vmap { (x: Tensor<Float>) in FORMULA }(x)",
    "_ = vmap({ x in FORMULA })(x)",
    "_ = checkpoint { (x: Tensor<Float>) in FORMULA }(x)",
    "_ = compile { (x: Tensor<Float>) in FORMULA }",
    "_ = compile { (x: Tensor<Float>) in (FORMULA, x + 1) }",
    "_ = compile { (x: Tensor<Float>) in (first: FORMULA, second: x * 2) }",
    "_ = compile { (x: Tensor<Float>) in valueAndGradient(at: x) { x in (FORMULA).sum() } }",
    "_ = compile { (x: inout Tensor<Float>) in x = FORMULA }",
    "_ = scan(x, over: x) { sum, x in (sum + x, FORMULA) }",
    "_ = scan(x, length: 3) { x in (FORMULA, x) }",
    "_ = fori(0..<4, x) { i, x in FORMULA }",
    "_ = whileLoop(x) { x in x.sum() .> 0.5 } body: { x in FORMULA }",
    "_ = cond(x.sum() .> 0) { FORMULA } else: { -x * 2 + 1 }",
    "_ = cond(x.sum() .> 0) { FORMULA } else: { 0 }",
    "_ = gradient(at: x) { x in gradient(at: x) { x in (FORMULA).sum() }.sum() }",
    "_ = vmap { (x: Tensor<Float>) in gradient(at: x) { x in (FORMULA).sum() } }(x)",
    "_ = jvp(at: x, along: x) { x in (FORMULA, x * 2 + 1) }",
    "_ = vjp(at: x) { x in (FORMULA, x * 2 + 1) }",
    "_ = try trace(x) { x in (FORMULA, x * 2 + 1) }",
  ]
  static let twoCalls = [
    "_ = gradient(at: x, y) { x, y in (FORMULA).sum() }",
    "_ = valueAndGradient(at: x, y) { x, y in return (FORMULA).mean() }",
    "_ = jvp(at: x, y, along: x, y) { x, y in FORMULA }",
    "_ = vjp(at: x, y) { x, y in FORMULA }",
    "_ = jacobian(at: x, y) { x, y in FORMULA }",
    "_ = try trace(x, y) { x, y in FORMULA }",
    "_ = vmap({ x, y in FORMULA })(x, y)",
    "_ = compile { (x: Tensor<Float>, y: Tensor<Float>) in FORMULA }",
    "_ = compile { (x: inout Tensor<Float>, y: Tensor<Float>) in x = FORMULA; return x.sum() }",
    "_ = scan(x, over: y) { x, y in (FORMULA, x + 2 * y) }",
    "_ = fori(0..<4, x, y) { i, x, y in (FORMULA, 2 * y - x) }",
    "_ = whileLoop(x, y) { x, y in (FORMULA).sum() .> 0 } body: { x, y in (FORMULA, y * 0.5 + 1) }",
    "_ = gradient(at: x, y, w) { x, y, w in (w * (FORMULA)).sum() }",
  ]
  static let modelCalls = [
    "_ = gradient(at: m) { m in FORMULA }",
    "_ = valueAndGradient(at: m) { m in FORMULA }",
    "_ = gradient(at: m, x) { m, x in FORMULA }",
    "_ = vjp(at: m) { m in FORMULA }",
    "_ = try trace(m, x) { m, x in FORMULA }",
    "_ = compile { (m: inout Model, x: Tensor<Float>) in valueAndGradient(at: m, x) { m, x in FORMULA }.value }",
  ]

  static let prologue = """
    import Kiln
    struct Model: TensorTree {
      var w: Tensor<Float>
      var b: Tensor<Float>
      mutating func visit(_ visitor: inout some TensorVisitor) {
        visitor.visit(&w, "w")
        visitor.visit(&b, "b")
      }
      func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { matmul(w, x) + b }
    }
    func loss(_ m: Model, _ x: Tensor<Float>) -> Tensor<Float> { m(x).sum() }
    func labelled(_ x: Tensor<Float>) -> (low: Tensor<Float>, high: Tensor<Float>) { (x.min(), x.max()) }
    func thrown(_ x: Tensor<Float>) throws -> Tensor<Float> { x }
    typealias F = Tensor<Float>

    """

  /// The parameters of the functions in which the lines stand.
  static let parameters =
    "x: F, y: F, w: F, t: F, a: F, b: F, p: Tensor<Bool>, d: Tensor<Double>, i: Tensor<Int32>, m: Model, s: Float, "
    + "rate: Double, n: Int"

  /// A line of every call: with every formula, or with those that come by at `every` steps, another start for each
  /// call.
  static func lines(every step: Int) -> [String] {
    var lines: [String] = []
    for (calls, formulas) in [(oneCalls, one), (twoCalls, two), (modelCalls, model)] {
      for (row, call) in calls.enumerated() {
        let step = min(step, formulas.count)
        for index in stride(from: row % step, to: formulas.count, by: step) {
          lines.append(call.replacing("FORMULA", with: formulas[index]))
        }
      }
    }
    return lines
  }
}

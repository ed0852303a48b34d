import Kiln
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("Activations")
struct ActivationTests {
  typealias Row = (
    name: String, single: @Sendable (Tensor<Float>) -> Tensor<Float>,
    double: @Sendable (Tensor<Double>) -> Tensor<Double>,
    oracle: @Sendable (Double) -> Double
  )

  static let rows: [Row] = [
    ("relu", { relu($0) }, { relu($0) }, { max($0, 0) }),
    ("leakyRelu", { leakyRelu($0, slope: 0.25) }, { leakyRelu($0, slope: 0.25) }, { $0 < 0 ? 0.25 * $0 : $0 }),
    ("sigmoid", { sigmoid($0) }, { sigmoid($0) }, { 1 / (1 + exp(-$0)) }),
    ("softplus", { softplus($0) }, { softplus($0) }, { max($0, 0) + log1p(exp(-abs($0))) }),
    ("logSigmoid", { logSigmoid($0) }, { logSigmoid($0) }, { min($0, 0) - log1p(exp(-abs($0))) }),
    ("silu", { silu($0) }, { silu($0) }, { $0 / (1 + exp(-$0)) }),
    ("gelu exact", { gelu($0, .exact) }, { gelu($0, .exact) }, { 0.5 * $0 * erfc(-$0 / 2.0.squareRoot()) }),
    (
      "gelu tanh", { gelu($0) }, { gelu($0) },
      { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
    ),
    ("elu", { elu($0, alpha: 1.5) }, { elu($0, alpha: 1.5) }, { $0 > 0 ? $0 : 1.5 * expm1($0) }),
    (
      "selu", { selu($0) }, { selu($0) },
      { 1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * expm1($0)) }
    ),
    ("mish", { mish($0) }, { mish($0) }, { $0 * tanh(max($0, 0) + log1p(exp(-abs($0)))) }),
    ("hardSigmoid", { hardSigmoid($0) }, { hardSigmoid($0) }, { min(max($0 + 3, 0), 6) / 6 }),
    ("hardSwish", { hardSwish($0) }, { hardSwish($0) }, { $0 * min(max($0 + 3, 0), 6) / 6 }),
  ]

  @Test("activations have the values of their formulas in f64 and f32", arguments: rows.indices)
  func values(_ index: Int) {
    let row = Self.rows[index]
    let points = stride(from: -20.0, through: 20, by: 0.37).map { $0 } + [0, 1e-8, -1e-8, 80, -80]
    for (x, found) in zip(points, row.double(Tensor(points)).scalars) {
      let expected = row.oracle(x)
      #expect(
        abs(found - expected) <= 2e-13 * max(abs(expected), 1e-3), "\(row.name)(\(x)) is \(found), not \(expected)")
    }
    let singles = points.map { Float($0) }
    for (x, found) in zip(singles, row.single(Tensor(singles)).scalars) {
      let expected = row.oracle(Double(x))
      #expect(abs(Double(found) - expected) <= 1e-5 * max(abs(expected), 1e-2), "\(row.name)(\(x)) is \(found)")
    }
  }

  @Test("gradients agree with central differences, and those of gradients", arguments: rows.indices)
  func gradients(_ index: Int) {
    let row = Self.rows[index]
    let x = Tensor<Double>([-5.3, -2.1, -0.4, 0.3, 1.9, 6.2])
    expectGradient(row.name, at: x) { x in row.double(x) }
    expectGradient("the gradient of \(row.name)", at: x, tolerance: 1e-5) { x in
      gradient(at: x) { x in row.double(x).sum() }
    }
  }

  @Test("values and gradients at extreme finite arguments are finite", arguments: rows.indices)
  func extremes(_ index: Int) {
    let row = Self.rows[index]
    let (tiny, tinier) = (Float.leastNormalMagnitude / 8, Double.leastNormalMagnitude / 8)
    let single = Tensor<Float>([-3e38, -1e30, -1e4, -200, -89, -tiny, 0, tiny, 89, 200, 1e4])
    let double = Tensor<Double>([-1e300, -1e4, -800, -tinier, 0, tinier, 800, 1e4])
    #expect(row.single(single).scalars.allSatisfy { $0.isFinite }, "\(row.name) \(row.single(single))")
    #expect(row.double(double).scalars.allSatisfy { $0.isFinite }, "\(row.name) \(row.double(double))")
    let slopes = gradient(at: single) { x in row.single(x).sum() }
    #expect(slopes.scalars.allSatisfy { $0.isFinite }, "\(row.name) \(slopes)")
    let wide = gradient(at: double) { x in row.double(x).sum() }
    #expect(wide.scalars.allSatisfy { $0.isFinite }, "\(row.name) \(wide)")
  }

  @Test("derivatives at 0 are those of the smooth functions")
  func atZero() {
    let zero = Tensor<Double>(0)
    let slopes: [Double] = [
      gradient(at: zero) { softplus($0) }.item, gradient(at: zero) { sigmoid($0) }.item,
      gradient(at: zero) { elu($0) }.item, gradient(at: zero) { silu($0) }.item,
      gradient(at: zero) { x in gradient(at: x) { softplus($0) } }.item,
    ]
    #expect(slopes == [0.5, 0.25, 1, 0.5, 0.25])
  }

  @Test("clip holds between bounds of which each may be missing")
  func clipping() {
    let x = Tensor<Float>([-2, 0.5, 3])
    #expect(clip(x, low: -1, high: 1).scalars == [-1, 0.5, 1])
    #expect(clip(x, low: 0).scalars == [0, 0.5, 3])
    #expect(clip(x, high: 1).scalars == [-2, 0.5, 1])
    #expect(clip(x).scalars == [-2, 0.5, 3])
  }

  @Test("softmax and its logarithms have gradients without the maximum")
  func softmaxGradients() throws {
    let x = spread([2, 3], scale: 3)
    expectGradient("softmax", at: x) { softmax($0) }
    expectGradient("logSoftmax", at: x) { logSoftmax($0, axis: 0) }
    expectGradient("logSumExp", at: x) { logSumExp($0) }
    let ties = gradient(at: Tensor<Double>([1, 1])) { logSumExp($0) }
    #expect(ties.scalars == [0.5, 0.5])
    let program = try trace(x) { x in gradient(at: x) { x in softmax(x).sum() } }
    #expect(!program.description.contains("equal("), "the gradient goes through the maximum: \(program)")
  }

  @Test("front-end names of the scalar functions")
  func names() {
    let x = Tensor<Double>(0.5)
    let rows: [(Double, Double)] = [
      (Kiln.tan(x).item, tan(0.5)), (Kiln.asin(x).item, asin(0.5)), (Kiln.acos(x).item, acos(0.5)),
      (Kiln.atan(x).item, atan(0.5)), (Kiln.sinh(x).item, sinh(0.5)), (Kiln.cosh(x).item, cosh(0.5)),
      (Kiln.asinh(x).item, asinh(0.5)), (Kiln.acosh(x + 1).item, acosh(1.5)), (Kiln.atanh(x).item, atanh(0.5)),
      (Kiln.cbrt(x).item, cbrt(0.5)), (Kiln.exp2(x).item, exp2(0.5)), (Kiln.log2(x).item, log2(0.5)),
      (Kiln.erfc(x).item, erfc(0.5)), (erfInverse(x).item, 0.4769362762044699), (logGamma(x).item, 0.5723649429247001),
      (digamma(x).item, -1.9635100260214235), (trigamma(x).item, 4.934802200544679), (truncate(x + 1).item, 1),
      (Kiln.atan2(x, -x).item, 3 * Double.pi / 4), (nextAfter(x, 1).item, 0.5.nextUp),
    ]
    for (index, row) in rows.enumerated() {
      #expect(abs(row.0 - row.1) <= 1e-15 * max(1, abs(row.1)), "row \(index): \(row)")
    }
    #expect(isNaN(Tensor<Float>([.nan, 1])).scalars == [true, false])
    #expect(populationCount(Tensor<Int32>([-1, 5])).scalars == [32, 2])
    #expect(countLeadingZeros(Tensor<UInt8>([0, 5])).scalars == [8, 5])
  }
}

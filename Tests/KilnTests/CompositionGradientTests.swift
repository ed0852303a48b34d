import Kiln
import Testing

/// The compositions of the front end: derivatives of the first and of the second order against central differences.
@Suite("Gradients of compositions")
struct CompositionGradientTests {
  typealias T = Tensor<Double>

  /// A function of one tensor, smooth around `point`.
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let point: T
    let function: @Sendable (T) -> T
    var testDescription: String { name }

    init(_ name: String, _ point: T, _ function: @escaping @Sendable (T) -> T) {
      (self.name, self.point, self.function) = (name, point, function)
    }

    /// A weighted sum of squares, so that also a linear function has second derivatives.
    @Sendable func loss(_ x: T) -> T {
      let y = function(x)
      return (y * y * (spread(y.dimensions, from: 30) + 1.5)).sum()
    }

    func slope(_ x: T) -> T { gradient(at: x, of: loss) }
  }

  static let matrix = spread([3, 4])
  static let square = spread([3, 3], from: 20)
  static let cube = spread([2, 3, 4])
  static let (scale, offset) = (spread([4], from: 50), spread([4], from: 60))

  static let statistics: [Case] = [
    Case("softmax", matrix) { softmax($0) },
    Case("softmax along axis 0", matrix * 3) { softmax($0, axis: 0) },
    Case("logSoftmax", matrix * 3) { logSoftmax($0) },
    Case("logSumExp", matrix * 3) { logSumExp($0, axis: 0, keepDims: true) },
    Case("norm 1", matrix) { $0.norm(1, axes: [1]) },
    Case("norm 2", matrix) { $0.norm(axes: [0]) },
    Case("norm 3", matrix) { $0.norm(3, axes: [1], keepDims: true) },
    Case("norm 1.5 of all", matrix) { $0.norm(1.5) },
    Case("norm infinity", matrix) { $0.norm(.infinity, axes: [1]) },
    Case("norm -infinity", matrix) { $0.norm(-.infinity, axes: [0]) },
    Case("frobeniusNorm", cube) { $0.frobeniusNorm() },
    Case("mean", matrix) { $0.mean(axes: [0]) },
    Case("variance", matrix) { $0.variance(axes: [1]) },
    Case("standardDeviation", matrix) { $0.standardDeviation(axes: [-1], keepDims: true) },
    Case("product", matrix) { $0.product(axes: [1]) },
    Case("clip", matrix) { clip($0, low: -0.5, high: 0.4) },
    Case("clamp by its bounds", spread([2, 4], scale: 0.5)) { x in
      clamp(T([2, -2, 0.1, 0.1]), x[0] - 1, x[1] + 1)
    },
  ]

  static let normalisations: [Case] = [
    Case("layerNorm", matrix) { layerNorm($0, scale: scale, offset: offset) },
    Case("layerNorm of two axes", matrix) { layerNorm($0, scale: matrix + 2, offset: matrix) },
    Case("layerNorm by the scale", scale) { layerNorm(matrix, scale: $0, offset: offset) },
    Case("layerNorm by the offset", offset) { layerNorm(matrix, scale: scale, offset: $0) },
    Case("rmsNorm", matrix) { rmsNorm($0, scale: scale) },
    Case("rmsNorm by the scale", scale) { rmsNorm(matrix, scale: $0) },
    Case("batchNorm", cube) { batchNorm($0, scale: scale, offset: offset) },
    Case("batchNorm along axis 1", cube) { batchNorm($0, scale: scale[0..<3], offset: offset[0..<3], axis: 1) },
    Case("batchNorm by the scale", scale) { batchNorm(cube, scale: $0, offset: offset) },
    Case("batchNorm by running statistics", spread([2, 4], from: 9)) { x in
      batchNorm(cube, mean: x[0], variance: x[1] * x[1] + 0.5, scale: scale, offset: offset)
    },
    Case("batchStatistics", cube) { x in
      let (mean, variance) = batchStatistics(x, axis: 1)
      return stacked([mean, variance])
    },
    Case("groupNorm", cube) { groupNorm($0, groups: 2, scale: scale, offset: offset) },
    Case("groupNorm by scale and offset", spread([2, 4], from: 9)) { x in
      groupNorm(cube, groups: 2, scale: x[0], offset: x[1])
    },
  ]

  static let (queries, keys, values) = (spread([3, 2], scale: 2), spread([4, 2], from: 40), spread([4, 2], from: 80))
  /// Query 1 sees nothing.
  static let mask = Tensor<Bool>((0..<12).map { $0 / 4 != 1 && $0 % 3 != 0 }, shape: [3, 4])
  static let stack = spread([2, 2, 3])

  static let products: [Case] = [
    Case("attention by the queries, masked", queries) { attention($0, keys, values, mask: mask) },
    Case("attention by the keys, causal", keys) { attention(queries, $0, values, isCausal: true) },
    Case("attention by the values, scaled", values) { attention(queries, keys, $0, scale: 2) },
    Case("attention of two heads to itself", stack) { attention($0, $0, $0, isCausal: true) },
    Case("attention, causal and masked", matrix) { x in
      attention(
        x, x, x, mask: Tensor([[true, false, true], [true, true, true], [false, true, true]]), isCausal: true)
    },
    Case("einsum ij,jk,kl->il", matrix) { einsum("ij,jk,kl->il", square, $0, spread([4, 2], from: 70)) },
    Case("einsum bhqd,bhkd->bhqk", spread([1, 2, 3, 2])) { einsum("bhqd,bhkd->bhqk", $0, $0 * 2 + 1) },
    Case("einsum iij,j->i: a diagonal", spread([2, 2, 3])) { einsum("iij,j->i", $0, T([1, -2, 0.5])) },
    Case("einsum ij,kl->: sums first", square) { einsum("ij,kl->", $0, $0 + 1) },
    Case("matmul", matrix) { matmul($0, $0.transposed()) },
    Case("matmul, batch by matrix", cube) { matmul($0, matrix.transposed()) },
    Case("matmul, stacks that broadcast", spread([2, 1, 2, 3])) { matmul($0, cube) },
    Case("matmul with a vector", scale) { matmul(cube, $0) },
    Case("matmul of a vector", spread([3])) { matmul($0, cube) },
    Case("matmul of vectors", scale) { matmul($0, $0) },
    Case("dot with batch axes", cube) { $0.dot($0 + 1, contracting: [(1, 1)], batch: [(0, 0)]) },
    Case("outer", scale) { outer($0, $0 * T(2)) },
  ]

  /// Kinks lie between ordered elements only; those of `spread` lie further apart than differences reach.
  static let ordered: [Case] = [
    Case("cumulativeSum", matrix) { $0.cumulativeSum() },
    Case("cumulativeSum, reverse", matrix) { $0.cumulativeSum(axis: 0, reverse: true) },
    Case("cumulativeProduct", matrix) { $0.cumulativeProduct() },
    Case("cumulativeProduct, reverse", matrix) { $0.cumulativeProduct(axis: 0, reverse: true) },
    Case("cumulativeMax", matrix) { $0.cumulativeMax() },
    Case("cumulativeMin, reverse", matrix) { $0.cumulativeMin(axis: 0, reverse: true) },
    Case("sorted", matrix) { $0.sorted() },
    Case("sorted descending along axis 0", matrix) { $0.sorted(axis: 0, descending: true) },
    Case("sorted, carrying", spread([2, 5])) { x in
      let (keys, carried) = x[0].sorted(carrying: x[1])
      return keys * carried
    },
    Case("topK", matrix) { $0.topK(2).values },
    Case("topK along axis 0", matrix) { $0.topK(2, axis: 0).values },
    Case("max and min", matrix) { $0.max(axes: [1], keepDims: true) * $0.min(axes: [0]) },
  ]

  @Test("forward and reverse mode agree with central differences", arguments: statistics + normalisations)
  func first(_ test: Case) throws { try test.expectFirstDerivative() }

  @Test("of products and ordered elements", arguments: products + ordered)
  func firstOfProducts(_ test: Case) throws { try test.expectFirstDerivative() }

  @Test("second derivatives agree with differences of the gradient", arguments: statistics + normalisations)
  func second(_ test: Case) { test.expectSecondDerivative() }

  @Test("second derivatives of products and ordered elements", arguments: products + ordered)
  func secondOfProducts(_ test: Case) { test.expectSecondDerivative() }

  @Test("a wrong derivative is found by both checks")
  func wrong() throws {
    let wrong = Case("wrong", T([1, -2])) { x in x * x + x * stopGradient(x) }
    #expect(try checkGradients(at: wrong.point, of: wrong.loss).failures.count == 2)
    #expect(wrong.secondDerivativeErrors().count == 2)
  }
}

extension CompositionGradientTests.Case {
  func expectFirstDerivative() throws {
    let report = try checkGradients(at: point, tolerance: 1e-7, of: loss)
    #expect(report.passes && report.count == point.count, "\(name): \(report)")
  }

  func expectSecondDerivative() {
    let errors = secondDerivativeErrors()
    #expect(errors == [], "\(name)")
  }

  /// Where forward over reverse differs from reverse over reverse, or from the difference of gradients along one
  /// direction. What is compared with is interpreted: that costs no compile.
  func secondDerivativeErrors() -> [String] {
    let direction = spread(point.dimensions, from: 200)
    let found = hessianVectorProduct(at: point, along: direction, of: loss).scalars
    let again = withDevice(.reference) { gradient(at: point) { x in (slope(x) * direction).sum() }.scalars }
    func moved(_ step: Double) -> [Double] { withDevice(.reference) { slope(point + direction * step).scalars } }
    let step = 1e-3
    let near = zip(moved(step), moved(-step)).map { $0 - $1 }
    let far = zip(moved(2 * step), moved(-2 * step)).map { $0 - $1 }
    let size = found.map(\.magnitude).max() ?? 0
    if !(size > 1e-3) { return ["it is 0 everywhere: \(found)"] }
    return found.indices.compactMap { index in
      let difference = (8 * near[index] - far[index]) / (12 * step)
      let isRight =
        abs(found[index] - difference) <= 1e-6 * max(1, size)
        && abs(found[index] - again[index]) <= 1e-11 * max(1, size)
      return isRight ? nil : "[\(index)]: \(found[index]), by reverse mode \(again[index]), difference \(difference)"
    }
  }
}

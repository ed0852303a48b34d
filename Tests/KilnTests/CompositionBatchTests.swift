import Kiln
import KilnIR
import Testing

/// S5: `vmap` of the front end's compositions gives each example the bits that it has alone.
@Suite("Batches of compositions")
struct CompositionBatchTests {
  typealias T = Tensor<Float>

  /// A function of one example, whose numbers are `shape`.
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let shape: [Int]
    let function: @Sendable (T) -> T
    var testDescription: String { name }

    init(_ name: String, _ shape: [Int], _ function: @escaping @Sendable (T) -> T) {
      (self.name, self.shape, self.function) = (name, shape, function)
    }

    /// Three examples, in which every number is another.
    var examples: T { numbers([3] + shape, scale: 2) }
  }

  /// Written out, not computed: the first use may be in a trace.
  static func numbers(_ shape: [Int], scale: Double = 1, from first: Int = 1) -> T {
    T(spread(shape, scale: scale, from: first).scalars.map { Float($0) }, shape: shape)
  }

  static let weight = numbers([4, 3], from: 50)
  static let (scale, offset) = (numbers([4], from: 60), numbers([4], from: 70))
  static let filter = numbers([2, 2, 2, 3], from: 80)

  static let normalisations: [Case] = [
    Case("softmax", [3, 4]) { softmax($0) },
    Case("logSoftmax along axis 0", [3, 4]) { logSoftmax($0, axis: 0) },
    Case("logSumExp", [3, 4]) { logSumExp($0) },
    Case("norm 2", [3, 4]) { $0.norm(axes: [0]) },
    Case("norm 3", [3, 4]) { $0.norm(3, axes: [1], keepDims: true) },
    Case("standardDeviation of all", [40]) { $0.standardDeviation() },
    Case("variance", [3, 4]) { $0.variance(axes: [0], keepDims: true) },
    Case("layerNorm", [3, 4]) { layerNorm($0, scale: scale, offset: offset) },
    Case("layerNorm by the scale", [4]) { layerNorm(weight.transposed(), scale: $0, offset: $0 * 2) },
    Case("rmsNorm", [3, 4]) { rmsNorm($0, scale: scale) },
    Case("batchNorm", [2, 3, 4]) { batchNorm($0, scale: scale, offset: offset) },
    Case("groupNorm", [2, 3, 4]) { groupNorm($0, groups: 2, scale: scale, offset: offset) },
  ]

  static let products: [Case] = [
    Case("matmul by shared weights", [2, 4]) { matmul($0, weight) },
    Case("matmul of shared rows", [3, 5]) { matmul(weight, $0) },
    Case("matmul with itself", [3, 4]) { matmul($0, $0.transposed()) },
    Case("matmul, vectors and stacks", [4]) { matmul(numbers([2, 3, 4], from: 90), $0) },
    Case("einsum bhqd,bhkd->bhqk", [1, 2, 3, 4]) { einsum("bhqd,bhkd->bhqk", $0, $0 + 1) },
    Case("einsum ij,jk,kl->il", [2, 4]) { x in einsum("ij,jk,kl->il", x, weight, x[0..., 0..<3].transposed()) },
    Case("einsum iij->j: a diagonal", [3, 3, 2]) { einsum("iij->j", $0) },
    Case("outer", [4]) { outer($0, $0) },
    Case("attention", [3, 4]) { attention($0, $0 * 2, $0 + 1) },
    Case("attention, causal, by shared keys", [2, 3, 4]) {
      attention($0, numbers([5, 4]), $0[1, 0..<1] + numbers([5, 4]), isCausal: true)
    },
    Case("attention, masked by the example", [3, 4]) { x in
      attention(x, x, x, mask: matmul(x, x.transposed()) .> T(0.5))
    },
  ]

  static let windows: [Case] = [
    Case("conv1d", [1, 7, 2]) { conv1d($0, numbers([3, 2, 2], from: 80), stride: 2, padding: .same) },
    Case("conv2d", [1, 4, 5, 2]) { conv2d($0, filter, stride: [2, 1], padding: .explicit([(1, 0), (0, 1)])) },
    Case("conv2d by the filter", [2, 2, 2, 3]) { conv2d(numbers([1, 4, 4, 2], from: 90), $0, dilation: 2) },
    Case("conv2d by both", [2, 4, 4, 2]) { x in
      conv2d(x[0..<1], x[1, 0..<2, 0..<2].expandingShape(at: 3), padding: .same)
    },
    Case("conv2d in groups", [1, 4, 4, 2]) { conv2d($0, numbers([2, 2, 1, 4], from: 80), groups: 2) },
    Case("depthwiseConv2d", [1, 4, 4, 2]) { depthwiseConv2d($0, numbers([2, 2, 2, 2], from: 80)) },
    Case("convTranspose2d", [1, 3, 2, 2]) { convTranspose2d($0, filter, stride: 2) },
    Case("maxPool", [1, 5, 4, 2]) { maxPool($0, window: 3, stride: [2, 1], padding: .same) },
    Case("averagePool", [1, 5, 4, 2]) { averagePool($0, window: [2, 3], stride: 1, padding: .same) },
    Case("adaptive pools", [1, 5, 4, 2]) { adaptiveMaxPool($0, to: [3, 2]) + adaptiveAveragePool($0, to: [3, 2]) },
    Case("resized", [1, 3, 4, 2]) { $0.resized(to: [5, 4]).resized(to: [2, 8], by: .nearest) },
    Case("padded", [3, 4]) { x in
      x.padded([(1, 2), (0, 3)], mode: .reflect).padded([(1, 1), (0, 0)], mode: .wrap).padded(
        [(0, 2), (1, 0)], mode: .edge)
    },
  ]

  static let ordered: [Case] = [
    Case("sorted", [3, 7]) { $0.sorted() },
    Case("sorted descending along axis 0", [5, 3]) { $0.sorted(axis: 0, descending: true) },
    Case("argSort with ties", [3, 7]) { round($0).argSort(axis: 0, descending: true).converted(to: Float.self) },
    Case("argSort by two keys", [2, 9]) { x in round(x[0]).argSort(thenBy: x[1]).converted(to: Float.self) },
    Case("topK", [3, 7]) { x in
      let (values, indices) = x.topK(3)
      return values * indices.converted(to: Float.self)
    },
    Case("argMax and argMin", [3, 7]) { x in (x.argMax(axis: 0) * 10 + x.argMin(axis: 0)).converted(to: Float.self) },
    Case("cumulative, forward", [3, 7]) { $0.cumulativeSum() * $0.cumulativeProduct(axis: 0) },
    Case("cumulative, reverse", [3, 7]) { $0.cumulativeMax(reverse: true) - $0.cumulativeMin(axis: 0, reverse: true) },
    Case("takeAlong by the example", [3, 5]) { x in x.takeAlong(x.argSort(axis: 1)[0..., 0..<2], axis: 1) },
    Case("embeddingLookup by the example", [4]) { x in embeddingLookup(weight, round(abs(x)).converted(to: Int32.self))
    },
    Case("embeddingLookup of the example", [4, 2]) { embeddingLookup($0, Tensor<Int32>([3, 0, 3])) },
    Case("scattered at the example's places", [5]) { x in
      numbers([5]).scattered(x * 2, at: (abs(x) * 3).converted(to: Int32.self), combining: .add, bounds: .drop)
    },
    Case("dynamicSlice at the example's place", [6]) { x in
      let start = (abs(x[0]) * 2).converted(to: Int32.self)
      return x.dynamicUpdateSlice(x.dynamicSlice(at: [start], sizes: [2]) * 3, at: [Tensor<Int32>(3) - start])
    },
    Case("triangles and diagonals", [4, 4]) { x in x.tril() - x.triu(offset: 1) + x.diagonal().diagonalMatrix() },
    Case("moved about", [3, 4]) { x in x.rolled(by: 1).flipped(0).repeated(2, axis: 0) + x.tiled([2, 1]) },
  ]

  static let control: [Case] = [
    Case("cond by the example", [4]) { x in
      cond(x.sum() .> T(0.2)) {
        softmax(x)
      } else: {
        x * scale
      }
    },
    Case("cond that all share", [4]) { x in
      cond(offset.sum() .> T(0)) {
        x + offset
      } else: {
        x - offset
      }
    },
    Case("scan over the example", [5, 4]) { x in
      let (h, outputs) = scan(scale, over: x) { h, x in
        let next = tanh(h * offset + x)
        return (next, next * x.sum())
      }
      return concatenated([outputs, h.expandingShape(at: 0)])
    },
    Case("scan over shared elements, reverse", [4]) { x in
      scan(x, over: weight.transposed(), reverse: true) { h, w in (h * w + x, softmax(h)) }.outputs
    },
    Case("fori", [4]) { x in
      fori(1..<5, x) { i, x in x - (x * x - 2) / (x * i.converted(to: Float.self) + 5) }
    },
  ]

  /// What has no reverse mode.
  static let conditional: [Case] = [
    Case("whileLoop, as often as each example needs", [3]) { x in
      let (state, turns) = whileLoop(x, Tensor<Int32>(0)) { x, turns in
        x.norm() .< T(40) .&& turns .< Tensor(30)
      } body: { x, turns in
        let next: T = x * 1.5 + x[0] * x[0]
        return (next, turns + 1)
      }
      return state * turns.converted(to: Float.self)
    },
    Case("loops and branches in one another", [3]) { x in
      fori(0..<3, x) { i, x in
        let grown = whileLoop(x) { x in
          x.sum() .< T(3)
        } body: { x in
          x + i.converted(to: Float.self) + 1
        }
        return cond(grown[0] .> T(1)) {
          grown * 0.5
        } else: {
          grown - 2
        }
      }
    },
  ]

  /// The bits of the results for the examples, one after the other.
  private func loop(_ examples: T, _ f: (T) -> T) -> [UInt32] {
    (0..<examples.dimensions[0]).flatMap { f(examples[$0]).scalars.map(\.bitPattern) }
  }

  @Test(
    "vmap is the loop, eager and compiled, bit for bit",
    arguments: normalisations + products + windows + ordered + control + conditional)
  func values(_ test: Case) throws {
    let examples = test.examples
    let (f, expected) = (test.function, loop(test.examples, test.function))
    let isTelling = expected.allSatisfy { Float(bitPattern: $0).isFinite } && Set(expected).count > 2
    #expect(isTelling, "\(test.name): \(expected.map { Float(bitPattern: $0) })")
    #expect(try vmap(f).run(examples).scalars.map(\.bitPattern) == expected, "\(test.name), eager")
    let compiled = compile { (x: T) in vmap(f)(x) }
    #expect(try compiled.run(examples).scalars.map(\.bitPattern) == expected, "\(test.name), compiled")
    let last = vmap(f, axes: [-1], outputAxis: -1)
    let turned = examples.transposed(Array(1..<examples.rank) + [0])
    let results = try withDevice(.reference) { try last.run(turned) }
    let order = [results.rank - 1] + Array(0..<results.rank - 1)
    #expect(results.transposed(order).scalars.map(\.bitPattern) == expected, "\(test.name), along the last axis")
  }

  // On the interpreter: what is asked is what batching means, and each derivative would be a compile.

  @Test(
    "vmap of the gradient is the loop of gradients, bit for bit",
    arguments: normalisations + products + windows + ordered + control)
  func gradients(_ test: Case) throws {
    let slope: @Sendable (T) -> T = { x in
      gradient(at: x) { x in
        let y = test.function(x)
        return (y * y).sum()
      }
    }
    try expectLoop(test, slope)
  }

  @Test(
    "vmap of jvp is the loop of jvp, bit for bit",
    arguments: normalisations + products + windows + ordered + control + conditional)
  func tangents(_ test: Case) throws {
    try expectLoop(test) { x in jvp(at: x, along: x * 0.5, of: test.function).tangent }
  }

  private func expectLoop(_ test: Case, _ f: @escaping @Sendable (T) -> T) throws {
    let expected = withDevice(.reference) { loop(test.examples, f) }
    let found = try withDevice(.reference) { try vmap(f).run(test.examples) }
    #expect(found.scalars.map(\.bitPattern) == expected, "\(test.name)")
  }

  @Test("two batches are one in the other", arguments: [products[8], windows[1], ordered[0], control[3]])
  func nested(_ test: Case) throws {
    let examples = Self.numbers([2, 2] + test.shape, scale: 2)
    let f = test.function
    let expected = loop(examples) { rows in concatenated([f(rows[0]), f(rows[1])]) }
    let found = try vmap { (x: T) in vmap(f)(x) }.run(examples)
    #expect(found.scalars.map(\.bitPattern) == expected, "\(test.name)")
  }
}

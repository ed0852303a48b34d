import Kiln
import KilnIR
import Testing

/// One mistake for every label of the functions: each is noted once, at its own line of this file, eager and traced.
@Suite("Mistakes in calls of functions")
struct FunctionMistakeTests {
  typealias Row = (label: String, line: UInt)

  /// The mistakes of a table, made in the order of its lines. They are not closures: an optimising compiler merges
  /// those that differ in numbers only, and what it merged has no lines.
  struct Mistakes {
    private(set) var rows: [Row] = []

    mutating func callAsFunction<Value>(_ label: String, _: Value, line: UInt = #line) { rows.append((label, line)) }
  }

  let x1 = Tensor<Float>.ones([1, 5, 4])
  let k1 = Tensor<Float>.ones([3, 4, 2])
  let x2 = Tensor<Float>.ones([1, 5, 5, 4])
  let k2 = Tensor<Float>.ones([3, 3, 4, 2])
  let x3 = Tensor<Float>.ones([1, 5, 5, 5, 4])
  let k3 = Tensor<Float>.ones([3, 3, 3, 4, 2])
  let m = Tensor<Float>([[1, 2, 3], [4, 5, 6]])
  let v = Tensor<Float>([1, 2, 3])
  let ids = Tensor<Int32>([0, 1])

  private func expect(_ rows: [Row], _ error: KilnError?, _ how: String) {
    let found = (error?.diagnostics ?? []).map { Found($0) }
    for row in rows {
      let here = found.filter { $0.line == row.line }.map(\.label)
      #expect(here == [row.label], "\(how), line \(row.line): \(here)")
    }
    for one in found {
      #expect(one.isHere && rows.contains { $0.line == one.line }, "\(how), of no row: \(one.text)")
    }
  }

  /// Makes the mistakes of `table` in eager calls, and again in a trace. No row stands in a macro's argument: what is
  /// written there has the place of the macro's expansion, which is in no file.
  private func expectMistakes(inTraces: Bool = true, _ table: @escaping @Sendable (inout Mistakes) -> Void) {
    var made = Mistakes()
    let eager = #expect(throws: KilnError.self) { try withDiagnostics { table(&made) } }
    expect(made.rows, eager, "eager")
    guard inTraces else { return }
    let traced = #expect(throws: KilnError.self) {
      try trace(v) { v in
        var again = Mistakes()
        table(&again)
        return v
      }
    }
    expect(made.rows, traced, "traced")
  }

  @Test("conv1d, conv3d and depthwiseConv2d")
  func convolutions() {
    let negative = WindowPadding.explicit([(Int.min, 0)])
    expectMistakes { [x1, k1, x2, x3, k3] mistake in
      mistake("conv1d.C1", conv1d(x1[0], k1))
      mistake("conv1d.C1", conv1d(x1, k1[0]))
      mistake("conv1d.C2", conv1d(x1, k1, groups: 2))
      mistake("conv1d.C2", conv1d(x1, k1, groups: 0))
      mistake("conv1d.C2", conv1d(x1, Tensor<Float>.ones([3, 2, 3]), groups: 2))
      mistake("conv1d.C3", conv1d(x1, k1, stride: 0))
      mistake("conv1d.C3", conv1d(x1, k1, stride: [1, 1]))
      mistake("conv1d.C3", conv1d(x1, k1, dilation: -1))
      mistake("conv1d.C3", conv1d(x1, Tensor<Float>.zeros([0, 4, 2])))
      mistake("conv1d.C4", conv1d(x1, k1, padding: .explicit([])))
      mistake("conv1d.C4", conv1d(x1, k1, padding: negative))
      mistake("conv3d.C1", conv3d(x2, k3))
      mistake("conv3d.C2", conv3d(x3, k3, groups: 4))
      mistake("conv3d.C3", conv3d(x3, k3, stride: [1, 0, 1]))
      mistake("conv3d.C3", conv3d(x3, k3, dilation: [1, 1]))
      mistake("conv3d.C4", conv3d(x3, k3, padding: .explicit([(1, 1), (1, 1)])))
      mistake("depthwiseConv2d.C1", depthwiseConv2d(x2, Tensor<Float>.ones([3, 3, 2, 2])))
      mistake("depthwiseConv2d.C1", depthwiseConv2d(x1, Tensor<Float>.ones([3, 3, 4, 2])))
      mistake("depthwiseConv2d.C3", depthwiseConv2d(x2, Tensor<Float>.ones([3, 3, 4, 2]), stride: 0))
      mistake("depthwiseConv2d.C3", depthwiseConv2d(x2, Tensor<Float>.ones([0, 3, 4, 2])))
      mistake("depthwiseConv2d.C4", depthwiseConv2d(x2, Tensor<Float>.ones([3, 3, 4, 2]), padding: negative))
    }
  }

  @Test("numbers whose products are beyond an Int")
  func greatNumbers() {
    expectMistakes { [x1, k1, m, v] mistake in
      mistake("type.C1", m.broadcast(to: [1 << 40, 1 << 40, 2, 3]))
      mistake("type.C1", m.reshaped(to: [1 << 40, 1 << 40]))
      mistake("type.C1", m.reshaped(to: [-1, 1 << 40, 1 << 40]))
      mistake("type.C1", m.repeated(1 << 62, axis: 0))
      mistake("type.C1", m.tiled([.max, .max]))
      mistake("dynamicSlice.C2", v.dynamicSlice(at: [Tensor<Int32>(0)], sizes: [.max]))
      mistake("conv1d.C2", conv1d(x1, k1, groups: .max))
      mistake("split.C2", v.split(sizes: [.max, 1]))
      mistake("split.C2", v.split(sizes: []))
      mistake("split.C1", v.split(count: .max, axis: 1))
      mistake("split.C3", Tensor<Float>.zeros([0]).split(count: .max))
    }
  }

  @Test("convTranspose1d, convTranspose2d and convTranspose3d")
  func transposedConvolutions() {
    let one = WindowPadding.explicit([(0, 1)])
    expectMistakes { [x1, k1, x2, k2, x3, k3] mistake in
      mistake("convTranspose1d.C1", convTranspose1d(x2, k1))
      mistake("convTranspose1d.C2", convTranspose1d(x1, k1.swappingAxes(1, 2)))
      mistake("convTranspose1d.C3", convTranspose1d(x1, k1, stride: -2))
      mistake("convTranspose1d.C3", convTranspose1d(x1, Tensor<Float>.zeros([0, 4, 2])))
      mistake("convTranspose1d.C4", convTranspose1d(x1, k1, padding: .explicit([(0, 1), (0, 1)])))
      mistake("convTranspose2d.C1", convTranspose2d(x2, k1))
      mistake("convTranspose2d.C2", convTranspose2d(x2, k2.swappingAxes(2, 3)))
      mistake("convTranspose2d.C3", convTranspose2d(x2, k2, dilation: [1, 0]))
      mistake("convTranspose2d.C4", convTranspose2d(x2, k2, padding: one))
      mistake("convTranspose3d.C1", convTranspose3d(x3[0], k3))
      mistake("convTranspose3d.C2", convTranspose3d(x3, k3.swappingAxes(3, 4)))
      mistake("convTranspose3d.C3", convTranspose3d(x3, k3, stride: [2, 2]))
      mistake("convTranspose3d.C4", convTranspose3d(x3, k3, padding: one))
    }
  }

  @Test("pooling, padding and interpolation")
  func windows() {
    let negative = WindowPadding.explicit([(0, -1), (0, 0)])
    expectMistakes { [x1, x2, m, v] mistake in
      mistake("maxPool.C1", maxPool(m, window: 1))
      mistake("maxPool.C3", maxPool(x2, window: [2, 2, 2]))
      mistake("maxPool.C3", maxPool(x2, window: 2, stride: 0))
      mistake("maxPool.C4", maxPool(x2, window: 2, padding: negative))
      mistake("maxPool.C4", maxPool(x2, window: 2, padding: .explicit([(1, 1)])))
      mistake("averagePool.C1", averagePool(v, window: 1))
      mistake("averagePool.C3", averagePool(x2, window: 0))
      mistake("averagePool.C3", averagePool(x2, window: 2, dilation: [1]))
      mistake("averagePool.C4", averagePool(x2, window: 2, padding: negative))
      mistake("adaptiveMaxPool.C1", adaptiveMaxPool(x2, to: [2, 0]))
      mistake("adaptiveAveragePool.C1", adaptiveAveragePool(m, to: 1))
      mistake("adaptiveAveragePool.C1", adaptiveAveragePool(x2, to: [1, 2, 3]))
      mistake("adaptiveAveragePool.C1", adaptiveAveragePool(Tensor<Float>.zeros([1, 0, 2]), to: 1))
      mistake("padded.C1", m.padded([(1, 1)], mode: .reflect))
      mistake("padded.C1", v.padded([(-1, 1)], mode: .edge))
      mistake("padded.C2", v.padded([(3, 0)], mode: .reflect))
      mistake("padded.C2", v.padded([(0, 4)], mode: .wrap))
      mistake("padded.C2", Tensor<Float>.zeros([0]).padded([(0, 1)], mode: .edge))
      mistake("pad.C3", v.padded([(-1, 0)]))
      mistake("resized.C1", m.resized(to: 2))
      mistake("resized.C1", x1.resized(to: [2, 2], by: .nearest))
      mistake("resized.C1", Tensor<Float>.zeros([1, 0, 2]).resized(to: 2))
    }
  }

  @Test("rearrangements and scans")
  func arrangements() {
    expectMistakes { [m, v] mistake in
      mistake("triu.C1", v.triu())
      mistake("tril.C1", v.tril(offset: 1))
      mistake("split.C1", m.split(sizes: [1, 2], axis: 2))
      mistake("split.C1", m.split(count: 1, axis: -3))
      mistake("repeated.C1", m.repeated(2, axis: 2))
      mistake("repeated.C2", m.repeated(-2, axis: 1))
      mistake("diagonalMatrix.C1", Tensor<Float>(2).diagonalMatrix())
      mistake("scanReduce.C1", m.cumulativeSum(axis: 2))
      mistake("scanReduce.C1", m.cumulativeProduct(axis: -3))
      mistake("scanReduce.C1", m.cumulativeMax(axis: 2, reverse: true))
      mistake("scanReduce.C1", m.cumulativeMin(axis: 7))
      mistake("scanReduce.C1", Tensor<Float>(1).cumulativeSum())
    }
  }

  @Test("look-ups, logarithms of sums and draws")
  func indices() {
    let key = RandomKey(seed: 1)
    expectMistakes { [m, ids] mistake in
      mistake("gather.C1", embeddingLookup(Tensor<Float>(1), ids))
      mistake("gather.C3", embeddingLookup(Tensor<Float>.zeros([0, 3]), ids, bounds: .clamp))
      mistake("shape.C1", ids.oneHot(-1))
      mistake("shape.C2", ids.oneHot(1 << 46, as: Int64.self))
      mistake("reduce.C1", logSumExp(m, axis: 2))
      mistake("reduce.C1", logSumExp(m, axis: -3, keepDims: true))
      mistake("reduce.C1", logSoftmax(m, axis: 2))
      mistake("reduce.C1", softmax(m, axis: 2))
      mistake("argReduce.C1", randomCategorical(m, axis: 2, key: key))
      mistake("argReduce.C2", randomCategorical(Tensor<Float>.zeros([2, 0]), key: key))
    }
    // Whether an index is there is known when it is looked up.
    expectMistakes(inTraces: false) { [m] mistake in
      mistake("gather.R1", embeddingLookup(m, Tensor<Int32>([1, 2])))
      mistake("gather.R1", embeddingLookup(m, Tensor<Int64>([-1])))
    }
  }

  @Test("normalisation, attention and einsum")
  func compositions() {
    expectMistakes { [x1, m, v] mistake in
      let (two, four) = (Tensor<Float>.ones([2]), Tensor<Float>.ones([4]))
      mistake("layerNorm.C1", layerNorm(m, scale: Tensor(1), offset: v))
      mistake("layerNorm.C1", layerNorm(v, scale: m, offset: v))
      mistake("layerNorm.C1", layerNorm(m, scale: two, offset: v))
      mistake("layerNorm.C1", layerNorm(m, scale: v, offset: two))
      mistake("layerNorm.C1", layerNorm(m[0..<1], scale: Tensor<Float>.ones([2, 3]), offset: v))
      mistake("rmsNorm.C1", rmsNorm(v, scale: m))
      mistake("rmsNorm.C1", rmsNorm(m, scale: two))
      mistake("batchNorm.C1", batchNorm(m, scale: two, offset: v))
      mistake("batchNorm.C1", batchNorm(m, scale: v, offset: v, axis: 2))
      mistake("batchStatistics.C1", batchStatistics(m, axis: -3))
      mistake("batchNorm.C1", batchNorm(m, mean: v, variance: v, scale: v, offset: v, axis: 2))
      mistake("batchNorm.C1", batchNorm(m, mean: v, variance: two, scale: v, offset: v))
      mistake("groupNorm.C1", groupNorm(x1, groups: 3, scale: four, offset: four))
      mistake("groupNorm.C1", groupNorm(v, groups: 1, scale: v, offset: v))
      mistake("groupNorm.C2", groupNorm(x1, groups: 2, scale: four, offset: two))
      mistake("attention.C1", attention(v, m, m))
      mistake("attention.C1", attention(m, m, m.transposed()))
      mistake("attention.C1", attention(m, m.transposed(), m))
      mistake("broadcast.shapes", attention(m, m, m, mask: Tensor<Bool>([true, false, true])))
      mistake("broadcast.shapes", attention(m.tiledStack(2), m.tiledStack(3), m))
      mistake("einsum.C1", einsum("i+j->i", m))
      mistake("einsum.C1", einsum("..->", m))
      mistake("einsum.C2", einsum("ij,jk->ik", m))
      mistake("einsum.C3", einsum("i->i", m))
      mistake("einsum.C4", einsum("ij,ij->ij", m, m.transposed()))
      mistake("einsum.C5", einsum("ij->ijk", m))
      mistake("einsum.C5", einsum("ij->ii", m))
    }
  }
}

extension Tensor {
  /// The tensor `count` times over along a new first axis.
  fileprivate func tiledStack(_ count: Int) -> Tensor { stacked(Array(repeating: self, count: count)) }
}

/// A diagnostic taken apart.
private struct Found {
  let label: String
  let text: String
  var line: UInt = 0
  /// Whether its place is in this file. Paths are shown from the working directory on.
  var isHere = false

  init(_ diagnostic: Diagnostic) {
    (label, text) = (diagnostic.label, "\(diagnostic)")
    guard case .position(let file, let line, _) = diagnostic.location else { return }
    self.line = UInt(line)
    isHere = file.hasSuffix("FunctionMistakeTests.swift") && #filePath.hasSuffix(file)
  }
}

import Kiln
import KilnIR
import Testing

/// Windows, pools, images and rearrangements.
extension CompositionGradientTests {
  static let sequence = spread([1, 6, 2])
  static let image = spread([1, 4, 3, 2])
  static let volume = spread([1, 3, 2, 2, 1])

  static let convolutions: [Case] = [
    Case("conv1d", sequence) { conv1d($0, spread([3, 2, 2], from: 70), stride: 2, padding: .same) },
    Case("conv1d by the filter, dilated", spread([3, 2, 2])) { conv1d(sequence, $0, dilation: 2) },
    Case("conv2d", image) {
      conv2d($0, spread([3, 2, 2, 2], from: 70), stride: [2, 1], padding: .explicit([(1, 0), (0, 2)]))
    },
    Case("conv2d by the filter", spread([2, 2, 2, 3])) { conv2d(image, $0, padding: .same) },
    Case("conv2d in groups", image) { conv2d($0, spread([2, 2, 1, 4], from: 70), groups: 2) },
    Case("conv2d in groups by the filter", spread([2, 2, 1, 2])) { conv2d(image, $0, stride: 2, groups: 2) },
    Case("conv3d", volume) { conv3d($0, spread([2, 2, 1, 1, 2], from: 70), padding: .same) },
    Case("conv3d by the filter", spread([2, 1, 2, 1, 2])) { conv3d(volume, $0, stride: [1, 2, 1]) },
    Case("conv2d of an image with itself", image) { x in
      conv2d(x, x[0, 0..<2, 0..<2].expandingShape(at: 3), padding: .same)
    },
    Case("depthwiseConv2d", image) { depthwiseConv2d($0, spread([2, 2, 2, 2], from: 70), stride: [1, 2]) },
    Case("depthwiseConv2d by the filter", spread([2, 2, 2, 1])) { depthwiseConv2d(image, $0, padding: .same) },
    Case("convTranspose1d", sequence) { convTranspose1d($0, spread([3, 2, 1], from: 70), stride: 2, padding: .same) },
    Case("convTranspose2d", image) { convTranspose2d($0, spread([2, 3, 2, 1], from: 70), stride: [2, 1]) },
    Case("convTranspose2d by the filter", spread([2, 3, 2, 1])) {
      convTranspose2d(image, $0, stride: [1, 2], padding: .explicit([(1, 0), (0, 1)]), dilation: [2, 1])
    },
    Case("convTranspose3d by the filter", spread([2, 1, 2, 1, 1])) { convTranspose3d(volume, $0, stride: 2) },
  ]

  static let pools: [Case] = [
    Case("maxPool, overlapping", image) { maxPool($0, window: [3, 2], stride: 1) },
    Case("maxPool, padded", image) { maxPool($0, window: 3, stride: 2, padding: .same) },
    Case("maxPool, dilated", sequence) { maxPool($0, window: 2, stride: 1, dilation: 3) },
    Case("averagePool, overlapping and padded", image) {
      averagePool($0, window: [3, 2], stride: [2, 1], padding: .explicit([(1, 1), (1, 0)]))
    },
    Case("adaptiveMaxPool", image) { adaptiveMaxPool($0, to: [3, 2]) },
    Case("adaptiveAveragePool", image) { adaptiveAveragePool($0, to: [3, 2]) },
  ]

  static let images: [Case] = [
    Case("padded, reflect", matrix) { $0.padded([(2, 1), (0, 3)], mode: .reflect) },
    Case("padded, edge", matrix) { $0.padded([(2, 1), (1, 2)], mode: .edge) },
    Case("padded, wrap", matrix) { $0.padded([(3, 0), (1, 4)], mode: .wrap) },
    Case("padded with a number", matrix) { $0.padded([(1, 0), (0, 2)], with: 0.5) },
    Case("resized, nearest, to a multiple", image) { $0.resized(to: [8, 3], by: .nearest) },
    Case("resized, nearest", image) { $0.resized(to: [3, 4], by: .nearest) },
    Case("resized, bilinear, larger", image) { $0.resized(to: [7, 5]) },
    Case("resized, bilinear, smaller", image) { $0.resized(to: [3, 2]) },
  ]

  static let rearrangements: [Case] = [
    Case("embeddingLookup, a row twice", matrix) { embeddingLookup($0, Tensor<Int32>([[2, 0], [2, 2]])) },
    Case("embeddingLookup, outside dropped", matrix) {
      embeddingLookup($0, Tensor<Int32>([1, 7, -1, 1]), bounds: .drop)
    },
    Case("takeAlong", matrix) { $0.takeAlong(Tensor<Int32>([[3, 3], [0, 1], [2, 2]])) },
    Case("takeAlong axis 0", matrix) { $0.takeAlong(Tensor<Int32>([[2, 2, 0, 1]]), axis: 0) },
    Case("gathered at vectors", matrix) { $0.gathered(at: Tensor<Int32>([[2, 3], [2, 3], [0, 1]]), axes: [0, 1]) },
    Case("scattered, added", matrix) { x in
      x.scattered(x[0..<2] * x[1..<3], at: Tensor<Int32>([1, 1]), combining: .add)
    },
    Case("scattered, replaced", matrix) { x in x.scattered(x[0..<2] * 2, at: Tensor<Int32>([2, 0])) },
    Case("dynamicSlice and its update", matrix) { x in
      let starts = [Tensor<Int32>(1), Tensor<Int32>(2)]
      return x.dynamicUpdateSlice(x.dynamicSlice(at: starts, sizes: [2, 2]) * x[0..<2, 0..<2], at: starts)
    },
    Case("tril", matrix) { $0.tril(offset: -1) },
    Case("triu", cube) { $0.triu(offset: 1) },
    Case("diagonal", cube) { $0.diagonal(offset: 1) },
    Case("diagonal below", matrix) { $0.diagonal(offset: -1) },
    Case("diagonalMatrix", matrix) { $0.diagonalMatrix() },
    Case("matrixTrace", cube) { $0.matrixTrace() },
    Case("rolled", matrix) { $0.rolled(by: -5) * $0 },
    Case("repeated", matrix) { $0.repeated(2, axis: 0) },
    Case("tiled", matrix) { $0.tiled([2, 3]) },
    Case("flipped", matrix) { $0.flipped(1) * $0.flipped() },
    Case("split and concatenated", matrix) { x in
      let parts = x.split(sizes: [1, 3], axis: 1)
      return concatenated([parts[1] * parts[0], x], axis: 1)
    },
    Case("strided and reversed", matrix) { x in stacked([x[0..., 0], x[0..., -1]]) * x.reversed(0).transposed()[0..<2]
    },
  ]

  @Test("of convolutions and pools", arguments: convolutions + pools)
  func firstOfWindows(_ test: Case) throws { try test.expectFirstDerivative() }

  @Test("of images and rearrangements", arguments: images + rearrangements)
  func firstOfMovement(_ test: Case) throws { try test.expectFirstDerivative() }

  @Test("second derivatives of convolutions and pools", arguments: convolutions + pools)
  func secondOfWindows(_ test: Case) { test.expectSecondDerivative() }

  @Test("second derivatives of images and rearrangements", arguments: images + rearrangements)
  func secondOfMovement(_ test: Case) { test.expectSecondDerivative() }
}

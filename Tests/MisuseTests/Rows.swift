import Kiln
import KilnIR

private let key = RandomKey(seed: 1)

/// Every number in a call of a public function, with what happens to wrong ones. `ApiTests` finds functions without a
/// row.
enum Rows {
  static let all = reductions + orders + movement + selections + creation + windows + transforms

  // swift-format-ignore
  static let reductions: [Row] = [
    Row("sum(axes:keepDims:)", "axes", .axis(2), "reduce.C1") { o, n in _ = o.m.sum(axes: [n]) },
    Row("sum(axes:keepDims:)", "axes", .axis(2), "reduce.C1") { o, n in _ = o.m.sum(axes: [0, n].uniqued, keepDims: true) },
    Row("product(axes:keepDims:)", "axes", .axis(2), "reduce.C1") { o, n in _ = o.m.product(axes: [n]) },
    Row("max(axes:keepDims:)", "axes", .axis(2), "reduce.C1") { o, n in _ = o.m.max(axes: [n]) },
    Row("min(axes:keepDims:)", "axes", .axis(1), "reduce.C1") { o, n in _ = o.v.min(axes: [n]) },
    Row("mean(axes:keepDims:)", "axes", .axis(2), "reduce.C1") { o, n in _ = o.m.mean(axes: [n], keepDims: true) },
    Row("variance(axes:keepDims:)", "axes", .axis(1), "reduce.C1") { o, n in _ = o.v.variance(axes: [n]) },
    Row("standardDeviation(axes:keepDims:)", "axes", .axis(2), "reduce.C1") { o, n in _ = o.m.standardDeviation(axes: [n]) },
    Row("norm(_:axes:keepDims:)", "axes", .axis(2), "reduce.C1") { o, n in _ = o.m.norm(3, axes: [n]) },
    Row("frobeniusNorm(axes:keepDims:)", "axes", .axis(2), "reduce.C1") { o, n in _ = o.m.frobeniusNorm(axes: [n]) },
    Row("all(axes:keepDims:)", "axes", .axis(2), "reduce.C1") { o, n in _ = o.isPositive.all(axes: [n]) },
    Row("any(axes:keepDims:)", "axes", .axis(2), "reduce.C1") { o, n in _ = o.isPositive.any(axes: [n], keepDims: true) },
    Row("argMax(axis:)", "axis", .axis(2), "argReduce.C1") { o, n in _ = o.m.argMax(axis: n) },
    Row("argMin(axis:)", "axis", .axis(1), "argReduce.C1") { o, n in _ = o.v.argMin(axis: n) },
    Row("softmax(_:axis:)", "axis", .axis(2), "reduce.C1") { o, n in _ = softmax(o.m, axis: n) },
    Row("logSoftmax(_:axis:)", "axis", .axis(2), "reduce.C1") { o, n in _ = logSoftmax(o.m, axis: n) },
    Row("logSumExp(_:axis:keepDims:)", "axis", .axis(1), "reduce.C1") { o, n in _ = logSumExp(o.v, axis: n) },
    Row("batchStatistics(_:axis:)", "axis", .axis(2), "batchStatistics.C1") { o, n in _ = batchStatistics(o.m, axis: n) },
    Row("batchNorm(_:scale:offset:axis:epsilon:)", "axis", .axis(1), "batchNorm.C1") { o, n in _ = batchNorm(o.v, scale: o.v, offset: o.v, axis: n) },
    Row("batchNorm(_:mean:variance:scale:offset:axis:epsilon:)", "axis", .axis(1), "batchNorm.C1") { o, n in _ = batchNorm(o.v, mean: o.v, variance: o.v, scale: o.v, offset: o.v, axis: n) },
    Row("groupNorm(_:groups:scale:offset:epsilon:)", "groups", .number(from: 1, to: 4), "groupNorm.C1") { o, n in _ = groupNorm(o.x1, groups: n, scale: o.channels, offset: o.channels) },
  ]

  // swift-format-ignore
  static let orders: [Row] = [
    Row("cumulativeSum(axis:reverse:)", "axis", .axis(2), "scanReduce.C1") { o, n in _ = o.m.cumulativeSum(axis: n) },
    Row("cumulativeProduct(axis:reverse:)", "axis", .axis(2), "scanReduce.C1") { o, n in _ = o.m.cumulativeProduct(axis: n) },
    Row("cumulativeMax(axis:reverse:)", "axis", .axis(2), "scanReduce.C1") { o, n in _ = o.m.cumulativeMax(axis: n) },
    Row("cumulativeMin(axis:reverse:)", "axis", .axis(1), "scanReduce.C1") { o, n in _ = o.v.cumulativeMin(axis: n) },
    Row("argSort(axis:descending:)", "axis", .axis(2), "argSort.C1") { o, n in _ = o.m.argSort(axis: n) },
    Row("argSort(axis:descending:thenBy:_:)", "axis", .axis(2), "argSort.C1") { o, n in _ = o.m.argSort(axis: n, thenBy: o.m) },
    Row("sorted(axis:descending:)", "axis", .axis(2), "argSort.C1") { o, n in _ = o.m.sorted(axis: n) },
    Row("sorted(axis:descending:carrying:)", "axis", .axis(2), "argSort.C1") { o, n in _ = o.m.sorted(axis: n, carrying: o.m) },
    Row("topK(_:axis:)", "axis", .axis(2), "topK.C1") { o, n in _ = o.m.topK(1, axis: n) },
    Row("topK(_:axis:)", "count", .number(from: 0, to: 3), "topK.C1") { o, n in _ = o.m.topK(n) },
    Row("shuffled(axis:key:)", "axis", .axis(2), "shuffled.C1") { o, n in _ = o.m.shuffled(axis: n, key: key) },
    Row("randomCategorical(_:axis:key:)", "axis", .axis(2), "argReduce.C1") { o, n in _ = randomCategorical(o.m, axis: n, key: key) },
  ]

  // swift-format-ignore
  static let movement: [Row] = [
    Row("reshaped(to:)", "shape", .number(from: 6, to: 6), "reshape.C1", "type.C1") { o, n in _ = o.m.reshaped(to: [n]) },
    Row("reshaped(to:)", "shape", .number(from: 6, to: 6), "reshape.C1", "type.C1") { o, n in _ = o.m.reshaped(to: [n, -1]) },
    Row("broadcast(to:)", "shape", .number(from: 0, to: .max), "type.C1") { o, n in _ = o.one.broadcast(to: [n]) },
    Row("broadcast(to:)", "shape", .number(from: 3, to: 3), "broadcast.C4") { o, n in _ = o.m.broadcast(to: [2, n]) },
    Row("transposed(_:)", "permutation", .axis(2), "transpose.C2") { o, n in _ = o.m.transposed(n, (n == 0 || n == -2) ? 1 : 0) },
    Row("transposed(_:)", "permutation", .axis(1), "transpose.C2") { o, n in _ = o.v.transposed([n]) },
    Row("swappingAxes(_:_:)", "a", .axis(2), "transpose.C1") { o, n in _ = o.m.swappingAxes(n, 0) },
    Row("swappingAxes(_:_:)", "b", .axis(2), "transpose.C1") { o, n in _ = o.m.swappingAxes(1, n) },
    Row("expandingShape(at:)", "axis", .newAxis(2), "expandingShape.C1") { o, n in _ = o.m.expandingShape(at: n) },
    Row("squeezed(_:)", "axes", .axis(1), "squeezed.C1") { o, n in _ = o.one.squeezed(n) },
    Row("reversed(_:)", "axes", .axis(2), "reverse.C1") { o, n in _ = o.m.reversed(n) },
    Row("flipped(_:)", "axes", .axis(1), "reverse.C1") { o, n in _ = o.v.flipped(n) },
    Row("tiled(_:)", "counts", .number(from: 0, to: .max), "tiled.C1", "type.C1") { o, n in _ = o.v.tiled([n]) },
    Row("rolled(by:axis:)", "shift", .any) { o, n in _ = o.v.rolled(by: n) },
    Row("rolled(by:axis:)", "axis", .axis(2), "rolled.C1") { o, n in _ = o.m.rolled(by: 1, axis: n) },
    Row("repeated(_:axis:)", "count", .number(from: 0, to: .max), "repeated.C2", "type.C1") { o, n in _ = o.v.repeated(n, axis: 0) },
    Row("repeated(_:axis:)", "axis", .axis(2), "repeated.C1") { o, n in _ = o.m.repeated(2, axis: n) },
    Row("sliced(axis:from:to:)", "axis", .axis(2), "sliced.C1") { o, n in _ = o.m.sliced(axis: n, from: 0, to: 1) },
    Row("sliced(axis:from:to:)", "start", .number(from: -3, to: 3), "subscript.C2") { o, n in _ = o.v.sliced(axis: 0, from: n, to: 3) },
    Row("sliced(axis:from:to:)", "limit", .number(from: -3, to: 3), "subscript.C2") { o, n in _ = o.v.sliced(axis: 0, from: 0, to: n) },
    Row("split(sizes:axis:)", "sizes", .number(from: 3, to: 3), "split.C2") { o, n in _ = o.v.split(sizes: [n]) },
    Row("split(sizes:axis:)", "axis", .axis(1), "split.C1") { o, n in _ = o.v.split(sizes: [1, 2], axis: n) },
    Row("split(count:axis:)", "count", .number(from: 1, to: 1), "split.C3") { o, n in _ = o.v.split(count: n) },
    Row("split(count:axis:)", "axis", .axis(2), "split.C1") { o, n in _ = o.m.split(count: 1, axis: n) },
    Row("diagonal(offset:)", "offset", .any) { o, n in _ = o.m.diagonal(offset: n) },
    Row("tril(offset:)", "offset", .any) { o, n in _ = o.m.tril(offset: n) },
    Row("triu(offset:)", "offset", .any) { o, n in _ = o.m.triu(offset: n) },
    Row("concatenated(_:axis:)", "axis", .axis(2), "concatenate.C1") { o, n in _ = concatenated([o.m, o.m], axis: n) },
    Row("stacked(_:axis:)", "axis", .newAxis(2), "expandingShape.C1") { o, n in _ = stacked([o.m, o.m], axis: n) },
    Row("padded(_:with:)", "widths", .number(from: 0, to: .max), "pad.C3") { o, n in _ = o.v.padded([(n, 1)]) },
    Row("padded(_:mode:)", "widths", .number(from: 0, to: .max), "padded.C1", "padded.C2") { o, n in _ = o.v.padded([(1, n)], mode: .edge) },
    Row("padded(_:mode:)", "widths", .number(from: 0, to: 2), "padded.C1", "padded.C2") { o, n in _ = o.v.padded([(n, 0)], mode: .reflect) },
    Row("dot(_:contracting:batch:)", "contracting", .axis(1), "dot.C") { o, n in _ = o.v.dot(o.v, contracting: [(n, 0)]) },
    Row("dot(_:contracting:batch:)", "batch", .axis(1), "dot.C") { o, n in _ = o.v.dot(o.v, contracting: [], batch: [(0, n)]) },
  ]

  // swift-format-ignore
  static let selections: [Row] = [
    Row("subscript(_:)", "indices", .position(3), "subscript.C2") { o, n in _ = o.v[n] },
    Row("subscript(_:)", "indices", .position(3), "subscript.C2") { o, n in _ = o.m[0, n] },
    Row("subscript(_:)", "indices", .position(3), "subscript.C2") { o, n in _ = o.v[n...n] },
    Row("subscript(_:)", "indices", .position(3), "subscript.C2") { o, n in _ = o.v[...n] },
    Row("subscript(_:)", "indices", .number(from: -3, to: 3), "subscript.C2") { o, n in _ = o.v[n...] },
    Row("subscript(_:)", "indices", .number(from: -3, to: 3), "subscript.C2") { o, n in _ = o.v[..<n] },
    Row("subscript(_:)", "indices", .number(from: -3, to: 3), "subscript.C2") { o, n in _ = o.v[n..<n] },
    Row("subscript(_:)", "indices", .position(3), "subscript.C2") { o, n in _ = o.v[stride(from: n, to: n == .max ? .min : n + 1, by: n == .max ? .min : 1)] },
    Row("subscript(_:)", "indices", .number(from: 0, to: 3), "subscript.C2", tellsNumber: false) { o, n in _ = o.v[stride(from: 0, to: n == -1 ? -2 : n, by: n < 0 ? -1 : 1)] },
    Row("subscript(_:_:)", "last", .position(3), "subscript.C2") { o, n in _ = o.m[..., n] },
    Row("subscript(_:_:_:)", "first", .position(2), "subscript.C2") { o, n in _ = o.m[n, ...] },
    Row("subscript(_:_:_:)", "last", .position(3), "subscript.C2") { o, n in _ = o.m[0, ..., n] },
    Row("subscript(_:_:_:_:)", "first", .position(2), "subscript.C2") { o, n in _ = o.m[n, 0, ...] },
    Row("subscript(_:_:_:_:)", "second", .position(3), "subscript.C2") { o, n in _ = o.m[0, n, ...] },
    Row("subscript(_:_:_:_:)", "last", .position(4), "subscript.C2") { o, n in _ = o.x1[0, 0, ..., n] },
    Row("gathered(_:axis:bounds:)", "axis", .axis(2), "gather.C1") { o, n in _ = o.m.gathered(o.ids, axis: n) },
    Row("gathered(at:axes:bounds:)", "axes", .axis(2), "gather.C1") { o, n in _ = o.m.gathered(at: o.ids[0..<1], axes: [n]) },
    Row("takeAlong(_:axis:bounds:)", "axis", .axis(1), "gather.C1") { o, n in _ = o.v.takeAlong(o.ids, axis: n) },
    Row("scattered(_:at:axis:combining:bounds:)", "axis", .axis(1), "scatter.C1") { o, n in _ = o.v.scattered(o.v[0..<2], at: o.ids, axis: n) },
    Row("scattered(_:at:axes:combining:bounds:)", "axes", .axis(1), "scatter.C1") { o, n in _ = o.v.scattered(o.v[0], at: o.ids[0..<1], axes: [n]) },
    Row("dynamicSlice(at:sizes:bounds:)", "sizes", .number(from: 0, to: 3), "dynamicSlice.C2") { o, n in _ = o.v.dynamicSlice(at: [o.start], sizes: [n]) },
    Row("oneHot(_:as:)", "count", .number(from: 0, to: .max), "shape.C1", "shape.C2") { o, n in _ = o.ids.oneHot(n) },
  ]

  // swift-format-ignore
  static let creation: [Row] = [
    Row("full(_:_:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Float>.full([n], 2) },
    Row("full(_:_:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Float>.full([0, n], 2) },
    Row("zeros(_:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Int8>.zeros([2, n]) },
    Row("ones(_:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Double>.ones([n, 2]) },
    Row("init(_:shape:)", "shape", .number(from: 1, to: 1), "shape.C1", "shape.C2", "tensor.C1") { _, n in _ = Tensor<Float>([7], shape: [n]) },
    Row("range(_:)", "count", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Float>.range(n) },
    Row("range(from:by:count:)", "count", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Float>.range(from: 1, by: 2, count: n) },
    Row("paddedBatch(_:multiple:with:)", "multiple", .number(from: 1, to: .max), "paddedBatch.C1", "pad.C3", "type.C1", tellsNumber: false) { o, n in _ = paddedBatch([o.v, o.v], multiple: n).batch },
    Row("lengthMask(_:length:)", "length", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = lengthMask(Tensor<Int32>([1, 2]), length: n) },
    Row("identity(_:)", "size", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Float>.identity(n) },
    Row("split(_:)", "count", .number(from: 0, to: 1 << 16), "key.C2") { _, n in _ = key.split(n) },
    Row("randomUniform(_:in:key:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Float>.randomUniform([n], key: key) },
    Row("randomNormal(_:mean:standardDeviation:key:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Float>.randomNormal([n], key: key) },
    Row("randomTruncatedNormal(_:in:key:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Float>.randomTruncatedNormal([n], key: key) },
    Row("randomBernoulli(_:probability:key:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Bool>.randomBernoulli([n], key: key) },
    Row("randomIntegers(_:in:key:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Int32>.randomIntegers([n], in: 0..<9, key: key) },
    Row("randomPermutation(_:key:)", "count", .number(from: 0, to: .max), "shape.C1", "shape.C2") { _, n in _ = Tensor<Int32>.randomPermutation(n, key: key) },
    Row("randomUniform(_:in:using:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2", "random.C1") { _, n in var g = SystemRandomNumberGenerator(); _ = Tensor<Float>.randomUniform([n], using: &g) },
    Row("randomNormal(_:mean:standardDeviation:using:)", "shape", .number(from: 0, to: .max), "shape.C1", "shape.C2", "random.C1") { _, n in var g = SystemRandomNumberGenerator(); _ = Tensor<Float>.randomNormal([n], using: &g) },
  ]

  // swift-format-ignore
  static let windows: [Row] = [
    Row("conv1d(_:_:stride:padding:dilation:groups:)", "stride", .number(from: 1, to: .max), "conv1d.C3") { o, n in _ = conv1d(o.x1, o.k1, stride: PerAxis(n)) },
    Row("conv1d(_:_:stride:padding:dilation:groups:)", "padding", .number(from: -(1 << 40), to: .max), "conv1d.C4") { o, n in _ = conv1d(o.x1, o.k1, padding: .explicit([(0, n == -(1 << 40) ? 0 : n)])) },
    Row("conv1d(_:_:stride:padding:dilation:groups:)", "dilation", .number(from: 1, to: .max), "conv1d.C3") { o, n in _ = conv1d(o.x1, o.k1, dilation: PerAxis(n)) },
    Row("conv1d(_:_:stride:padding:dilation:groups:)", "groups", .number(from: 1, to: 1), "conv1d.C2") { o, n in _ = conv1d(o.x1, o.k1, groups: n) },
    Row("conv2d(_:_:stride:padding:dilation:groups:)", "stride", .number(from: 1, to: .max), "conv2d.C3") { o, n in _ = conv2d(o.x2, o.k2, stride: [1, n]) },
    Row("conv2d(_:_:stride:padding:dilation:groups:)", "padding", .number(from: 0, to: .max), "conv2d.C4", tellsNumber: false) { o, n in _ = conv2d(o.x2, o.k2, padding: .explicit(n == 0 ? [(0, 0), (0, 0)] : [(n, 0)])) },
    Row("conv2d(_:_:stride:padding:dilation:groups:)", "dilation", .number(from: 1, to: .max), "conv2d.C3") { o, n in _ = conv2d(o.x2, o.k2, dilation: PerAxis(n)) },
    Row("conv2d(_:_:stride:padding:dilation:groups:)", "groups", .number(from: 1, to: 1), "conv2d.C2") { o, n in _ = conv2d(o.x2, o.k2, groups: n) },
    Row("conv3d(_:_:stride:padding:dilation:groups:)", "stride", .number(from: 1, to: .max), "conv3d.C3") { o, n in _ = conv3d(o.x3, o.k3, stride: PerAxis(n)) },
    Row("conv3d(_:_:stride:padding:dilation:groups:)", "padding", .number(from: 0, to: .max), "conv3d.C4", tellsNumber: false) { o, n in _ = conv3d(o.x3, o.k3, padding: n == 0 ? .same : .explicit([(n, 0)])) },
    Row("conv3d(_:_:stride:padding:dilation:groups:)", "dilation", .number(from: 1, to: .max), "conv3d.C3") { o, n in _ = conv3d(o.x3, o.k3, dilation: [1, 1, n]) },
    Row("conv3d(_:_:stride:padding:dilation:groups:)", "groups", .number(from: 1, to: 1), "conv3d.C2") { o, n in _ = conv3d(o.x3, o.k3, groups: n) },
    Row("depthwiseConv2d(_:_:stride:padding:dilation:)", "stride", .number(from: 1, to: .max), "depthwiseConv2d.C3") { o, n in _ = depthwiseConv2d(o.x2, o.k2, stride: PerAxis(n)) },
    Row("depthwiseConv2d(_:_:stride:padding:dilation:)", "padding", .number(from: 0, to: .max), "depthwiseConv2d.C4", tellsNumber: false) { o, n in _ = depthwiseConv2d(o.x2, o.k2, padding: n == 0 ? .same : .explicit([(n, 0)])) },
    Row("depthwiseConv2d(_:_:stride:padding:dilation:)", "dilation", .number(from: 1, to: .max), "depthwiseConv2d.C3") { o, n in _ = depthwiseConv2d(o.x2, o.k2, dilation: PerAxis(n)) },
    Row("convTranspose1d(_:_:stride:padding:dilation:)", "stride", .number(from: 1, to: .max), "convTranspose1d.C3") { o, n in _ = convTranspose1d(o.x1, o.k1, stride: PerAxis(n)) },
    Row("convTranspose1d(_:_:stride:padding:dilation:)", "padding", .number(from: 0, to: .max), "convTranspose1d.C4", tellsNumber: false) { o, n in _ = convTranspose1d(o.x1, o.k1, padding: n == 0 ? .same : .explicit([(n, 0), (0, 0)])) },
    Row("convTranspose1d(_:_:stride:padding:dilation:)", "dilation", .number(from: 1, to: .max), "convTranspose1d.C3") { o, n in _ = convTranspose1d(o.x1, o.k1, dilation: PerAxis(n)) },
    Row("convTranspose2d(_:_:stride:padding:dilation:)", "stride", .number(from: 1, to: .max), "convTranspose2d.C3") { o, n in _ = convTranspose2d(o.x2, o.k2, stride: PerAxis(n)) },
    Row("convTranspose2d(_:_:stride:padding:dilation:)", "padding", .number(from: 0, to: .max), "convTranspose2d.C4", tellsNumber: false) { o, n in _ = convTranspose2d(o.x2, o.k2, padding: n == 0 ? .same : .explicit([(n, 0)])) },
    Row("convTranspose2d(_:_:stride:padding:dilation:)", "dilation", .number(from: 1, to: .max), "convTranspose2d.C3") { o, n in _ = convTranspose2d(o.x2, o.k2, dilation: PerAxis(n)) },
    Row("convTranspose3d(_:_:stride:padding:dilation:)", "stride", .number(from: 1, to: .max), "convTranspose3d.C3") { o, n in _ = convTranspose3d(o.x3, o.k3, stride: PerAxis(n)) },
    Row("convTranspose3d(_:_:stride:padding:dilation:)", "padding", .number(from: 0, to: .max), "convTranspose3d.C4", tellsNumber: false) { o, n in _ = convTranspose3d(o.x3, o.k3, padding: n == 0 ? .same : .explicit([(n, 0)])) },
    Row("convTranspose3d(_:_:stride:padding:dilation:)", "dilation", .number(from: 1, to: .max), "convTranspose3d.C3") { o, n in _ = convTranspose3d(o.x3, o.k3, dilation: PerAxis(n)) },
    Row("maxPool(_:window:stride:padding:dilation:)", "window", .number(from: 1, to: .max), "maxPool.C3") { o, n in _ = maxPool(o.x2, window: PerAxis(n)) },
    Row("maxPool(_:window:stride:padding:dilation:)", "stride", .number(from: 1, to: .max), "maxPool.C3") { o, n in _ = maxPool(o.x2, window: 2, stride: PerAxis(n)) },
    Row("maxPool(_:window:stride:padding:dilation:)", "padding", .number(from: 0, to: .max), "maxPool.C4") { o, n in _ = maxPool(o.x1, window: 2, padding: .explicit([(n, 0)])) },
    Row("maxPool(_:window:stride:padding:dilation:)", "dilation", .number(from: 1, to: .max), "maxPool.C3") { o, n in _ = maxPool(o.x2, window: 2, dilation: PerAxis(n)) },
    Row("averagePool(_:window:stride:padding:dilation:)", "window", .number(from: 1, to: .max), "averagePool.C3") { o, n in _ = averagePool(o.x2, window: [n, 1]) },
    Row("averagePool(_:window:stride:padding:dilation:)", "stride", .number(from: 1, to: .max), "averagePool.C3") { o, n in _ = averagePool(o.x2, window: 2, stride: PerAxis(n)) },
    Row("averagePool(_:window:stride:padding:dilation:)", "padding", .number(from: 0, to: .max), "averagePool.C4") { o, n in _ = averagePool(o.x1, window: 2, padding: .explicit([(0, n)])) },
    Row("averagePool(_:window:stride:padding:dilation:)", "dilation", .number(from: 1, to: .max), "averagePool.C3") { o, n in _ = averagePool(o.x2, window: 2, dilation: PerAxis(n)) },
    Row("adaptiveMaxPool(_:to:)", "sizes", .number(from: 1, to: 1 << 16), "adaptiveMaxPool.C1") { o, n in _ = adaptiveMaxPool(o.x2, to: PerAxis(n)) },
    Row("adaptiveAveragePool(_:to:)", "sizes", .number(from: 1, to: 1 << 16), "adaptiveAveragePool.C1") { o, n in _ = adaptiveAveragePool(o.x1, to: [n]) },
    Row("resized(to:by:)", "sizes", .number(from: 1, to: 1 << 24), "resized.C1") { o, n in _ = o.x1.resized(to: PerAxis(n)) },
  ]

  // swift-format-ignore
  static let transforms: [Row] = [
    Row("vmap(_:axes:outputAxis:)", "axes", .axis(2), "vmap.C5") { o, n in _ = vmap({ (x: Tensor<Float>) in x * 2 }, axes: [n])(o.m) },
    Row("vmap(_:axes:outputAxis:)", "outputAxis", .axis(2), "vmap.C6") { o, n in _ = vmap({ (x: Tensor<Float>) in x * 2 }, outputAxis: n)(o.m) },
    Row("init(device:numerics:limit:threads:)", "threads", .number(from: 1, to: 256), "compile.C6") { o, n in _ = compile(options: CompileOptions(threads: n)) { (x: Tensor<Float>) in x * 2 }(o.m) },
    Row("scan(_:length:reverse:_:)", "length", .number(from: 0, to: .max), "scan.C2", "type.C1") { o, n in _ = scan(o.v, length: n) { x in (x, x) } },
    Row("fori(_:_:_:)", "range", .number(from: 0, to: .max), "fori.C1") { o, n in _ = fori(n < 0 ? (n < -9 ? n : -(1 << 40))..<0 : 0..<n, o.v) { _, x in x } },
  ]
}

extension [Int] {
  /// Without axis 0 a second time.
  fileprivate var uniqued: [Int] { self[1] == 0 || self[1] == -2 ? [0] : self }
}

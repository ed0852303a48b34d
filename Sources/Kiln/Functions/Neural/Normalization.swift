import KilnIR

// Normalisation: mean and variance are taken in two passes, and divided by, so that no reciprocal is rounded first.
// Rows of great numbers are squared as small multiples of themselves (`RowScale`).

/// (x - mean) / sqrt(variance + epsilon) · scale + offset along the last `scale.rank` axes, mean and variance in two
/// passes (Ba, Kiros and Hinton, 2016).
public func layerNorm<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, scale: Tensor<Scalar>, offset: Tensor<Scalar>, epsilon: Scalar = 1e-5
) -> Tensor<Scalar> {
  let core = x.core
  guard isSuffix(scale, of: x), offset.shape.mayEqual(scale.shape) else {
    return Tensor(
      core: core.failed(
        "layerNorm.C1",
        "layerNorm takes a scale and an offset of the last axes of \(x.type), found \(scale.type) and \(offset.type)",
        with: scale.core, offset.core))
  }
  let axes = Array((x.rank - scale.rank)..<x.rank)
  let centered = core.centered(axes)
  let deviation = RowScale<Scalar>(of: core, axes).rootMeanSquare(of: centered, epsilon).core.restored(axes, of: core)
  return Tensor(core: emit(.map(.divide), [centered, deviation])) * scale + offset
}

/// x / sqrt(mean of squares + epsilon) · scale along the last `scale.rank` axes (Zhang and Sennrich, 2019).
public func rmsNorm<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, scale: Tensor<Scalar>, epsilon: Scalar = 1e-6
) -> Tensor<Scalar> {
  let core = x.core
  guard isSuffix(scale, of: x) else {
    return Tensor(
      core: core.failed(
        "rmsNorm.C1", "rmsNorm takes a scale of the last axes of \(x.type), found \(scale.type)", with: scale.core))
  }
  let axes = Array((x.rank - scale.rank)..<x.rank)
  let root = RowScale<Scalar>(of: core, axes).rootMeanSquare(of: core, epsilon).core.restored(axes, of: core)
  return Tensor(core: emit(.map(.divide), [core, root])) * scale
}

/// Whether `vector` has the extents of the last axes of `x`, at least one.
private func isSuffix<Scalar>(_ vector: Tensor<Scalar>, of x: Tensor<Scalar>) -> Bool {
  vector.rank >= 1 && vector.shape.mayEqual(Shape(x.shape.suffix(vector.rank)))
}

/// The mean and the variance of each channel over all other axes, for `batchNorm` and its running averages. Both are
/// vectors of the extent of `axis`. A variance that is too great for a number is infinite.
public func batchStatistics<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, axis: Int = -1
) -> (mean: Tensor<Scalar>, variance: Tensor<Scalar>) {
  let channel = x.core.axis(axis)
  guard x.shape.indices.contains(channel) else {
    let failure = Tensor<Scalar>(core: x.core.failed("batchStatistics.C1", axisMessage(axis, x.type)))
    return (failure, failure)
  }
  let axes = x.shape.indices.filter { $0 != channel }
  return (Tensor(core: x.core.mean(axes)), Tensor(core: x.core.centered(axes).meanSquare(axes)))
}

/// (x - mean) / sqrt(variance + epsilon) · scale + offset for each channel of `axis`, with statistics of the batch or
/// running ones (Ioffe and Szegedy, 2015). The four are vectors of the extent of `axis`.
public func batchNorm<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, mean: Tensor<Scalar>, variance: Tensor<Scalar>, scale: Tensor<Scalar>, offset: Tensor<Scalar>,
  axis: Int = -1, epsilon: Scalar = 1e-5
) -> Tensor<Scalar> {
  normalized(x, axis, [mean, variance, scale, offset]) {
    (x - $0(mean)) / $0(sqrt(variance + Tensor(epsilon))) * $0(scale) + $0(offset)
  }
}

/// `batchNorm` with the statistics of this batch.
public func batchNorm<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, scale: Tensor<Scalar>, offset: Tensor<Scalar>, axis: Int = -1, epsilon: Scalar = 1e-5
) -> Tensor<Scalar> {
  normalized(x, axis, [scale, offset]) { spread in
    let axes = x.shape.indices.filter { $0 != x.core.axis(axis) }
    let centered = Tensor<Scalar>(core: x.core.centered(axes))
    let deviation = RowScale<Scalar>(of: x.core, axes).rootMeanSquare(of: centered.core, epsilon)
    return centered / spread(deviation) * spread(scale) + spread(offset)
  }
}

/// Checks that `vectors` have an element for each channel of `axis`; `body` is given what spreads one over `x`.
private func normalized<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, _ axis: Int, _ vectors: [Tensor<Scalar>],
  _ body: ((Tensor<Scalar>) -> Tensor<Scalar>) -> Tensor<Scalar>
) -> Tensor<Scalar> {
  let channel = x.core.axis(axis)
  guard x.shape.indices.contains(channel) else {
    return Tensor(core: x.core.failed("batchNorm.C1", axisMessage(axis, x.type)))
  }
  for vector in vectors where !vector.shape.mayEqual([x.shape[channel]]) {
    return Tensor(
      core: x.core.failed(
        "batchNorm.C1", "batchNorm takes vectors of the extent of axis \(axis) of \(x.type), found \(vector.type)",
        with: vector.core))
  }
  return body { Tensor(core: $0.core.broadcast(x.shape, axes: [channel])) }
}

/// Normalises each example (axis 0) over all positions and the channels of each of `groups` equal groups of the last
/// axis; `scale` and `offset` are vectors of channels (Wu and He, 2018).
public func groupNorm<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, groups: Int, scale: Tensor<Scalar>, offset: Tensor<Scalar>, epsilon: Scalar = 1e-5
) -> Tensor<Scalar> {
  let channels = x.shape.last ?? 0
  guard x.rank >= 2, groups > 0, channels.isMultiple(of: Dimension(groups)) != false else {
    return Tensor(
      core: x.core.failed(
        "groupNorm.C1",
        "groupNorm divides the last of at least two axes into equal groups, found \(groups) groups for \(x.type)"))
  }
  guard scale.shape.mayEqual([channels]), offset.shape.mayEqual([channels]) else {
    return Tensor(
      core: x.core.failed(
        "groupNorm.C2",
        "groupNorm takes a scale and an offset of \(channels) elements, found \(scale.type) and \(offset.type)",
        with: scale.core, offset.core))
  }
  let grouped = x.core.reshaped(Shape(x.shape.dropLast() + [Dimension(groups), channels / Dimension(groups)]))
  let axes = Array(1..<x.rank - 1) + [x.rank]
  let centered = grouped.centered(axes)
  let deviation = RowScale<Scalar>(of: grouped, axes).rootMeanSquare(of: centered, epsilon).core.restored(
    axes, of: grouped)
  return Tensor(core: emit(.map(.divide), [centered, deviation]).reshaped(x.shape)) * scale + offset
}

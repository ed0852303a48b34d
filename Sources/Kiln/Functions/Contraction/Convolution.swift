import KilnIR

// Convolutions of images [batch, spatial…, channels] with filters [taps…, channels, features]. A filter is not flipped,
// as is usual in machine learning. The order of addition is part of the meaning (Numerics.md D3).

/// The convolution of sequences `x` [batch, time, channels] with a filter [taps, channels / groups, features], giving
/// [batch, positions, features].
///
/// - Parameters:
///   - stride: steps between positions.
///   - padding: zeros around `x`.
///   - dilation: steps between taps.
///   - groups: the channels and the features fall into so many groups of neighbours, and a group of features sees its
///     group of channels only.
public func conv1d<Scalar: TensorNumber>(
  _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis = 1, padding: WindowPadding = .valid,
  dilation: PerAxis = 1, groups: Int = 1
) -> Tensor<Scalar> {
  Tensor(core: .convolution("conv1d", 1, x.core, filter.core, stride, padding, dilation, Dimension(groups)))
}

/// The convolution of images `x` [batch, height, width, channels] with a filter [taps, taps, channels / groups,
/// features]; see `conv1d`.
public func conv2d<Scalar: TensorNumber>(
  _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis = 1, padding: WindowPadding = .valid,
  dilation: PerAxis = 1, groups: Int = 1
) -> Tensor<Scalar> {
  Tensor(core: .convolution("conv2d", 2, x.core, filter.core, stride, padding, dilation, Dimension(groups)))
}

/// The convolution of volumes `x` [batch, depth, height, width, channels] with a filter [taps, taps, taps, channels /
/// groups, features]; see `conv1d`.
public func conv3d<Scalar: TensorNumber>(
  _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis = 1, padding: WindowPadding = .valid,
  dilation: PerAxis = 1, groups: Int = 1
) -> Tensor<Scalar> {
  Tensor(core: .convolution("conv3d", 3, x.core, filter.core, stride, padding, dilation, Dimension(groups)))
}

/// Every channel of images `x` [batch, height, width, channels] convolved with its own filters [taps, taps, channels,
/// multiplier], giving [batch, height, width, channels · multiplier].
public func depthwiseConv2d<Scalar: TensorNumber>(
  _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis = 1, padding: WindowPadding = .valid,
  dilation: PerAxis = 1
) -> Tensor<Scalar> {
  let name = "depthwiseConv2d"
  guard filter.rank == 4, x.rank == 4, Dimension.equality(filter.shape[2], x.shape[3]) != false else {
    return Tensor(
      core: x.core.failed(
        "\(name).C1",
        "\(name) takes [batch, height, width, channels] and [taps, taps, channels, multiplier], found \(x.type) and "
          + "\(filter.type)", with: filter.core))
  }
  let shape = filter.core.shape
  let flat = filter.core.reshaped([shape[0], shape[1], 1, shape[2] * shape[3]])
  let groups = x.shape[3] == 0 ? 1 : x.shape[3]
  return Tensor(core: .convolution(name, 2, x.core, flat, stride, padding, dilation, groups))
}

/// The transposed convolution of sequences `x` [batch, time, channels] with a filter [taps, channels, features]; see
/// `convTranspose2d`.
public func convTranspose1d<Scalar: TensorNumber>(
  _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis = 1, padding: WindowPadding = .valid,
  dilation: PerAxis = 1
) -> Tensor<Scalar> {
  Tensor(core: .transposedConvolution("convTranspose1d", 1, x.core, filter.core, stride, padding, dilation))
}

/// The transposed convolution of images `x` [batch, height, width, channels] with a filter [taps, taps, channels,
/// features]: each element of x adds the filter times itself into the result, `stride` places further for each step. It
/// is what the gradient of `conv2d` for its image computes.
///
/// Each spatial axis has (size - 1) · stride + reach places, less what `padding` cuts off on both sides; `.same` gives
/// size · stride.
public func convTranspose2d<Scalar: TensorNumber>(
  _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis = 1, padding: WindowPadding = .valid,
  dilation: PerAxis = 1
) -> Tensor<Scalar> {
  Tensor(core: .transposedConvolution("convTranspose2d", 2, x.core, filter.core, stride, padding, dilation))
}

/// The transposed convolution of volumes `x` [batch, depth, height, width, channels] with a filter [taps, taps, taps,
/// channels, features]; see `convTranspose2d`.
public func convTranspose3d<Scalar: TensorNumber>(
  _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis = 1, padding: WindowPadding = .valid,
  dilation: PerAxis = 1
) -> Tensor<Scalar> {
  Tensor(core: .transposedConvolution("convTranspose3d", 3, x.core, filter.core, stride, padding, dilation))
}

// MARK: - Untyped

extension TensorCore {
  static func convolution(
    _ name: String, _ spatial: Int, _ x: TensorCore, _ filter: TensorCore, _ stride: PerAxis, _ padding: WindowPadding,
    _ dilation: PerAxis, _ groups: Dimension
  ) -> TensorCore {
    for operand in [x, filter] where operand.kind == .poisoned { return Failure.poison(after: operand, x.type) }
    do throws(ConstraintFailure) {
      try requireImages(name, spatial, x, filter)
      let (channels, features) = (x.shape[spatial + 1], filter.shape[spatial + 1])
      guard Dimension.isAtLeast(groups, 1) != false, channels.isMultiple(of: groups) != false,
        Dimension.equality(filter.shape[spatial], channels / groups) != false, features.isMultiple(of: groups) != false
      else {
        throw ConstraintFailure(
          "\(name).C2",
          "\(name): \(channels) channels and \(features) features in \(groups) groups need a filter of \(channels) / \(groups) "
            + "channels, found \(filter.type)")
      }
      let (sizes, taps) = (Array(x.shape[1...spatial]), Array(filter.shape[..<spatial]))
      let windows = try SpatialWindows(name, sizes, taps: taps, stride: stride, padding: padding, dilation: dilation)
      let slid = (0..<spatial).map {
        Convolution.Window(
          AxisPair($0 + 1, $0), stride: windows.strides[$0], low: windows.widths[$0].before,
          high: windows.widths[$0].after, rhsDilation: windows.dilations[$0])
      }
      if groups == 1 {
        let plain = Convolution(contract: [AxisPair(spatial + 1, spatial)], windows: slid)
        return emit(.contraction(.convolution(plain)), [x, filter])
      }
      return grouped(x, filter, slid, groups)
    } catch {
      return Failure.poison(error, x.type, operands: [x, filter])
    }
  }

  /// The groups are a batch axis: [batch, spatial…, group, channel] with [taps…, channel, group, feature].
  private static func grouped(
    _ x: TensorCore, _ filter: TensorCore, _ windows: [Convolution.Window], _ groups: Dimension
  ) -> TensorCore {
    let spatial = windows.count
    func split(_ core: TensorCore) -> TensorCore {
      core.reshaped(Shape(core.shape.dropLast() + [groups, core.shape[spatial + 1] / groups]))
    }
    let convolution = Convolution(
      batch: [AxisPair(spatial + 1, spatial + 1)], contract: [AxisPair(spatial + 2, spatial)], windows: windows,
      result: Array(1...(spatial + 1)) + [0, spatial + 2])
    let result = emit(.contraction(.convolution(convolution)), [split(x), split(filter)])
    if result.kind == .poisoned { return result }
    return result.reshaped(Shape(result.shape.dropLast(2) + [filter.shape[spatial + 1]]))
  }

  static func transposedConvolution(
    _ name: String, _ spatial: Int, _ x: TensorCore, _ filter: TensorCore, _ stride: PerAxis, _ padding: WindowPadding,
    _ dilation: PerAxis
  ) -> TensorCore {
    for operand in [x, filter] where operand.kind == .poisoned { return Failure.poison(after: operand, x.type) }
    do throws(ConstraintFailure) {
      try requireImages(name, spatial, x, filter)
      let (channels, expected) = (x.shape[spatial + 1], filter.shape[spatial])
      guard Dimension.equality(channels, expected) != false else {
        throw ConstraintFailure(
          "\(name).C2", "\(name): \(x.type) has \(channels) channels and \(filter.type) takes \(expected)")
      }
      let (sizes, taps) = (Array(x.shape[1...spatial]), Array(filter.shape[..<spatial]))
      let windows = try SpatialWindows(name, sizes, taps: taps, stride: stride, padding: padding, dilation: dilation)
      let slid = (0..<spatial).map { axis -> Convolution.Window in
        var window = Convolution.Window(
          AxisPair(axis + 1, axis), lhsDilation: windows.strides[axis], rhsDilation: windows.dilations[axis])
        let reach = (taps[axis] - 1) * Dimension(windows.dilations[axis]) + 1
        var cut = windows.widths[axis]
        if case .same = padding {
          let stride = Dimension(windows.strides[axis])
          cut.before = .max(reach - stride, 0) / 2
          // No elements have no gaps between them either.
          cut.after = reach - 1 - .min(sizes[axis], 1) * (stride - 1) - cut.before
        }
        (window.low, window.high) = (reach - 1 - cut.before, reach - 1 - cut.after)
        return window
      }
      let reversed = emit(.movement(.reverse(axes: Array(0..<spatial))), [filter])
      let convolution = Convolution(contract: [AxisPair(spatial + 1, spatial)], windows: slid)
      return emit(.contraction(.convolution(convolution)), [x, reversed])
    } catch {
      return Failure.poison(error, x.type, operands: [x, filter])
    }
  }

  private static func requireImages(
    _ name: String, _ spatial: Int, _ x: TensorCore, _ filter: TensorCore
  ) throws(ConstraintFailure) {
    guard x.shape.rank == spatial + 2, filter.shape.rank == spatial + 2 else {
      throw ConstraintFailure(
        "\(name).C1",
        "\(name) takes [batch, \(spatial) spatial axes, channels] and a filter [\(spatial) axes of taps, channels, features], "
          + "found \(x.type) and \(filter.type)")
    }
  }
}

import KilnIR

// Pooling over the spatial axes of tensors [batch, spatial…, channels], whatever their number.

/// The greatest element of each window; padding is -inf.
///
/// - Parameters:
///   - window: taps along each spatial axis.
///   - stride: steps between windows; as many as `window` has taps unless given.
///   - dilation: steps between taps.
public func maxPool<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, window: PerAxis, stride: PerAxis? = nil, padding: WindowPadding = .valid, dilation: PerAxis = 1
) -> Tensor<Scalar> {
  let least = KilnIR.Scalar(Scalar.dtype, -Double.infinity)
  return Tensor(
    core: x.core.pooled("maxPool", window, stride ?? window, padding, dilation) { core, grid in
      core.windows(grid, padding: least).reduced(.max, grid.tapAxes)
    })
}

/// The mean of each window's elements; padding does not count.
public func averagePool<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, window: PerAxis, stride: PerAxis? = nil, padding: WindowPadding = .valid, dilation: PerAxis = 1
) -> Tensor<Scalar> {
  let zero = KilnIR.Scalar(Scalar.dtype, 0.0)
  return Tensor(
    core: x.core.pooled("averagePool", window, stride ?? window, padding, dilation) { core, grid in
      let sum = core.windows(grid, padding: zero).reduced(.sum, grid.tapAxes)
      if sum.kind == .poisoned { return sum }
      let spatial = Shape(core.shape.dropFirst().dropLast())
      let ones = TensorCore.constant(Literal(splat: KilnIR.Scalar(Scalar.dtype, 1.0))).broadcast(spatial, axes: [])
      let flat = PoolingGrid(grid, firstAxis: 0, rank: spatial.rank)
      let count = ones.windows(flat, padding: zero).reduced(.sum, flat.tapAxes)
      return emit(.map(.divide), [sum, count.broadcast(sum.shape, axes: Array(1...spatial.rank))])
    })
}

/// The greatest element of each of `sizes` regions of about equal size: region i of m along an axis of n elements has
/// the elements floor(i·n/m) ..< ceil((i+1)·n/m).
public func adaptiveMaxPool<Scalar: TensorReal>(_ x: Tensor<Scalar>, to sizes: PerAxis) -> Tensor<Scalar> {
  Tensor(
    core: x.core.adapted("adaptiveMaxPool", sizes) { core, axis, regions in
      Tensor<Scalar>(core: core.parts(along: axis, regions)).max(axes: [axis + 1]).core
    } equal: {
      $0.reduced(.max, [$1])
    })
}

/// The mean of each of `sizes` regions of about equal size; see `adaptiveMaxPool`.
public func adaptiveAveragePool<Scalar: TensorReal>(_ x: Tensor<Scalar>, to sizes: PerAxis) -> Tensor<Scalar> {
  Tensor(
    core: x.core.adapted("adaptiveAveragePool", sizes) { core, axis, regions in
      let parts = Tensor<Scalar>(core: core.parts(along: axis, regions))
      if parts.core.kind == .poisoned { return parts.core }
      let longest = regions.map(\.count).max() ?? 1
      let column = [Int](repeating: 1, count: core.shape.rank - 1 - axis)
      let isOwn = regions.flatMap { region in (0..<longest).map { $0 < region.count } }
      let own =
        isOwn.allSatisfy { $0 }
        ? parts : select(Tensor<Bool>(isOwn).reshaped(to: [regions.count, longest] + column), parts, Tensor(0))
      let counts = Tensor<Scalar>(regions.map { Scalar($0.count) }).reshaped(to: [regions.count] + column)
      return (own.sum(axes: [axis + 1]) / counts).core
    } equal: {
      $0.mean([$1])
    })
}

// MARK: - Untyped

/// Windows over some neighbouring axes of a tensor.
struct PoolingGrid {
  let axes: [Int]
  let sizes: [Dimension]
  let windows: SpatialWindows
  let rank: Int

  var tapAxes: [Int] { axes.indices.map { rank + $0 } }

  init(axes: [Int], sizes: [Dimension], windows: SpatialWindows, rank: Int) {
    (self.axes, self.sizes, self.windows, self.rank) = (axes, sizes, windows, rank)
  }

  /// The same windows over a tensor of `rank` axes, the first of them over `firstAxis`.
  init(_ other: PoolingGrid, firstAxis: Int, rank: Int) {
    self.init(
      axes: other.axes.indices.map { firstAxis + $0 }, sizes: other.sizes, windows: other.windows, rank: rank)
  }
}

extension TensorCore {
  fileprivate func pooled(
    _ name: String, _ window: PerAxis, _ stride: PerAxis, _ padding: WindowPadding, _ dilation: PerAxis,
    _ body: (TensorCore, PoolingGrid) -> TensorCore
  ) -> TensorCore {
    if kind == .poisoned { return self }
    guard shape.rank >= 3 else {
      return failed("\(name).C1", "\(name) takes [batch, spatial axes, channels], found \(type)")
    }
    let axes = Array(1..<shape.rank - 1)
    do throws(ConstraintFailure) {
      let sizes = axes.map { shape[$0] }
      let taps = (window.expanded(axes.count) ?? []).extents
      let windows = try SpatialWindows(name, sizes, taps: taps, stride: stride, padding: padding, dilation: dilation)
      let widths = windows.widths.flatMap { [$0.before, $0.after] }
      guard widths.allSatisfy({ Dimension.isAtLeast($0, 0) != false }) else {
        throw ConstraintFailure("\(name).C4", "\(name): padding is not negative, found \(windows.widths)")
      }
      return body(self, PoolingGrid(axes: axes, sizes: taps, windows: windows, rank: shape.rank))
    } catch {
      return Failure.poison(error, type)
    }
  }

  /// The windows of `grid`, with `padding` around the elements.
  fileprivate func windows(_ grid: PoolingGrid, padding: KilnIR.Scalar) -> TensorCore {
    if kind == .poisoned { return self }
    var (low, high) = (shape.map { _ in Dimension(0) }, shape.map { _ in Dimension(0) })
    for (axis, width) in zip(grid.axes, grid.windows.widths) { (low[axis], high[axis]) = width }
    var padded = self
    if (low + high).contains(where: { $0 != 0 }) {
      let value = TensorCore.constant(Literal(splat: padding))
      padded = emit(.movement(.pad(low: low, high: high, interior: low.map { _ in 0 })), [self, value])
    }
    let op = MovementOp.windows(
      axes: grid.axes, sizes: grid.sizes, strides: grid.windows.strides, dilations: grid.windows.dilations)
    return emit(.movement(op), [padded])
  }

  /// Pools the regions of one spatial axis after the other.
  ///
  /// - Parameters:
  ///   - body: is given the axis and its regions. Their places are data of the program, so a size that calls bring
  ///     becomes the number of the one that is traced.
  ///   - equal: is given the axis of the elements of regions that have one size, whatever that is.
  fileprivate func adapted(
    _ name: String, _ sizes: PerAxis, _ body: (TensorCore, Int, [Range<Int>]) -> TensorCore,
    equal: (TensorCore, Int) -> TensorCore
  ) -> TensorCore {
    if kind == .poisoned { return self }
    guard shape.rank >= 3, let sizes = sizes.expanded(shape.rank - 2), sizes.allSatisfy({ (1...1 << 16).contains($0) }),
      !shape.dropFirst().dropLast().contains(0)
    else {
      return failed(
        "\(name).C1",
        "\(name) takes [batch, spatial axes, channels] with elements, and a size of 1 to 65,536 for each spatial axis, found "
          + "\(type) and \(sizes)")
    }
    var result = self
    for (number, count) in sizes.enumerated() where result.kind != .poisoned {
      let extent = shape[number + 1]
      if extent.isSymbolic, extent.isMultiple(of: Dimension(count)) == true {
        let parts = [Dimension(count), extent / Dimension(count)]
        let split = Shape(result.shape.prefix(number + 1) + parts + result.shape.dropFirst(number + 2))
        result = equal(result.reshaped(split), number + 2)
        continue
      }
      let size = extent.staticSize
      result = body(result, number + 1, (0..<count).map { $0 * size / count..<(($0 + 1) * size + count - 1) / count })
    }
    return result
  }

  /// The regions of `axis` as two axes, regions and elements; shorter regions repeat their last element.
  fileprivate func parts(along axis: Int, _ regions: [Range<Int>]) -> TensorCore {
    let longest = regions.map(\.count).max() ?? 1
    if Dimension(longest * regions.count) == shape[axis] {
      let (before, after) = (shape.prefix(axis), shape.dropFirst(axis + 1))
      return reshaped(Shape(Array(before) + [Dimension(regions.count), Dimension(longest)] + Array(after)))
    }
    let indices = regions.flatMap { region in
      (0..<longest).map { Int32(Swift.min(region.lowerBound + $0, region.upperBound - 1)) }
    }
    let places = Tensor<Int32>(indices).reshaped(to: [regions.count, longest])
    return emit(.indexing(.gather(axis: axis, bounds: .check)), [self, places.core])
  }
}

/// A `dot` some of whose pairs slide: for each window pair the right operand's axis is a window over the left operand's
/// axis, and the positions of the window are an axis of the result.
///
/// Which axis means what is said by pairs alone, so images may be NHWC or NCHW, a group is a batch pair, and the
/// derivative for either operand is again a convolution: the one for a filter contracts the batch of images and slides
/// the cotangent.
///
/// The result has the batch axes in listed order, then the other axes of the left operand in its order (contracted ones
/// left out, with window positions instead of the axes they slide over), then the free axes of the right operand;
/// `result` permutes these.
public struct Convolution: Hashable, Sendable {
  /// One pair of axes along which the right operand slides.
  ///
  /// Tap k of position o reads place `o · stride + k · rhsDilation - low` of an axis on which the elements of the left
  /// operand lie `lhsDilation` apart, the first at 0. A place that is not a multiple of `lhsDilation` is a hole, which
  /// is not a term; any other place outside the operand is padding, which reads +0.
  public struct Window: Hashable, Sendable {
    public var axes: AxisPair
    public var stride: Int
    /// Places before the first and after the last element. Negative ones cut elements off.
    public var low: Dimension
    public var high: Dimension
    public var lhsDilation: Int
    public var rhsDilation: Int

    public init(
      _ axes: AxisPair, stride: Int = 1, low: Dimension = 0, high: Dimension = 0, lhsDilation: Int = 1,
      rhsDilation: Int = 1
    ) {
      self.axes = axes
      self.stride = stride
      self.low = low
      self.high = high
      self.lhsDilation = lhsDilation
      self.rhsDilation = rhsDilation
    }

    /// Places from the first to the last of `taps`, both included.
    package func reach(taps: Dimension) -> Dimension { Self.span(taps, rhsDilation) }

    /// Places that `elements` of the left operand take up, without padding.
    package func extent(elements: Dimension) -> Dimension { Self.span(elements, lhsDilation) }

    /// Places from the first to the last of `count` that lie `dilation` apart.
    private static func span(_ count: Dimension, _ dilation: Int) -> Dimension {
      dilation == 1 ? count : count + .max(count - 1, 0) * Dimension(dilation - 1)
    }

    /// How many positions the window has.
    package func positions(elements: Dimension, taps: Dimension) -> Dimension {
      let room = low + extent(elements: elements) + high - reach(taps: taps) + 1
      return stride == 1 ? .max(room, 0) : (.max(room, 0) - 1) / Dimension(stride) + 1
    }
  }

  public var batch: [AxisPair]
  public var contract: [AxisPair]
  public var windows: [Window]
  /// Result axis i is axis `result[i]` of the order above; empty where it is that order.
  public private(set) var result: [Int]

  public init(batch: [AxisPair] = [], contract: [AxisPair], windows: [Window], result: [Int] = []) {
    self.batch = batch
    self.contract = contract
    self.windows = windows
    self.result = result == Array(result.indices) ? [] : result
  }
}

extension Convolution {
  /// What an axis of the result is.
  package enum ResultAxis: Hashable, Sendable {
    case batch(AxisPair)
    /// A free axis of the left operand.
    case lhs(Int)
    /// The positions of the window of that number.
    case positions(Int)
    /// A free axis of the right operand.
    case rhs(Int)
  }

  /// What an axis of the terms is.
  package enum TermAxis: Hashable, Sendable {
    case contract(AxisPair)
    /// The taps of the window of that number.
    case taps(Int)
  }

  /// The axes of the result, in its order.
  package func resultAxes(lhsRank: Int, rhsRank: Int) -> [ResultAxis] {
    var axes = batch.map { ResultAxis.batch($0) }
    for axis in 0..<lhsRank {
      if let window = windows.firstIndex(where: { $0.axes.lhs == axis }) {
        axes.append(.positions(window))
      } else if !batch.contains(where: { $0.lhs == axis }) && !contract.contains(where: { $0.lhs == axis }) {
        axes.append(.lhs(axis))
      }
    }
    for axis in 0..<rhsRank where !pairs.contains(where: { $0.rhs == axis }) { axes.append(.rhs(axis)) }
    return result.isEmpty ? axes : result.map { axes[$0] }
  }

  /// The axes over which the terms of an element are numbered row-major (Numerics.md D3): those of the left operand, in
  /// its order.
  package var termAxes: [TermAxis] {
    let axes =
      contract.map { (lhs: $0.lhs, axis: TermAxis.contract($0)) }
      + windows.indices.map { (lhs: windows[$0].axes.lhs, axis: TermAxis.taps($0)) }
    return axes.sorted { $0.lhs < $1.lhs }.map(\.axis)
  }

  /// The extents of the term axes.
  package func termExtents(_ lhs: TensorType, _ rhs: TensorType) -> [Dimension] {
    termAxes.map { axis in
      switch axis {
      case .contract(let pair): lhs.shape[pair.lhs]
      case .taps(let number): rhs.shape[windows[number].axes.rhs]
      }
    }
  }

  /// All pairs of axes.
  var pairs: [AxisPair] { batch + contract + windows.map(\.axes) }
}

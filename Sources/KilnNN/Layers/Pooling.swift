public import Kiln

// Pooling layers, for any number of spatial axes: [batch, spatial axes, channels].

/// The greatest element of each window; see `maxPool`.
public struct MaxPool<Scalar: TensorReal>: PureLayer {
  /// The taps along each spatial axis.
  public let window: PerAxis
  /// Steps between windows; those of `window` if it is nil.
  public let stride: PerAxis?
  /// What stands around the images: -infinity.
  public let padding: WindowPadding
  /// Steps between taps.
  public let dilation: PerAxis

  /// A layer with these windows.
  public init(
    window: PerAxis, stride: PerAxis? = nil, padding: WindowPadding = .valid, dilation: PerAxis = 1,
    of type: Scalar.Type = Float.self
  ) {
    (self.window, self.stride, self.padding, self.dilation) = (window, stride, padding, dilation)
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.rank >= 3 else { return misfit("MaxPool", takes: images, x.untyped, shape: x.shape) }
    return noted("MaxPool", maxPool(x, window: window, stride: stride, padding: padding, dilation: dilation))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.constant(window, "window")
    visitor.constant(stride, "stride")
    visitor.constant(padding, "padding")
    visitor.constant(dilation, "dilation")
  }
}

/// The mean of each window's elements, without padding; see `averagePool`.
public struct AveragePool<Scalar: TensorReal>: PureLayer {
  /// The taps along each spatial axis.
  public let window: PerAxis
  /// Steps between windows; those of `window` if it is nil.
  public let stride: PerAxis?
  /// What stands around the images, and does not count.
  public let padding: WindowPadding
  /// Steps between taps.
  public let dilation: PerAxis

  /// A layer with these windows.
  public init(
    window: PerAxis, stride: PerAxis? = nil, padding: WindowPadding = .valid, dilation: PerAxis = 1,
    of type: Scalar.Type = Float.self
  ) {
    (self.window, self.stride, self.padding, self.dilation) = (window, stride, padding, dilation)
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.rank >= 3 else { return misfit("AveragePool", takes: images, x.untyped, shape: x.shape) }
    return noted("AveragePool", averagePool(x, window: window, stride: stride, padding: padding, dilation: dilation))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.constant(window, "window")
    visitor.constant(stride, "stride")
    visitor.constant(padding, "padding")
    visitor.constant(dilation, "dilation")
  }
}

/// The greatest element of each channel: [batch, channels].
public struct GlobalMaxPool<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.rank >= 3 else { return misfit("GlobalMaxPool", takes: images, x.untyped, shape: x.shape) }
    return noted("GlobalMaxPool", x.max(axes: Array(1..<x.rank - 1)))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// The mean of each channel: [batch, channels] (Lin, Chen and Yan, Network in network, 2013).
public struct GlobalAveragePool<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.rank >= 3 else { return misfit("GlobalAveragePool", takes: images, x.untyped, shape: x.shape) }
    return noted("GlobalAveragePool", x.mean(axes: Array(1..<x.rank - 1)))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// The greatest element of each of `sizes` regions of about equal size; see `adaptiveMaxPool`.
public struct AdaptiveMaxPool<Scalar: TensorReal>: PureLayer {
  /// The regions along each spatial axis.
  public let sizes: PerAxis

  /// A layer that gives so many regions.
  public init(to sizes: PerAxis, of type: Scalar.Type = Float.self) { self.sizes = sizes }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.rank >= 3 else { return misfit("AdaptiveMaxPool", takes: images, x.untyped, shape: x.shape) }
    return noted("AdaptiveMaxPool", adaptiveMaxPool(x, to: sizes))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.constant(sizes, "sizes") }
}

/// The mean of each of `sizes` regions of about equal size; see `adaptiveAveragePool`.
public struct AdaptiveAveragePool<Scalar: TensorReal>: PureLayer {
  /// The regions along each spatial axis.
  public let sizes: PerAxis

  /// A layer that gives so many regions.
  public init(to sizes: PerAxis, of type: Scalar.Type = Float.self) { self.sizes = sizes }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.rank >= 3 else { return misfit("AdaptiveAveragePool", takes: images, x.untyped, shape: x.shape) }
    return noted("AdaptiveAveragePool", adaptiveAveragePool(x, to: sizes))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.constant(sizes, "sizes") }
}

private let images = "[batch, spatial axes, channels]"

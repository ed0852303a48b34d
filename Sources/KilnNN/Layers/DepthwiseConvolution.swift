public import Kiln

/// Every channel convolved with filters of its own: `DepthwiseConv1D`, `DepthwiseConv2D`, `DepthwiseConv3D`.
///
/// Takes [batch, spatial axes, channels] and gives [batch, positions, channels · multiplier]; the outputs of a channel
/// stand side by side.
public struct DepthwiseConvolution<Axes: SpatialAxes, Scalar: TensorReal>: PureLayer {
  /// [taps…, channels, multiplier]
  public var filter: Tensor<Scalar>
  /// [channels · multiplier]
  public var bias: Tensor<Scalar>?
  /// Steps between positions.
  public let stride: PerAxis
  /// What stands around the images.
  public let padding: WindowPadding
  /// Steps between taps.
  public let dilation: PerAxis

  /// A layer with new parameters. An output depends on the taps of one channel, so these are the inputs of its fans.
  /// - Parameters:
  ///   - multiplier: How many outputs a channel has.
  ///   - window: The taps along each spatial axis.
  public init(
    channels: Int, multiplier: Int = 1, window: PerAxis, stride: PerAxis = 1, padding: WindowPadding = .valid,
    dilation: PerAxis = 1, hasBias: Bool = true, filter: Initializer = .glorotUniform, bias: Initializer = .zeros,
    of type: Scalar.Type = Float.self, key: RandomKey
  ) {
    let keys = key.split()
    (self.stride, self.padding, self.dilation) = (stride, padding, dilation)
    let taps = (window.expanded(Axes.names.count) ?? []).reduce(1, *)
    self.filter = Axes.filter(
      Self.name, window, channels, multiplier, filter,
      fans: Initializer.Fans(inputs: taps, outputs: taps * multiplier), keys[0])
    self.bias = hasBias ? bias([max(channels * multiplier, 0)], key: keys[1]) : nil
  }

  private static var name: String { "DepthwiseConv\(Axes.names.count)D" }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let shape = filter.dimensions.suffix(2)
    let (channels, outputs) = (shape.first ?? 0, shape.reduce(1, *))
    guard Axes.fit(x, channels) || filter.isFailed else {
      return misfit(Self.name, takes: Axes.images(channels), x.untyped, shape: Axes.guess(outputs))
    }
    // One group for each channel.
    let flat = filter.isFailed ? filter : filter.reshaped(from: Axes.names.count, to: [1, Dimension(outputs)])
    let y = Axes.convolution(x, flat, stride: stride, padding: padding, dilation: dilation, groups: channels)
    return noted(Self.name, bias.map { y + $0 } ?? y)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&filter, "filter")
    visitor.visit(&bias, "bias")
    visitor.constant(stride, "stride")
    visitor.constant(padding, "padding")
    visitor.constant(dilation, "dilation")
  }
}

/// The depthwise convolution of sequences [batch, time, channels].
public typealias DepthwiseConv1D<Scalar: TensorReal> = DepthwiseConvolution<OneAxis, Scalar>
/// The depthwise convolution of images [batch, height, width, channels].
public typealias DepthwiseConv2D<Scalar: TensorReal> = DepthwiseConvolution<TwoAxes, Scalar>
/// The depthwise convolution of volumes [batch, depth, height, width, channels].
public typealias DepthwiseConv3D<Scalar: TensorReal> = DepthwiseConvolution<ThreeAxes, Scalar>

/// A depthwise convolution, and then a mixture of the channels at each position: `SeparableConv1D`, `SeparableConv2D`,
/// `SeparableConv3D` (Chollet, Xception: deep learning with depthwise separable convolutions, 2017).
///
/// Takes [batch, spatial axes, inputs] and gives [batch, positions, outputs].
public struct SeparableConvolution<Axes: SpatialAxes, Scalar: TensorReal>: PureLayer {
  /// What each channel is convolved with; it has no bias.
  public var depthwise: DepthwiseConvolution<Axes, Scalar>
  /// The mixture of channels, [inputs · multiplier, outputs], with the bias.
  public var pointwise: Dense<Scalar>

  /// A layer with new parameters.
  /// - Parameters:
  ///   - multiplier: How many channels the depthwise convolution makes of one.
  ///   - window: The taps along each spatial axis.
  public init(
    inputs: Int, outputs: Int, multiplier: Int = 1, window: PerAxis, stride: PerAxis = 1,
    padding: WindowPadding = .valid, dilation: PerAxis = 1, hasBias: Bool = true, filter: Initializer = .glorotUniform,
    bias: Initializer = .zeros, of type: Scalar.Type = Float.self, key: RandomKey
  ) {
    let keys = key.split()
    depthwise = DepthwiseConvolution(
      channels: inputs, multiplier: multiplier, window: window, stride: stride, padding: padding, dilation: dilation,
      hasBias: false, filter: filter, of: type, key: keys[0])
    pointwise = Dense(
      inputs: inputs * multiplier, outputs: outputs, hasBias: hasBias, weight: filter, bias: bias, of: type,
      key: keys[1])
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { pointwise(depthwise(x)) }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&depthwise, "depthwise")
    visitor.visit(&pointwise, "pointwise")
  }
}

/// The separable convolution of sequences [batch, time, inputs].
public typealias SeparableConv1D<Scalar: TensorReal> = SeparableConvolution<OneAxis, Scalar>
/// The separable convolution of images [batch, height, width, inputs].
public typealias SeparableConv2D<Scalar: TensorReal> = SeparableConvolution<TwoAxes, Scalar>
/// The separable convolution of volumes [batch, depth, height, width, inputs].
public typealias SeparableConv3D<Scalar: TensorReal> = SeparableConvolution<ThreeAxes, Scalar>

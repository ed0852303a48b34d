public import Kiln

/// A transposed convolution with trained filters and a bias for each output channel (Zeiler and others, Deconvolutional
/// networks, 2010): `ConvTranspose1D`, `ConvTranspose2D`, `ConvTranspose3D`.
///
/// Takes [batch, spatial axes, inputs]; each spatial axis of the output has (size - 1) · stride + reach places, less
/// what `padding` cuts off. The formula is that of `convTranspose2d`.
public struct TransposedConvolution<Axes: SpatialAxes, Scalar: TensorReal>: PureLayer {
  /// [taps…, inputs, outputs]
  public var filter: Tensor<Scalar>
  /// [outputs]
  public var bias: Tensor<Scalar>?
  /// How far apart the filters of neighbouring elements lie.
  public let stride: PerAxis
  /// What is cut off the output; negative widths add places, as PyTorch's output padding does behind.
  public let padding: WindowPadding
  /// Steps between taps.
  public let dilation: PerAxis

  /// A layer with new parameters.
  /// - Parameter window: The taps along each spatial axis.
  public init(
    inputs: Int, outputs: Int, window: PerAxis, stride: PerAxis = 1, padding: WindowPadding = .valid,
    dilation: PerAxis = 1, hasBias: Bool = true, filter: Initializer = .glorotUniform, bias: Initializer = .zeros,
    of type: Scalar.Type = Float.self, key: RandomKey
  ) {
    let keys = key.split()
    (self.stride, self.padding, self.dilation) = (stride, padding, dilation)
    self.filter = Axes.filter(Self.name, window, inputs, outputs, filter, keys[0])
    self.bias = hasBias ? bias([max(outputs, 0)], key: keys[1]) : nil
  }

  private static var name: String { "ConvTranspose\(Axes.names.count)D" }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let shape = filter.dimensions.suffix(2)
    let (inputs, outputs) = (shape.first ?? 0, shape.last ?? 0)
    guard Axes.fit(x, inputs) || filter.isFailed else {
      return misfit(Self.name, takes: Axes.images(inputs), x.untyped, shape: Axes.guess(outputs))
    }
    let y = Axes.transposedConvolution(x, filter, stride: stride, padding: padding, dilation: dilation)
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

/// The transposed convolution of sequences [batch, time, inputs].
public typealias ConvTranspose1D<Scalar: TensorReal> = TransposedConvolution<OneAxis, Scalar>
/// The transposed convolution of images [batch, height, width, inputs].
public typealias ConvTranspose2D<Scalar: TensorReal> = TransposedConvolution<TwoAxes, Scalar>
/// The transposed convolution of volumes [batch, depth, height, width, inputs].
public typealias ConvTranspose3D<Scalar: TensorReal> = TransposedConvolution<ThreeAxes, Scalar>

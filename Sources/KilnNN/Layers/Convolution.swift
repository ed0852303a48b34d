public import Kiln

/// A convolution with trained filters and a bias for each output channel (LeCun and others, Backpropagation applied to
/// handwritten zip code recognition, 1989): `Conv1D`, `Conv2D`, `Conv3D`.
///
/// Takes [batch, spatial axes, inputs] and gives [batch, positions, outputs]; the formula is that of `conv2d`.
public struct Convolution<Axes: SpatialAxes, Scalar: TensorReal>: PureLayer {
  /// [taps…, inputs / groups, outputs]
  public var filter: Tensor<Scalar>
  /// [outputs]
  public var bias: Tensor<Scalar>?
  /// Steps between positions.
  public let stride: PerAxis
  /// What stands around the images.
  public let padding: WindowPadding
  /// Steps between taps.
  public let dilation: PerAxis
  /// Into how many groups of neighbours the channels fall, each with its own filters.
  public let groups: Int

  /// A layer with new parameters.
  /// - Parameter window: The taps along each spatial axis.
  public init(
    inputs: Int, outputs: Int, window: PerAxis, stride: PerAxis = 1, padding: WindowPadding = .valid,
    dilation: PerAxis = 1, groups: Int = 1, hasBias: Bool = true, filter: Initializer = .glorotUniform,
    bias: Initializer = .zeros, of type: Scalar.Type = Float.self, key: RandomKey
  ) {
    let keys = key.split()
    (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
    let name = Self.name
    if groups > 0, inputs.isMultiple(of: groups), outputs.isMultiple(of: groups) {
      self.filter = Axes.filter(name, window, inputs / groups, outputs, filter, keys[0])
    } else {
      self.filter = Tensor(
        failed: "layer.C2", "\(name) cannot cut \(inputs) inputs and \(outputs) outputs into \(groups) groups",
        shape: Axes.guess(1).asShape, operands: [])
    }
    self.bias = hasBias ? bias([max(outputs, 0)], key: keys[1]) : nil
  }

  private static var name: String { "Conv\(Axes.names.count)D" }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let shape = filter.dimensions.suffix(2)
    let (inputs, outputs) = ((shape.first ?? 0) * groups, shape.last ?? 0)
    guard Axes.fit(x, inputs) || filter.isFailed else {
      return misfit(Self.name, takes: Axes.images(inputs), x.untyped, shape: Axes.guess(outputs))
    }
    let y = Axes.convolution(x, filter, stride: stride, padding: padding, dilation: dilation, groups: groups)
    return noted(Self.name, bias.map { y + $0 } ?? y)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&filter, "filter")
    visitor.visit(&bias, "bias")
    visitor.constant(stride, "stride")
    visitor.constant(padding, "padding")
    visitor.constant(dilation, "dilation")
    visitor.constant(groups, "groups")
  }
}

/// The convolution of sequences [batch, time, inputs].
public typealias Conv1D<Scalar: TensorReal> = Convolution<OneAxis, Scalar>
/// The convolution of images [batch, height, width, inputs].
public typealias Conv2D<Scalar: TensorReal> = Convolution<TwoAxes, Scalar>
/// The convolution of volumes [batch, depth, height, width, inputs].
public typealias Conv3D<Scalar: TensorReal> = Convolution<ThreeAxes, Scalar>

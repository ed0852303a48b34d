public import Kiln

/// How many spatial axes the tensors of a convolution have, as a type.
public protocol SpatialAxes: Sendable {
  /// The names of the axes.
  static var names: [String] { get }
  /// `conv1d`, `conv2d` or `conv3d`.
  static func convolution<Scalar: TensorReal>(
    _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis, padding: WindowPadding, dilation: PerAxis,
    groups: Int
  ) -> Tensor<Scalar>
  /// `convTranspose1d`, `convTranspose2d` or `convTranspose3d`.
  static func transposedConvolution<Scalar: TensorReal>(
    _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis, padding: WindowPadding, dilation: PerAxis
  ) -> Tensor<Scalar>
}

/// Sequences: [batch, time, channels].
public enum OneAxis: SpatialAxes {
  public static var names: [String] { ["time"] }
  public static func convolution<Scalar: TensorReal>(
    _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis, padding: WindowPadding, dilation: PerAxis,
    groups: Int
  ) -> Tensor<Scalar> {
    conv1d(x, filter, stride: stride, padding: padding, dilation: dilation, groups: groups)
  }
  public static func transposedConvolution<Scalar: TensorReal>(
    _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis, padding: WindowPadding, dilation: PerAxis
  ) -> Tensor<Scalar> {
    convTranspose1d(x, filter, stride: stride, padding: padding, dilation: dilation)
  }
}

/// Images: [batch, height, width, channels].
public enum TwoAxes: SpatialAxes {
  public static var names: [String] { ["height", "width"] }
  public static func convolution<Scalar: TensorReal>(
    _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis, padding: WindowPadding, dilation: PerAxis,
    groups: Int
  ) -> Tensor<Scalar> {
    conv2d(x, filter, stride: stride, padding: padding, dilation: dilation, groups: groups)
  }
  public static func transposedConvolution<Scalar: TensorReal>(
    _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis, padding: WindowPadding, dilation: PerAxis
  ) -> Tensor<Scalar> {
    convTranspose2d(x, filter, stride: stride, padding: padding, dilation: dilation)
  }
}

/// Volumes: [batch, depth, height, width, channels].
public enum ThreeAxes: SpatialAxes {
  public static var names: [String] { ["depth", "height", "width"] }
  public static func convolution<Scalar: TensorReal>(
    _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis, padding: WindowPadding, dilation: PerAxis,
    groups: Int
  ) -> Tensor<Scalar> {
    conv3d(x, filter, stride: stride, padding: padding, dilation: dilation, groups: groups)
  }
  public static func transposedConvolution<Scalar: TensorReal>(
    _ x: Tensor<Scalar>, _ filter: Tensor<Scalar>, stride: PerAxis, padding: WindowPadding, dilation: PerAxis
  ) -> Tensor<Scalar> {
    convTranspose3d(x, filter, stride: stride, padding: padding, dilation: dilation)
  }
}

extension SpatialAxes {
  /// The shape of the input in words.
  static func images(_ channels: Int) -> String { "[\((["batch"] + names + ["\(channels)"]).joined(separator: ", "))]" }

  /// Whether `x` is a batch with these axes and `channels` channels.
  static func fit(_ x: Tensor<some TensorReal>, _ channels: Int) -> Bool {
    x.rank == names.count + 2 && x.mayHave(channels, at: -1)
  }

  /// A guess at the shape of an output that failed.
  static func guess(_ channels: Int) -> [Int] { Array(repeating: 1, count: names.count + 1) + [channels] }

  /// A new filter [taps…, inputs, outputs]; `layer.C2` where numbers are not positive, or not one for each axis.
  static func filter<Scalar: TensorReal>(
    _ name: String, _ window: PerAxis, _ inputs: Int, _ outputs: Int, _ initializer: Initializer,
    fans: Initializer.Fans? = nil, _ key: RandomKey
  ) -> Tensor<Scalar> {
    guard let taps = window.expanded(names.count), (taps + [inputs, outputs]).allSatisfy({ $0 > 0 }) else {
      return Tensor(
        failed: "layer.C2",
        "\(name) takes positive numbers, and a window of one number or one for each of \(names.count) spatial axes; "
          + "found a window of \(window) from \(inputs) to \(outputs) channels", shape: guess(1).asShape, operands: [])
    }
    return initializer(taps + [inputs, outputs], fans: fans, key: key)
  }
}

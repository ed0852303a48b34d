public import Kiln

/// Normalises the last axes of each example, then scale and offset for each element of them; see `layerNorm` (Ba, Kiros
/// and Hinton, Layer normalization, 2016).
public struct LayerNorm<Scalar: TensorReal>: PureLayer {
  /// The shape of the last axes.
  public var scale: Tensor<Scalar>
  /// The shape of the last axes.
  public var offset: Tensor<Scalar>
  /// What is added to the variance.
  public let epsilon: Double

  /// A layer for inputs [..., features].
  public init(features: Int, epsilon: Double = 1e-5, of type: Scalar.Type = Float.self) {
    self.init(shape: [features], epsilon: epsilon, of: type)
  }

  /// A layer for inputs whose last axes have this shape.
  public init(shape: [Int], epsilon: Double = 1e-5, of type: Scalar.Type = Float.self) {
    (scale, offset, self.epsilon) = (.ones(shape), .zeros(shape), epsilon)
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.ends(with: scale) else {
      return misfit("LayerNorm", takes: endings(of: scale), x.untyped, shape: x.shape)
    }
    return noted("LayerNorm", layerNorm(x, scale: scale, offset: offset, epsilon: Scalar(epsilon)))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&scale, "scale")
    visitor.visit(&offset, "offset")
    visitor.constant(epsilon, "epsilon")
  }
}

/// Divides the last axes of each example by their root mean square, then multiplies each element with a scale; see
/// `rmsNorm` (Zhang and Sennrich, Root mean square layer normalization, 2019).
public struct RMSNorm<Scalar: TensorReal>: PureLayer {
  /// The shape of the last axes.
  public var scale: Tensor<Scalar>
  /// What is added to the mean of the squares.
  public let epsilon: Double

  /// A layer for inputs [..., features].
  public init(features: Int, epsilon: Double = 1e-6, of type: Scalar.Type = Float.self) {
    self.init(shape: [features], epsilon: epsilon, of: type)
  }

  /// A layer for inputs whose last axes have this shape.
  public init(shape: [Int], epsilon: Double = 1e-6, of type: Scalar.Type = Float.self) {
    (scale, self.epsilon) = (.ones(shape), epsilon)
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.ends(with: scale) else {
      return misfit("RMSNorm", takes: endings(of: scale), x.untyped, shape: x.shape)
    }
    return noted("RMSNorm", rmsNorm(x, scale: scale, epsilon: Scalar(epsilon)))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&scale, "scale")
    visitor.constant(epsilon, "epsilon")
  }
}

/// Normalises each example of [batch, …, channels] over all positions and the channels of each group of neighbours,
/// then scale and offset for each channel; see `groupNorm` (Wu and He, Group normalization, 2018).
public struct GroupNorm<Scalar: TensorReal>: PureLayer {
  /// [channels]
  public var scale: Tensor<Scalar>
  /// [channels]
  public var offset: Tensor<Scalar>
  /// Into how many groups the channels fall.
  public let groups: Int
  /// What is added to the variance.
  public let epsilon: Double

  /// A layer for `channels` channels; the groups must divide them (`layer.C2`).
  public init(groups: Int, channels: Int, epsilon: Double = 1e-5, of type: Scalar.Type = Float.self) {
    if groups > 0, channels > 0, channels.isMultiple(of: groups) {
      scale = .ones([channels])
    } else {
      scale = Tensor(
        failed: "layer.C2", "GroupNorm cannot cut \(channels) channels into \(groups) groups", shape: [1].asShape,
        operands: [])
    }
    (offset, self.groups, self.epsilon) = (.zeros([max(channels, 0)]), groups, epsilon)
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.rank >= 2 && x.ends(with: scale) || scale.isFailed else {
      return misfit("GroupNorm", takes: "[batch, …, \(scale.dimensions[0])]", x.untyped, shape: x.shape)
    }
    return noted(
      "GroupNorm", groupNorm(x, groups: groups, scale: scale, offset: offset, epsilon: Scalar(epsilon)))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&scale, "scale")
    visitor.visit(&offset, "offset")
    visitor.constant(groups, "groups")
    visitor.constant(epsilon, "epsilon")
  }
}

/// Normalises each channel of each example over all positions, then scale and offset for each channel: `GroupNorm` with
/// one channel in a group (Ulyanov, Vedaldi and Lempitsky, Instance normalization: the missing ingredient for fast
/// stylization, 2016).
public struct InstanceNorm<Scalar: TensorReal>: PureLayer {
  /// [channels]
  public var scale: Tensor<Scalar>
  /// [channels]
  public var offset: Tensor<Scalar>
  /// What is added to the variance.
  public let epsilon: Double

  /// A layer for [batch, …, channels].
  public init(channels: Int, epsilon: Double = 1e-5, of type: Scalar.Type = Float.self) {
    (scale, offset, self.epsilon) = (.ones([channels]), .zeros([channels]), epsilon)
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let channels = scale.dimensions[0]
    guard x.rank >= 3, x.ends(with: scale) else {
      return misfit("InstanceNorm", takes: "[batch, spatial axes, \(channels)]", x.untyped, shape: x.shape)
    }
    return noted(
      "InstanceNorm", groupNorm(x, groups: channels, scale: scale, offset: offset, epsilon: Scalar(epsilon)))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&scale, "scale")
    visitor.visit(&offset, "offset")
    visitor.constant(epsilon, "epsilon")
  }
}

extension Tensor {
  /// Whether its last axes may have the shape of `vector`.
  fileprivate func ends(with vector: Tensor) -> Bool {
    let shape = vector.dimensions
    return rank >= shape.count && !shape.isEmpty
      && shape.enumerated().allSatisfy { mayHave($0.element, at: $0.offset - shape.count) }
  }
}

private func endings(of vector: Tensor<some TensorReal>) -> String {
  "[..., \(vector.dimensions.map(String.init).joined(separator: ", "))]"
}

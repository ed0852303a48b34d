public import Kiln

/// (x - mean) / √(variance + epsilon) · scale + offset for each channel (Ioffe and Szegedy, Batch normalization:
/// accelerating deep network training by reducing internal covariate shift, 2015).
///
/// Takes and gives [batch, …, channels]. In training the mean and the variance are those of the batch, over all axes
/// but that of the channels, and the running ones move toward them; in inference they are the running ones.
public struct BatchNorm<Scalar: TensorReal>: Layer {
  /// [channels]
  public var scale: Tensor<Scalar>
  /// [channels]
  public var offset: Tensor<Scalar>
  /// [channels], the mean of the batches so far; begins with 0.
  public var mean: RunningStatistic<Scalar>
  /// [channels], the variance of the batches so far, with n - 1 where n is the number of elements of a channel; begins
  /// with 1.
  public var variance: RunningStatistic<Scalar>
  /// What one batch contributes to the running statistics: (1 - momentum) · running + momentum · batch.
  public let momentum: Double
  /// What is added to the variance.
  public let epsilon: Double

  /// A layer for `channels` channels.
  public init(channels: Int, momentum: Double = 0.1, epsilon: Double = 1e-5, of type: Scalar.Type = Float.self) {
    (scale, offset) = (.ones([channels]), .zeros([channels]))
    (mean, variance) = (RunningStatistic(.zeros([channels])), RunningStatistic(.ones([channels])))
    (self.momentum, self.epsilon) = (momentum, epsilon)
  }

  public mutating func callAsFunction(_ x: Tensor<Scalar>, _ pass: inout ForwardPass) -> Tensor<Scalar> {
    let channels = scale.dimensions[0]
    guard x.rank >= 2, x.mayHave(channels, at: -1) else {
      return misfit("BatchNorm", takes: "[batch, …, \(channels)]", x.untyped, shape: x.shape)
    }
    guard pass.isTraining else {
      let y = batchNorm(
        x, mean: mean.value, variance: variance.value, scale: scale, offset: offset, epsilon: Scalar(epsilon))
      return noted("BatchNorm", y)
    }
    let batch = batchStatistics(x)
    let count = x.elementCount(along: Array(0..<x.rank - 1))
    mean.move(to: batch.mean, momentum: momentum)
    variance.move(to: batch.variance * (count / maximum(count - 1, 1)), momentum: momentum)
    return batchNorm(x, scale: scale, offset: offset, epsilon: Scalar(epsilon))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&scale, "scale")
    visitor.visit(&offset, "offset")
    visitor.visit(&mean, "mean")
    visitor.visit(&variance, "variance")
    visitor.constant(momentum, "momentum")
    visitor.constant(epsilon, "epsilon")
  }
}

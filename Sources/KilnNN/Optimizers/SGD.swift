public import Kiln

/// Gradient descent: p -= rate · g. With momentum m, v = m · v + g and p -= rate · v (Polyak, 1964); with Nesterov's
/// lookahead p -= rate · (g + m · v) (Sutskever and others, "On the importance of initialization and momentum in deep
/// learning", 2013). The rate is 0.01 if an optimizer is not given one.
public struct SGD: UpdateRule {
  public static var defaultRate: Double { 1e-2 }
  /// What of a velocity is left after a step: from 0 to below 1.
  public var momentum: Double
  /// Whether the gradient is taken as if the next step of the velocity had been made.
  public var isNesterov: Bool

  /// Gradient descent.
  public init(momentum: Double = 0, isNesterov: Bool = false) {
    self.momentum = momentum
    self.isNesterov = isNesterov
  }

  public func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] {
    momentum == 0 ? [] : [("velocity", .zeros(like: parameter))]
  }

  public func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>
  ) {
    if momentum == 0 {
      parameter -= step.rate * gradient
      return
    }
    let kept = Tensor(Scalar(momentum))
    slots[0] = kept * slots[0] + gradient
    parameter -= step.rate * (isNesterov ? gradient + kept * slots[0] : slots[0])
  }
}

/// The sign of a mean of gradients (Chen and others, "Symbolic Discovery of Optimization Algorithms", 2023):
/// p -= rate · sign(β₁ m + (1 - β₁) g), then m = β₂ m + (1 - β₂) g. The rate is 1e-4 if an optimizer is not given one.
public struct Lion: UpdateRule {
  public static var defaultRate: Double { 1e-4 }
  /// What of the mean goes into the step.
  public var beta1: Double
  /// What of the mean is left after a step.
  public var beta2: Double

  /// Lion.
  public init(beta1: Double = 0.9, beta2: Double = 0.99) {
    self.beta1 = beta1
    self.beta2 = beta2
  }

  public func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] {
    [("mean", .zeros(like: parameter))]
  }

  public func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>
  ) {
    parameter -= step.rate * sign(mean(slots[0], gradient, beta1))
    slots[0] = mean(slots[0], gradient, beta2)
  }
}

/// `decay` · old + (1 - `decay`) · new.
func mean<Scalar: TensorReal>(_ old: Tensor<Scalar>, _ new: Tensor<Scalar>, _ decay: Double) -> Tensor<Scalar> {
  Tensor(Scalar(decay)) * old + Tensor(Scalar(1 - decay)) * new
}

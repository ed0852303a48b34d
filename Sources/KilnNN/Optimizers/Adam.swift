public import Kiln

/// Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015): m = β₁ m + (1 - β₁) g,
/// v = β₂ v + (1 - β₂) g², p -= rate · m̂ / (√v̂ + ε) with m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ). The rate is 1e-3
/// if an optimizer is not given one.
public struct Adam: UpdateRule {
  public static var defaultRate: Double { 1e-3 }
  /// What of the mean of the gradients is left after a step.
  public var beta1: Double
  /// What of the mean of their squares is left after a step.
  public var beta2: Double
  /// What is added to the root, so that nothing is divided by 0.
  public var epsilon: Double

  /// Adam.
  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  public func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] {
    [("mean", .zeros(like: parameter)), ("square", .zeros(like: parameter))]
  }

  public func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>
  ) {
    slots[0] = mean(slots[0], gradient, beta1)
    slots[1] = mean(slots[1], gradient * gradient, beta2)
    let root = sqrt(slots[1] / step.correction(beta2)) + Tensor(Scalar(epsilon))
    parameter -= step.rate / step.correction(beta1) * slots[0] / root
  }
}

/// Adam whose parameters decay beside it, by 0.01 if an optimizer is not given a decay (Loshchilov and Hutter,
/// "Decoupled Weight Decay Regularization", 2019).
public struct AdamW: UpdateRule {
  public static var defaultRate: Double { Adam.defaultRate }
  public static var defaultDecay: WeightDecay? { .decoupled(0.01) }
  /// The rule for the gradient.
  public var adam: Adam

  /// Adam with decay.
  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8) {
    adam = Adam(beta1: beta1, beta2: beta2, epsilon: epsilon)
  }

  public func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] {
    adam.slots(for: parameter)
  }

  public func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>
  ) { adam.update(&parameter, by: gradient, &slots, at: step) }
}

/// Adam with the greatest of the decaying magnitudes instead of the root of their mean square (Kingma and Ba, 2015,
/// section 7.1): u = max(β₂ u, |g| + ε), p -= rate / (1 - β₁ᵗ) · m / u. The rate is 2e-3 if an optimizer is not given
/// one.
public struct Adamax: UpdateRule {
  public static var defaultRate: Double { 2e-3 }
  /// What of the mean of the gradients is left after a step.
  public var beta1: Double
  /// What of the greatest magnitude is left after a step.
  public var beta2: Double
  /// What is added to magnitudes, so that nothing is divided by 0.
  public var epsilon: Double

  /// Adamax.
  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  public func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] {
    [("mean", .zeros(like: parameter)), ("greatest", .zeros(like: parameter))]
  }

  public func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>
  ) {
    slots[0] = mean(slots[0], gradient, beta1)
    slots[1] = maximum(Tensor(Scalar(beta2)) * slots[1], abs(gradient) + Tensor(Scalar(epsilon)))
    parameter -= step.rate / step.correction(beta1) * slots[0] / slots[1]
  }
}

/// Adam with Nesterov's momentum (Dozat, "Incorporating Nesterov Momentum into Adam", 2016): with
/// μₜ = β₁ (1 - 0.96^(t ψ) / 2) and Mₜ = μ₁ ⋯ μₜ,
/// p -= rate · ((1 - μₜ) / (1 - Mₜ) · g + μₜ₊₁ / (1 - Mₜ₊₁) · m) / (√v̂ + ε). The rate is 2e-3 if an optimizer is not
/// given one.
public struct NAdam: UpdateRule {
  public static var defaultRate: Double { 2e-3 }
  /// What of the mean of the gradients is left after a step.
  public var beta1: Double
  /// What of the mean of their squares is left after a step.
  public var beta2: Double
  /// What is added to the root, so that nothing is divided by 0.
  public var epsilon: Double
  /// ψ, how soon the momentum has grown to β₁.
  public var momentumDecay: Double

  /// NAdam.
  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, momentumDecay: Double = 4e-3) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.momentumDecay = momentumDecay
  }

  public func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] {
    [("mean", .zeros(like: parameter)), ("square", .zeros(like: parameter)), ("momenta", .ones([Int]()))]
  }

  public func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>
  ) {
    func momentum(_ number: Tensor<Scalar>) -> Tensor<Scalar> {
      let power = step.power(0.96, number * Tensor(Scalar(momentumDecay)))
      return Tensor(Scalar(beta1)) * (Tensor(1) - Tensor(0.5) * power)
    }
    let (now, next) = (momentum(step.number), momentum(step.number + 1))
    slots[0] = mean(slots[0], gradient, beta1)
    slots[1] = mean(slots[1], gradient * gradient, beta2)
    slots[2] = slots[2] * now
    let root = sqrt(slots[1] / step.correction(beta2)) + Tensor(Scalar(epsilon))
    let ofGradient = (Tensor(1) - now) / (Tensor(1) - slots[2])
    let ofMean = next / (Tensor(1) - slots[2] * next)
    parameter -= step.rate * (ofGradient * gradient + ofMean * slots[0]) / root
  }
}

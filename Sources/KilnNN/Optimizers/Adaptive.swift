public import Kiln

/// RMSProp (Hinton, "Neural Networks for Machine Learning", lecture 6, 2012): v = α v + (1 - α) g²,
/// p -= rate · g / (√v + ε). Centered, the square of a mean of the gradients is taken from v; with momentum m,
/// b = m · b + g / (√v + ε) and p -= rate · b. The rate is 0.01 if an optimizer is not given one.
public struct RMSProp: UpdateRule {
  public static var defaultRate: Double { 1e-2 }
  /// α, what of the mean of the squares is left after a step.
  public var decay: Double
  /// What is added to the root, so that nothing is divided by 0.
  public var epsilon: Double
  /// What of a velocity is left after a step.
  public var momentum: Double
  /// Whether gradients are divided by their deviation from their mean.
  public var isCentered: Bool

  /// RMSProp.
  public init(decay: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0, isCentered: Bool = false) {
    self.decay = decay
    self.epsilon = epsilon
    self.momentum = momentum
    self.isCentered = isCentered
  }

  public func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] {
    let names = ["square"] + (isCentered ? ["mean"] : []) + (momentum > 0 ? ["velocity"] : [])
    return names.map { ($0, .zeros(like: parameter)) }
  }

  public func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>
  ) {
    slots[0] = mean(slots[0], gradient * gradient, decay)
    var square = slots[0]
    if isCentered {
      slots[1] = mean(slots[1], gradient, decay)
      square -= slots[1] * slots[1]
    }
    var change = gradient / (sqrt(square) + Tensor(Scalar(epsilon)))
    if momentum > 0 {
      change += Tensor(Scalar(momentum)) * slots[slots.count - 1]
      slots[slots.count - 1] = change
    }
    parameter -= step.rate * change
  }
}

/// Adagrad (Duchi, Hazan and Singer, "Adaptive Subgradient Methods", 2011): s += g², p -= rate · g / (√s + ε). The rate
/// is 0.01 if an optimizer is not given one.
public struct Adagrad: UpdateRule {
  public static var defaultRate: Double { 1e-2 }
  /// What s begins with.
  public var initialSquare: Double
  /// What is added to the root, so that nothing is divided by 0.
  public var epsilon: Double

  /// Adagrad.
  public init(initialSquare: Double = 0, epsilon: Double = 1e-10) {
    self.initialSquare = initialSquare
    self.epsilon = epsilon
  }

  public func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] {
    [("square", .full(parameter.shape, Scalar(initialSquare)))]
  }

  public func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>
  ) {
    slots[0] += gradient * gradient
    parameter -= step.rate * gradient / (sqrt(slots[0]) + Tensor(Scalar(epsilon)))
  }
}

/// Adadelta (Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012): v = ρ v + (1 - ρ) g²,
/// d = √(u + ε) / √(v + ε) · g, u = ρ u + (1 - ρ) d², p -= rate · d. The rate is 1 if an optimizer is not given one.
public struct Adadelta: UpdateRule {
  public static var defaultRate: Double { 1 }
  /// ρ, what of the means is left after a step.
  public var decay: Double
  /// What is added under the roots.
  public var epsilon: Double

  /// Adadelta.
  public init(decay: Double = 0.9, epsilon: Double = 1e-6) {
    self.decay = decay
    self.epsilon = epsilon
  }

  public func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] {
    [("square", .zeros(like: parameter)), ("change", .zeros(like: parameter))]
  }

  public func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>
  ) {
    let small = Tensor(Scalar(epsilon))
    slots[0] = mean(slots[0], gradient * gradient, decay)
    let change = sqrt(slots[1] + small) / sqrt(slots[0] + small) * gradient
    slots[1] = mean(slots[1], change * change, decay)
    parameter -= step.rate * change
  }
}

/// Adafactor (Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018): of a matrix,
/// the last two axes, the mean squares of rows and columns alone are kept.
///
/// With ρ = min(rate, 1/√t), the step is max(ε₂, RMS(p)) · ρ · u / max(1, RMS(u) / d), where u is the gradient divided
/// by the root of its estimated mean square, which is at least ε₁. The rate is 0.01 if an optimizer is not given one.
public struct Adafactor: UpdateRule {
  public static var defaultRate: Double { 1e-2 }
  /// 1 - β₂ is t to this power.
  public var decayPower: Double
  /// ε₁, the least root that is divided by, which f32 has to have, and so its square.
  public var epsilon1: Double
  /// ε₂, the least size of a parameter.
  public var epsilon2: Double
  /// d, the size above which an update is made smaller.
  public var threshold: Double

  /// Adafactor.
  public init(decayPower: Double = -0.8, epsilon1: Double = 1e-15, epsilon2: Double = 1e-3, threshold: Double = 1) {
    self.decayPower = decayPower
    self.epsilon1 = epsilon1
    self.epsilon2 = epsilon2
    self.threshold = threshold
  }

  public func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] {
    if parameter.rank < 2 { return [("square", .zeros(like: parameter))] }
    let shape = parameter.dimensions
    return [
      ("rows", .zeros(shape.dropLast() + [1])), ("columns", .zeros(shape.dropLast(2) + [1, shape[shape.count - 1]])),
    ]
  }

  public func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>
  ) {
    func size(_ x: Tensor<Scalar>) -> Tensor<Scalar> { sqrt((x * x).mean()) }
    let small = Tensor(Scalar(epsilon1))
    let share = pow(step.number, Tensor(Scalar(decayPower)))
    let squares = gradient * gradient
    func move(_ place: Int, _ new: Tensor<Scalar>) { slots[place] = slots[place] + share * (new - slots[place]) }
    var estimate: Tensor<Scalar>
    if parameter.rank < 2 {
      move(0, squares)
      estimate = slots[0]
    } else {
      move(0, squares.mean(axes: [-1], keepDims: true))
      move(1, squares.mean(axes: [-2], keepDims: true))
      estimate = slots[0] * slots[1] / maximum(slots[0].mean(axes: [-2], keepDims: true), small)
    }
    let update = gradient * rsqrt(maximum(estimate, small * small))
    let factor = minimum(step.rate, rsqrt(step.number)) * maximum(Tensor(Scalar(epsilon2)), size(parameter))
    parameter -= factor / maximum(Tensor(1), size(update) / Tensor(Scalar(threshold))) * update
  }
}

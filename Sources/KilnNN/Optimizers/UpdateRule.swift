public import Kiln

/// How an optimizer changes one parameter by its gradient: `SGD`, `Adam` and the like, or one of your own.
///
/// ```swift
/// /// Steps of the same length in each direction.
/// struct SignDescent: UpdateRule {
///   static var defaultRate: Double { 1e-3 }
///   func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)] { [] }
///   func update<Scalar: TensorReal>(
///     _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
///     at step: UpdateStep<Scalar>
///   ) { parameter -= step.rate * sign(gradient) }
/// }
/// ```
/// A rule is a part of the program: with other numbers in it a step is compiled again. What changes from step to step
/// is the rate, which `Optimizer` has as a tensor, and the slots.
public protocol UpdateRule: Hashable, Sendable {
  /// The rate of an optimizer that is not given one.
  static var defaultRate: Double { get }
  /// The decay of an optimizer that is not given one; none but for `AdamW`.
  static var defaultDecay: WeightDecay? { get }

  /// What the rule keeps for `parameter` from step to step, as it begins: zeros of its shape, for most.
  func slots<Scalar: TensorReal>(for parameter: Tensor<Scalar>) -> [(name: String, tensor: Tensor<Scalar>)]

  /// Changes `parameter` by `gradient`, and `slots`, which are in the order of `slots(for:)`.
  func update<Scalar: TensorReal>(
    _ parameter: inout Tensor<Scalar>, by gradient: Tensor<Scalar>, _ slots: inout [Tensor<Scalar>],
    at step: UpdateStep<Scalar>)
}

extension UpdateRule {
  public static var defaultDecay: WeightDecay? { nil }
}

/// Which step of an optimizer it is.
public struct UpdateStep<Scalar: TensorReal>: Sendable {
  /// The rate of this step, a scalar.
  public let rate: Tensor<Scalar>
  /// The number of the step, a scalar: 1, 2, …
  public let number: Tensor<Scalar>

  /// 1 - `decay`ᵗ for the t-th step: what a mean that began with 0 is divided by (Kingma and Ba, 2015). It has all its
  /// digits, also where `decay` is near 1.
  public func correction(_ decay: Double) -> Tensor<Scalar> { -expMinusOne(number * logarithm(decay)) }

  /// `base` to the power of `exponent`, for a base from 0 to 2.
  func power(_ base: Double, _ exponent: Tensor<Scalar>) -> Tensor<Scalar> { exp(exponent * logarithm(base)) }

  private func logarithm(_ base: Double) -> Tensor<Scalar> { logOnePlus(Tensor(Scalar(base - 1))) }
}

/// Parameters that are drawn to 0 in each step.
public struct WeightDecay: Sendable {
  let amount: Double
  let isDecoupled: Bool
  let includes: @Sendable (String) -> Bool

  /// Decay beside the rule: from each parameter p, rate · `amount` · p is taken (Loshchilov and Hutter, "Decoupled
  /// Weight Decay Regularization", 2019).
  /// - Parameter includes: whether the parameter of this name decays.
  public static func decoupled(
    _ amount: Double, where includes: @escaping @Sendable (_ name: String) -> Bool = { _ in true }
  ) -> WeightDecay { WeightDecay(amount: amount, isDecoupled: true, includes: includes) }

  /// Decay as a part of the loss, amount / 2 · p²: `amount` · p is added to the gradient.
  /// - Parameter includes: whether the parameter of this name decays.
  public static func inGradient(
    _ amount: Double, where includes: @escaping @Sendable (_ name: String) -> Bool = { _ in true }
  ) -> WeightDecay { WeightDecay(amount: amount, isDecoupled: false, includes: includes) }
}

/// Gradients that are made shorter where they are long.
public enum GradientClipping: Hashable, Sendable {
  /// Every element held between minus this and this.
  case value(Double)
  /// The gradient of each parameter scaled to this length where it is longer.
  case norm(Double)
  /// All gradients scaled together, so that their length as one vector is at most this (Pascanu, Mikolov and Bengio,
  /// "On the difficulty of training recurrent neural networks", 2013).
  case globalNorm(Double)

  var bound: Double {
    switch self {
    case .value(let bound), .norm(let bound), .globalNorm(let bound): bound
    }
  }

  func clipped<Scalar: TensorReal>(_ gradients: [Tensor<Scalar>]) -> [Tensor<Scalar>] {
    let bound = Tensor(Scalar(bound))
    func square(_ gradient: Tensor<Scalar>) -> Tensor<Scalar> { (gradient * gradient).sum() }
    // 1, in every bit, where nothing is clipped.
    func scale(_ squares: Tensor<Scalar>) -> Tensor<Scalar> { bound / maximum(sqrt(squares), bound) }
    switch self {
    case .value: return gradients.map { clamp($0, -bound, bound) }
    case .norm: return gradients.map { $0 * scale(square($0)) }
    case .globalNorm:
      guard let first = gradients.first else { return [] }
      let factor = scale(gradients.dropFirst().reduce(square(first)) { $0 + square($1) })
      return gradients.map { $0 * factor }
    }
  }
}

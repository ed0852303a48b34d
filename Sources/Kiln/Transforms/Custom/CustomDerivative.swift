public import KilnIR
import KilnPasses

/// A function with derivative and batching rules of its own; made by `withDerivative`. Compiled functions may capture
/// it.
public struct CustomFunction<Output: TensorTree, each Input: TensorTree>: Sendable {
  fileprivate let body: @Sendable (repeat each Input) -> Output
  fileprivate let pullback: (@Sendable (PullbackArguments<(repeat each Input), Output>) -> (repeat each Input))?
  fileprivate let tangent: (@Sendable (TangentArguments<(repeat each Input), Output>) -> Output)?
  fileprivate let batched: (@Sendable (BatchedArguments<(repeat each Input)>) -> Output)?
  fileprivate let transform: ClosureTransform<Output>

  /// What the function gives.
  public func callAsFunction(_ input: repeat each Input) -> Output {
    transform.call(body, at: repeat each input) { closure throws(KilnError) in
      try rules.run(closure, (repeat each input))
    }
  }

  /// What the function gives.
  /// - Throws: every diagnostic of the function, of its rules (`withDerivative.C1` a rule gives other types than it
  ///   must), or of the run.
  public func run(_ input: repeat each Input) throws(KilnError) -> Output {
    try transform.run(body, at: repeat each input) { closure throws(KilnError) in
      try rules.run(closure, (repeat each input))
    }
  }

  private var rules: CustomRules<(repeat each Input), Output> {
    CustomRules(arguments: .trees(), pullback: pullback, tangent: tangent, batched: batched)
  }
}

/// What the pullback of a `CustomFunction` is given: the arguments (a tuple if there are several), the value there, and
/// the cotangent of the value.
// A structure, since Swift 6.3 crashes on closures that take a tuple of a parameter pack beside other parameters.
public struct PullbackArguments<Input, Output> {
  /// The argument, or a tuple of the arguments.
  public let input: Input
  /// The value of the function there.
  public let value: Output
  /// The cotangent of the value: what a change of it would change at the end.
  public let cotangent: Output
}

/// What the tangent rule of a `CustomFunction` is given: the arguments (a tuple if there are several), the value there,
/// and the tangents of the arguments.
public struct TangentArguments<Input, Output> {
  /// The argument, or a tuple of the arguments.
  public let input: Input
  /// The value of the function there.
  public let value: Output
  /// The tangents of the arguments: the direction of the derivative.
  public let tangent: Input
}

/// What the batching rule of a `CustomFunction` is given: the arguments (a tuple if there are several), each with a
/// leading axis of examples.
public struct BatchedArguments<Input> {
  /// The argument, or a tuple of the arguments, with a leading axis of examples.
  public let input: Input
}

/// The function `f` with a derivative of your own instead of the one that Kiln makes: where a formula is known that is
/// more accurate or cheaper, or where the derivative should not be that of the value (a straight-through estimator, a
/// clipped gradient).
///
/// ```swift
/// let logOnePlusExp = withDerivative({ (x: Tensor<Float>) in log(1 + exp(x)) },
///   pullback: { at in at.cotangent * (1 - exp(-at.value)) })
/// ```
/// One rule serves both modes: forward mode takes the transpose of the pullback, reverse mode that of the tangent rule,
/// which is why a rule must be linear in its cotangent or tangent. Rules are made of ordinary operations and may be
/// differentiated again. Values captured by `f` or by a rule have no derivative: if one is wanted, that is a diagnostic
/// (`differentiate.C2`).
///
/// - Parameters:
///   - pullback: the cotangents of the arguments. Those of tensors that are not real are not looked at.
///   - tangent: the tangent of the value.
///   - batched: the function on a batch: arguments and value have a leading axis of examples. It is asked for when the
///     function is called inside `vmap`; without it the batched function is made from `f`.
public func withDerivative<Output: TensorTree, each Input: TensorTree>(
  _ f: @escaping @Sendable (repeat each Input) -> Output,
  pullback: (@Sendable (PullbackArguments<(repeat each Input), Output>) -> (repeat each Input))? = nil,
  tangent: (@Sendable (TangentArguments<(repeat each Input), Output>) -> Output)? = nil,
  batched: (@Sendable (BatchedArguments<(repeat each Input)>) -> Output)? = nil, file: StaticString = #filePath,
  line: UInt = #line
) -> CustomFunction<Output, repeat each Input> {
  CustomFunction(
    body: f, pullback: pullback, tangent: tangent, batched: batched,
    transform: ClosureTransform(SourceLocation(file, line), .tree()))
}

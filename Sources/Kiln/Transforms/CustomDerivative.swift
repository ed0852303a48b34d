public import KilnIR
import KilnPasses

/// A function with derivative and batching rules of its own; made by `withDerivative`.
public struct CustomFunction<Output: TensorTree, each Input: TensorTree> {
  fileprivate let body: (repeat each Input) -> Output
  fileprivate let pullback: (((repeat each Input), Output, Output) -> (repeat each Input))?
  fileprivate let tangent: (((repeat each Input), Output, (repeat each Input)) -> Output)?
  fileprivate let batched: (((repeat each Input)) -> Output)?
  fileprivate let location: SourceLocation

  /// What the function gives.
  public func callAsFunction(_ input: repeat each Input) -> Output {
    var returned: Output?
    do throws(KilnError) {
      return try run(repeat each input, returned: &returned)
    } catch {
      return OutputShape.tree().poisoned(returned, by: error)
    }
  }

  /// What the function gives.
  /// - Throws: every diagnostic of the function, of its rules (`withDerivative.C1` a rule gives other types than it must), or of
  ///   the run.
  public func run(_ input: repeat each Input) throws(KilnError) -> Output {
    var returned: Output?
    do throws(KilnError) {
      return try run(repeat each input, returned: &returned)
    } catch {
      throw error.resolved(else: location)
    }
  }

  private func run(_ input: repeat each Input, returned: inout Output?) throws(KilnError) -> Output {
    let shape = OutputShape<Output>.tree()
    let closure = try TransformedClosure(
      location, body, at: repeat each input, visitOutput: shape.visit, output: &returned)
    guard let value = returned else { throw KilnError("trace.C4", "the closure did not run", at: location) }
    let rules = CustomRules(
      arguments: .trees(), value: shape, pullback: pullback, tangent: tangent, batched: batched, location: location)
    return try rules.run(closure, (repeat each input), value)
  }
}

/// The function `f` with a derivative of your own in the place of the one that Kiln makes: where a formula is known that is more
/// accurate or cheaper, or where the derivative should not be that of the value (a straight-through estimator, a clipped
/// gradient).
///
/// ```swift
/// let logOnePlusExp = withDerivative({ (x: Tensor<Float>) in log(1 + exp(x)) },
///   pullback: { x, y, cotangent in cotangent * (1 - exp(-y)) })
/// ```
/// One rule serves both modes: forward mode takes the transpose of the pullback, reverse mode that of the tangent rule, which is why a
/// rule must be linear in its cotangent or tangent. Rules are made of ordinary operations and may be differentiated again. Values
/// captured by `f` or by a rule have no derivative: if one is wanted, that is a diagnostic (`differentiate.C2`).
///
/// - Parameters:
///   - pullback: from the arguments (a tuple if there are several), the value and its cotangent the cotangents of the arguments.
///     Those of tensors that are not real are not looked at.
///   - tangent: from the arguments, the value and the tangents of the arguments the tangent of the value.
///   - batched: the function on a batch: arguments (a tuple if there are several) and value have a leading axis of examples. It is asked for when the function is
///     called inside `vmap`; without it the batched function is made from `f`.
public func withDerivative<Output: TensorTree, each Input: TensorTree>(
  _ f: @escaping (repeat each Input) -> Output,
  pullback: (((repeat each Input), Output, Output) -> (repeat each Input))? = nil,
  tangent: (((repeat each Input), Output, (repeat each Input)) -> Output)? = nil,
  batched: (((repeat each Input)) -> Output)? = nil, file: StaticString = #fileID, line: UInt = #line
) -> CustomFunction<Output, repeat each Input> {
  CustomFunction(
    body: f, pullback: pullback, tangent: tangent, batched: batched, location: SourceLocation(file, line))
}

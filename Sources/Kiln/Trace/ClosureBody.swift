/// How the compiler reads a closure that is one expression: as a statement of its own, which it checks when the types
/// of the closure's parameters are known, and not together with the call. That is what makes a formula in an untyped
/// closure take milliseconds, where together with the call it took seconds or failed (Documentation/Decisions/0001).
///
/// The value stays what it is. Only the functions that take closures write this attribute.
@resultBuilder
public enum ClosureBody {
  /// A formula. That it is known to give a tensor is what makes it quick to check.
  public static func buildExpression<Scalar>(_ tensor: Tensor<Scalar>) -> Tensor<Scalar> { tensor }
  /// Two formulas.
  public static func buildExpression<First, Second>(
    _ pair: (Tensor<First>, Tensor<Second>)
  ) -> (Tensor<First>, Tensor<Second>) { pair }
  /// Anything else: a tree, several in a tuple.
  @_disfavoredOverload public static func buildExpression<Value>(_ value: Value) -> Value { value }

  /// The one statement of the closure.
  public static func buildBlock<Value>(_ value: Value) -> Value { value }
  /// A pair, without its labels: results are distinguished by position.
  public static func buildBlock<First, Second>(_ pair: (First, Second)) -> (First, Second) { pair }
  /// The first side of an `if`.
  public static func buildEither<Value>(first value: Value) -> Value { value }
  /// The other side of an `if`.
  public static func buildEither<Value>(second value: Value) -> Value { value }
}

/// `ClosureBody` of a closure that must give a tensor.
@resultBuilder
public enum TensorBody {
  /// The formula.
  public static func buildExpression<Scalar>(_ tensor: Tensor<Scalar>) -> Tensor<Scalar> { tensor }
  /// The one statement of the closure.
  public static func buildBlock<Scalar>(_ tensor: Tensor<Scalar>) -> Tensor<Scalar> { tensor }
  /// The first side of an `if`.
  public static func buildEither<Scalar>(first tensor: Tensor<Scalar>) -> Tensor<Scalar> { tensor }
  /// The other side of an `if`.
  public static func buildEither<Scalar>(second tensor: Tensor<Scalar>) -> Tensor<Scalar> { tensor }
}

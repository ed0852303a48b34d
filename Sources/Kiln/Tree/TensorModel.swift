import KilnIR

/// A tree with arithmetic: a struct of parameters, to which an update is added.
///
/// ```swift
/// struct Network: TensorModel {
///   var hidden: Dense
///   var output: Dense
///   mutating func visit(_ visitor: inout some TensorVisitor) {
///     visitor.visit(&hidden, "hidden")
///     visitor.visit(&output, "output")
///   }
/// }
/// velocity = 0.9 * velocity + gradient
/// network -= rate * velocity
/// ```
/// Sums and differences are of tensors at the same places, which broadcast; other names or element types are a
/// diagnostic (`tree.C4`). A factor multiplies every real tensor, rounded to its element type: a Swift number on either
/// side, or a real tensor, which broadcasts, on the left. Tensors that are not real, such as a count of steps, stay
/// those of the left tree.
///
/// Only what takes part in a formula needs to conform, not what it is made of. Tensors and collections do not: their
/// operators have other meanings.
public protocol TensorModel: TensorTree {}

// Formulas of tensors pay for each operator that the compiler could mean (Documentation/Decisions/0001): so these are
// disfavoured, to them a tensor is not a kind of number, and it stands on one side only.
extension TensorModel {
  /// The sum, tensor by tensor.
  @_disfavoredOverload public static func + (a: Self, b: Self) -> Self { a.combined(.add, with: b) }
  /// The difference, tensor by tensor.
  @_disfavoredOverload public static func - (a: Self, b: Self) -> Self { a.combined(.subtract, with: b) }
  /// Every real tensor negated.
  @_disfavoredOverload public static prefix func - (a: Self) -> Self {
    a.replacing { $0.dtype.isReal ? AnyTensor(emit(.map(.negate), [$0.core])) : $0 }
  }

  /// Every real tensor multiplied with `factor`.
  @_disfavoredOverload public static func * <Factor: BinaryFloatingPoint>(factor: Factor, a: Self) -> Self {
    a.mapped(with: .number(Double(factor))) { factor, tensor in emit(.map(.multiply), [factor, tensor]) }
  }
  /// Every real tensor multiplied with `factor`.
  @_disfavoredOverload public static func * <Factor: BinaryFloatingPoint>(a: Self, factor: Factor) -> Self {
    a.mapped(with: .number(Double(factor))) { factor, tensor in emit(.map(.multiply), [tensor, factor]) }
  }
  /// Every real tensor divided by `divisor`.
  @_disfavoredOverload public static func / <Divisor: BinaryFloatingPoint>(a: Self, divisor: Divisor) -> Self {
    a.mapped(with: .number(Double(divisor))) { divisor, tensor in emit(.map(.divide), [tensor, divisor]) }
  }
  /// Every real tensor multiplied with `factor`, which broadcasts.
  @_disfavoredOverload public static func * <Scalar: TensorReal>(factor: Tensor<Scalar>, a: Self) -> Self {
    a.mapped(with: .tensor(factor.core)) { factor, tensor in emit(.map(.multiply), [factor, tensor]) }
  }

  /// Adds tensor by tensor.
  public static func += (a: inout Self, b: Self) { a = a + b }
  /// Subtracts tensor by tensor.
  public static func -= (a: inout Self, b: Self) { a = a - b }
  /// Multiplies every real tensor with `factor`.
  public static func *= <Factor: BinaryFloatingPoint>(a: inout Self, factor: Factor) { a = a * factor }
  /// Multiplies every real tensor with `factor`, which broadcasts.
  public static func *= <Scalar: TensorReal>(a: inout Self, factor: Tensor<Scalar>) { a = factor * a }
  /// Divides every real tensor by `divisor`.
  public static func /= <Divisor: BinaryFloatingPoint>(a: inout Self, divisor: Divisor) { a = a / divisor }

  private func combined(_ op: ScalarFunction, with other: Self) -> Self {
    let (own, others) = (tensors, other.tensors)
    var result = self
    if let diagnostic = TreeStructure.difference([own, others]) {
      result.replaceTensors(by: Failure.poison(diagnostic, own.map(\.tensor)))
      return result
    }
    result.replaceTensors(
      by: zip(own, others).map { a, b in
        a.tensor.dtype.isReal ? AnyTensor(emit(.map(op), [a.tensor.core, b.tensor.core])) : a.tensor
      })
    return result
  }

  private func mapped(with factor: ModelFactor, _ transform: (TensorCore, TensorCore) -> TensorCore) -> Self {
    var factors: [DType: TensorCore] = [:]
    return replacing { tensor in
      guard tensor.dtype.isReal else { return tensor }
      let scale = factors[tensor.dtype] ?? factor.core(tensor.dtype)
      factors[tensor.dtype] = scale
      return AnyTensor(transform(scale, tensor.core))
    }
  }
}

/// What the tensors of a model are multiplied with.
private enum ModelFactor {
  case number(Double)
  case tensor(TensorCore)

  func core(_ dtype: DType) -> TensorCore {
    switch self {
    case .number(let value): .constant(Literal(splat: Scalar(dtype, value)))
    case .tensor(let core): core.type.dtype == dtype ? core : emit(.type(.convert(dtype)), [core])
    }
  }
}

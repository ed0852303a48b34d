public import KilnIR

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
/// Sums and differences are of tensors at the same places, which broadcast; other names or element types are a diagnostic
/// (`tree.C4`). A factor multiplies every real tensor, rounded to its element type. Tensors that are not real, such as a
/// count of steps, stay those of the left tree.
///
/// Only what takes part in a formula needs to conform, not what it is made of. Tensors and collections do not: their
/// operators have other meanings.
public protocol TensorModel: TensorTree {}

/// What a `TensorModel` is multiplied with: `Float`, `Double`, or a real tensor, which broadcasts.
public protocol TensorModelFactor {
  /// The factor of tensors of `dtype`, a real type.
  func modelFactor(_ dtype: DType) -> AnyTensor
}

extension Float: TensorModelFactor {
  public func modelFactor(_ dtype: DType) -> AnyTensor { Double(self).modelFactor(dtype) }
}

extension Double: TensorModelFactor {
  public func modelFactor(_ dtype: DType) -> AnyTensor {
    AnyTensor(.constant(Literal(splat: Scalar(dtype, self))))
  }
}

extension Tensor: TensorModelFactor where Scalar: TensorReal {
  public func modelFactor(_ dtype: DType) -> AnyTensor {
    dtype == self.dtype ? untyped : AnyTensor(emit(.type(.convert(dtype)), [core]))
  }
}

// The compiler tries the operators that are disfavoured only where no other fits, so formulas of tensors do not pay for
// them (Documentation/Decisions/0004).
extension TensorModel {
  /// The sum, tensor by tensor.
  @_disfavoredOverload public static func + (a: Self, b: Self) -> Self { a.combined(.add, with: b) }
  /// The difference, tensor by tensor.
  @_disfavoredOverload public static func - (a: Self, b: Self) -> Self { a.combined(.subtract, with: b) }
  /// Every real tensor multiplied with `factor`.
  @_disfavoredOverload public static func * (factor: some TensorModelFactor, a: Self) -> Self {
    a.scaled(.multiply, by: factor, first: true)
  }
  /// Every real tensor multiplied with `factor`.
  @_disfavoredOverload public static func * (a: Self, factor: some TensorModelFactor) -> Self {
    a.scaled(.multiply, by: factor)
  }
  /// Every real tensor divided by `divisor`.
  @_disfavoredOverload public static func / (a: Self, divisor: some TensorModelFactor) -> Self {
    a.scaled(.divide, by: divisor)
  }
  /// Every real tensor negated.
  @_disfavoredOverload public static prefix func - (a: Self) -> Self {
    a.replacing { $0.dtype.isReal ? AnyTensor(emit(.map(.negate), [$0.core])) : $0 }
  }

  /// Adds tensor by tensor.
  public static func += (a: inout Self, b: Self) { a = a + b }
  /// Subtracts tensor by tensor.
  public static func -= (a: inout Self, b: Self) { a = a - b }
  /// Multiplies every real tensor with `factor`.
  public static func *= (a: inout Self, factor: some TensorModelFactor) { a = a * factor }
  /// Divides every real tensor by `divisor`.
  public static func /= (a: inout Self, divisor: some TensorModelFactor) { a = a / divisor }

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

  private func scaled(_ op: ScalarFunction, by factor: some TensorModelFactor, first: Bool = false) -> Self {
    // One for each element type.
    var factors: [DType: TensorCore] = [:]
    return replacing { tensor in
      guard tensor.dtype.isReal else { return tensor }
      let scale = factors[tensor.dtype] ?? factor.modelFactor(tensor.dtype).core
      factors[tensor.dtype] = scale
      return AnyTensor(emit(.map(op), first ? [scale, tensor.core] : [tensor.core, scale]))
    }
  }
}

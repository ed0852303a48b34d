import KilnIR

// Literals beside a tensor are read by the operators on two tensors, Swift variables by the mixed ones
// (Documentation/Decisions/0001).

extension Tensor where Scalar: TensorNumber {
  /// The sum, element by element; integers wrap.
  public static func + (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.add), [a.core, b.core])) }
  /// The difference, element by element; integers wrap.
  public static func - (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.subtract), [a.core, b.core])) }
  /// The product, element by element; integers wrap. For matrices see `matmul`.
  public static func * (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.multiply), [a.core, b.core])) }
  /// The quotient, element by element; integers truncate, and x / 0 has all bits set.
  public static func / (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.divide), [a.core, b.core])) }
  /// The remainder with the sign of the dividend, element by element; of integers x % 0 is x.
  public static func % (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.remainder), [a.core, b.core])) }

  /// The negative, element by element.
  public static prefix func - (a: Self) -> Self { Tensor(core: emit(.map(.negate), [a.core])) }
  /// The operand.
  public static prefix func + (a: Self) -> Self { a }

  /// Replaces the left operand by the sum.
  public static func += (a: inout Self, b: Self) { a = a + b }
  /// Replaces the left operand by the difference.
  public static func -= (a: inout Self, b: Self) { a = a - b }
  /// Replaces the left operand by the product.
  public static func *= (a: inout Self, b: Self) { a = a * b }
  /// Replaces the left operand by the quotient.
  public static func /= (a: inout Self, b: Self) { a = a / b }
  /// Replaces the left operand by the sum with a number.
  @_disfavoredOverload public static func += (a: inout Self, b: Scalar) { a = a + b }
  /// Replaces the left operand by the difference with a number.
  @_disfavoredOverload public static func -= (a: inout Self, b: Scalar) { a = a - b }
  /// Replaces the left operand by the product with a number.
  @_disfavoredOverload public static func *= (a: inout Self, b: Scalar) { a = a * b }
  /// Replaces the left operand by the quotient with a number.
  @_disfavoredOverload public static func /= (a: inout Self, b: Scalar) { a = a / b }
}

extension TensorOperand where Scalar: TensorNumber {
  /// The sum of each element and a number.
  @_disfavoredOverload public static func + (a: Self, b: Scalar) -> Tensor<Scalar> { a.asTensor + Tensor(b) }
  /// The sum of a number and each element.
  @_disfavoredOverload public static func + (a: Scalar, b: Self) -> Tensor<Scalar> { Tensor(a) + b.asTensor }
  /// The difference of each element and a number.
  @_disfavoredOverload public static func - (a: Self, b: Scalar) -> Tensor<Scalar> { a.asTensor - Tensor(b) }
  /// The difference of a number and each element.
  @_disfavoredOverload public static func - (a: Scalar, b: Self) -> Tensor<Scalar> { Tensor(a) - b.asTensor }
  /// The product of each element and a number.
  @_disfavoredOverload public static func * (a: Self, b: Scalar) -> Tensor<Scalar> { a.asTensor * Tensor(b) }
  /// The product of a number and each element.
  @_disfavoredOverload public static func * (a: Scalar, b: Self) -> Tensor<Scalar> { Tensor(a) * b.asTensor }
  /// The quotient of each element and a number.
  @_disfavoredOverload public static func / (a: Self, b: Scalar) -> Tensor<Scalar> { a.asTensor / Tensor(b) }
  /// The quotient of a number and each element.
  @_disfavoredOverload public static func / (a: Scalar, b: Self) -> Tensor<Scalar> { Tensor(a) / b.asTensor }
  /// The remainder of each element by a number, with the sign of the element.
  @_disfavoredOverload public static func % (a: Self, b: Scalar) -> Tensor<Scalar> { a.asTensor % Tensor(b) }
}

extension Tensor where Scalar: TensorInteger {
  /// The bits that both have, element by element.
  public static func & (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.and), [a.core, b.core])) }
  /// The bits that either has, element by element.
  public static func | (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.or), [a.core, b.core])) }
  /// The bits that one of the two has, element by element.
  public static func ^ (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.xor), [a.core, b.core])) }
  /// The other bits, element by element.
  public static prefix func ~ (a: Self) -> Self { Tensor(core: emit(.map(.not), [a.core])) }
  /// Shifts left; by the width or more gives 0.
  public static func << (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.shiftLeft), [a.core, b.core])) }
  /// Shifts right, of signed types with the sign; by the width or more gives 0 or the sign.
  public static func >> (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.shiftRight), [a.core, b.core])) }
}

import KilnIR

infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .&& : LogicalConjunctionPrecedence
infix operator .|| : LogicalDisjunctionPrecedence
prefix operator .!

extension Tensor {
  /// Where the elements are equal; NaN equals nothing.
  public static func .== (a: Self, b: Self) -> Tensor<Bool> { compare(.equal, a, b) }
  /// Where the elements differ; NaN differs from everything.
  public static func .!= (a: Self, b: Self) -> Tensor<Bool> { compare(.notEqual, a, b) }

  fileprivate static func compare(_ function: ScalarFunction, _ a: Self, _ b: Self) -> Tensor<Bool> {
    Tensor<Bool>(core: emit(.map(function), [a.core, b.core]))
  }
}

extension Tensor where Scalar: TensorNumber {
  /// Where `a` is less; comparisons with NaN are false.
  public static func .< (a: Self, b: Self) -> Tensor<Bool> { compare(.less, a, b) }
  /// Where `a` is less or equal; comparisons with NaN are false.
  public static func .<= (a: Self, b: Self) -> Tensor<Bool> { compare(.lessEqual, a, b) }
  /// Where `a` is greater; comparisons with NaN are false.
  public static func .> (a: Self, b: Self) -> Tensor<Bool> { compare(.greater, a, b) }
  /// Where `a` is greater or equal; comparisons with NaN are false.
  public static func .>= (a: Self, b: Self) -> Tensor<Bool> { compare(.greaterEqual, a, b) }
}

extension TensorOperand where Scalar: TensorNumber {
  /// Where the elements equal a number; NaN equals nothing.
  @_disfavoredOverload public static func .== (a: Self, b: Scalar) -> Tensor<Bool> { a.asTensor .== Tensor(b) }
  /// Where the elements differ from a number; NaN differs from everything.
  @_disfavoredOverload public static func .!= (a: Self, b: Scalar) -> Tensor<Bool> { a.asTensor .!= Tensor(b) }
  /// Where the elements are less than a number; comparisons with NaN are false.
  @_disfavoredOverload public static func .< (a: Self, b: Scalar) -> Tensor<Bool> { a.asTensor .< Tensor(b) }
  /// Where the elements are less than a number or equal; comparisons with NaN are false.
  @_disfavoredOverload public static func .<= (a: Self, b: Scalar) -> Tensor<Bool> { a.asTensor .<= Tensor(b) }
  /// Where the elements are greater than a number; comparisons with NaN are false.
  @_disfavoredOverload public static func .> (a: Self, b: Scalar) -> Tensor<Bool> { a.asTensor .> Tensor(b) }
  /// Where the elements are greater than a number or equal; comparisons with NaN are false.
  @_disfavoredOverload public static func .>= (a: Self, b: Scalar) -> Tensor<Bool> { a.asTensor .>= Tensor(b) }
}

extension Tensor<Bool> {
  /// Where both are true.
  public static func .&& (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.and), [a.core, b.core])) }
  /// Where one is true.
  public static func .|| (a: Self, b: Self) -> Self { Tensor(core: emit(.map(.or), [a.core, b.core])) }
  /// Where the operand is false.
  public static prefix func .! (a: Self) -> Self { Tensor(core: emit(.map(.not), [a.core])) }
}

/// Elements of `x` where `condition` is true, of `y` elsewhere.
public func select<Scalar>(_ condition: Tensor<Bool>, _ x: Tensor<Scalar>, _ y: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.select), [condition.core, x.core, y.core]))
}

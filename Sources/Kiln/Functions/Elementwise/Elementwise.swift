import KilnIR

// Elementwise functions. Each is one `map` instruction; Numerics.md says what its bits are.

/// e to the power x, element by element.
public func exp<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.exp), [x.core])) }
/// exp(x) - 1, exact near 0, element by element.
public func expMinusOne<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.expMinusOne), [x.core]))
}
/// The natural logarithm; NaN below 0, element by element.
public func log<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.log), [x.core])) }
/// log(1 + x), exact near 0, element by element.
public func logOnePlus<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.logOnePlus), [x.core]))
}
/// The square root; NaN below 0, element by element.
public func sqrt<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.sqrt), [x.core]))
}
/// 1 / sqrt(x), rounded twice, element by element.
public func rsqrt<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.rsqrt), [x.core]))
}
/// The sine of x in radians, element by element.
public func sin<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.sin), [x.core])) }
/// The cosine of x in radians, element by element.
public func cos<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.cos), [x.core])) }
/// The hyperbolic tangent, element by element.
public func tanh<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.tanh), [x.core]))
}
/// The error function, element by element.
public func erf<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.erf), [x.core])) }
/// The tangent of x in radians, element by element.
public func tan<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.tan), [x.core])) }
/// The angle in -π/2 ... π/2 whose sine is x; NaN outside -1 ... 1, element by element.
public func asin<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.asin), [x.core]))
}
/// The angle in 0 ... π whose cosine is x; NaN outside -1 ... 1, element by element.
public func acos<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.acos), [x.core]))
}
/// The angle in -π/2 ... π/2 whose tangent is x, element by element.
public func atan<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.atan), [x.core]))
}
/// The hyperbolic sine, element by element.
public func sinh<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.sinh), [x.core]))
}
/// The hyperbolic cosine, element by element.
public func cosh<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.cosh), [x.core]))
}
/// The inverse of `sinh`, element by element.
public func asinh<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.asinh), [x.core]))
}
/// The inverse of `cosh` that is not negative; NaN below 1, element by element.
public func acosh<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.acosh), [x.core]))
}
/// The inverse of `tanh`; infinite at ±1, NaN beyond, element by element.
public func atanh<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.atanh), [x.core]))
}
/// The cube root, element by element.
public func cbrt<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.cbrt), [x.core]))
}
/// 2 to the power x, element by element.
public func exp2<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.exp2), [x.core]))
}
/// The logarithm to base 2; NaN below 0, element by element.
public func log2<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.log2), [x.core]))
}
/// 1 - erf(x), exact where erf(x) is near 1, element by element.
public func erfc<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.erfc), [x.core]))
}
/// The inverse of `erf`; infinite at ±1, NaN beyond, element by element.
public func erfInverse<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.erfInverse), [x.core]))
}
/// log |Γ(x)|; infinite at 0 and the negative integers, element by element.
public func logGamma<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.logGamma), [x.core]))
}
/// The derivative of `logGamma`; NaN at the negative integers, element by element.
public func digamma<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.digamma), [x.core]))
}
/// The derivative of `digamma`; infinite at 0 and the negative integers, element by element.
public func trigamma<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.trigamma), [x.core]))
}
/// The nearest integer toward zero, element by element.
public func truncate<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.truncate), [x.core]))
}
/// The largest integer not above x, element by element.
public func floor<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.floor), [x.core]))
}
/// The smallest integer not below x, element by element.
public func ceil<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.ceil), [x.core]))
}
/// The nearest integer; ties go to the even one, element by element.
public func round<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.round), [x.core]))
}
/// The absolute value; of the least integer, itself, element by element.
public func abs<Scalar: TensorNumber>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.abs), [x.core]))
}
/// -1, 0 or 1; of NaN, NaN, element by element.
public func sign<Scalar: TensorNumber>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.sign), [x.core]))
}
/// `x` to the power `y`, element by element.
public func pow<Scalar: TensorReal>(_ x: Tensor<Scalar>, _ y: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.power), [x.core, y.core]))
}
/// The angle of the point (x, y) in -π ... π, element by element, with the signs of zeros and the infinities of
/// IEEE 754.
public func atan2<Scalar: TensorReal>(_ y: Tensor<Scalar>, _ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.atan2), [y.core, x.core]))
}
/// The next number of the element type after `x` in the direction of `y`; `y` where the two are equal.
public func nextAfter<Scalar: TensorReal>(_ x: Tensor<Scalar>, _ y: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.nextAfter), [x.core, y.core]))
}
/// The greater, element by element; NaN if either is, and -0 < +0.
public func maximum<Scalar: TensorNumber>(_ x: Tensor<Scalar>, _ y: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.maximum), [x.core, y.core]))
}
/// The lesser, element by element; NaN if either is, and -0 < +0.
public func minimum<Scalar: TensorNumber>(_ x: Tensor<Scalar>, _ y: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.minimum), [x.core, y.core]))
}
/// `x` held between `low` and `high`, element by element: minimum(maximum(x, low), high).
public func clamp<Scalar: TensorNumber>(_ x: Tensor<Scalar>, _ low: Tensor<Scalar>, _ high: Tensor<Scalar>) -> Tensor<
  Scalar
> {
  Tensor(core: emit(.map(.clamp), [x.core, low.core, high.core]))
}
/// a · b + c with one rounding, element by element. Nothing else in Kiln is ever contracted to this.
public func fma<Scalar: TensorReal>(_ a: Tensor<Scalar>, _ b: Tensor<Scalar>, _ c: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.fma), [a.core, b.core, c.core]))
}
/// Where `x` is neither infinite nor NaN.
public func isFinite<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Bool> {
  Tensor<Bool>(core: emit(.map(.isFinite), [x.core]))
}
/// Where `x` is NaN.
public func isNaN<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Bool> {
  Tensor<Bool>(core: emit(.map(.isNaN), [x.core]))
}
/// The number of 0 bits above the highest 1 bit; the width for 0, element by element.
public func countLeadingZeros<Scalar: TensorInteger>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.countLeadingZeros), [x.core]))
}
/// The number of 1 bits, element by element.
public func populationCount<Scalar: TensorInteger>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.populationCount), [x.core]))
}
/// `x`, through which no derivative passes.
public func stopGradient<Scalar>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.control(.stopGradient), [x.core]))
}

import KilnIR

// Elementwise functions. Each is one `map` instruction; NUMERICS.md says what its bits are.

/// e to the power x, element by element.
public func exp<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.exp), [x.core])) }
/// exp(x) - 1, exact near 0, element by element.
public func expMinusOne<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.expMinusOne), [x.core])) }
/// The natural logarithm; NaN below 0, element by element.
public func log<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.log), [x.core])) }
/// log(1 + x), exact near 0, element by element.
public func logOnePlus<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.logOnePlus), [x.core])) }
/// The square root; NaN below 0, element by element.
public func sqrt<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.sqrt), [x.core])) }
/// 1 / sqrt(x), rounded twice, element by element.
public func rsqrt<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.rsqrt), [x.core])) }
/// The sine of x in radians, element by element.
public func sin<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.sin), [x.core])) }
/// The cosine of x in radians, element by element.
public func cos<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.cos), [x.core])) }
/// The hyperbolic tangent, element by element.
public func tanh<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.tanh), [x.core])) }
/// The error function, element by element.
public func erf<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.erf), [x.core])) }
/// The largest integer not above x, element by element.
public func floor<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.floor), [x.core])) }
/// The smallest integer not below x, element by element.
public func ceil<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.ceil), [x.core])) }
/// The nearest integer; ties go to the even one, element by element.
public func round<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.round), [x.core])) }
/// The absolute value; of the least integer, itself, element by element.
public func abs<Scalar: TensorNumber>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.abs), [x.core])) }
/// -1, 0 or 1; of NaN, NaN, element by element.
public func sign<Scalar: TensorNumber>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(core: emit(.map(.sign), [x.core])) }
/// `x` to the power `y`, element by element.
public func pow<Scalar: TensorReal>(_ x: Tensor<Scalar>, _ y: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.map(.power), [x.core, y.core]))
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
public func clamp<Scalar: TensorNumber>(_ x: Tensor<Scalar>, _ low: Tensor<Scalar>, _ high: Tensor<Scalar>) -> Tensor<Scalar> {
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
/// `x`, through which no derivative passes.
public func stopGradient<Scalar>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: emit(.control(.stopGradient), [x.core]))
}

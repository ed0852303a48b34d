import KilnIR

// Activation functions, element by element. All are compositions that fusion makes one kernel, and all have finite
// derivatives at every finite argument.

/// max(x, 0); at 0 the derivative is 1/2.
public func relu<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { maximum(x, Tensor(0)) }

/// x where it is not negative, `slope` · x elsewhere.
public func leakyRelu<Scalar: TensorReal>(_ x: Tensor<Scalar>, slope: Scalar = 0.01) -> Tensor<Scalar> {
  select(x .< Tensor(0), Tensor(slope) * x, x)
}

/// 1 / (1 + exp(-x)), -x held below the logarithm of the greatest number (88, or 709 in `Double`).
///
/// So that exp(-x) is finite, and with it the derivative: the least value is about 6e-39 (1e-308).
public func sigmoid<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  let bound: Tensor<Scalar> = Tensor(Scalar.dtype == .f64 ? 709 : 88)
  return Tensor(1) / (Tensor(1) + exp(minimum(-x, bound)))
}

/// log(1 + exp(x)) without overflow: m + log(1 + exp(x - m) + (exp(-m) - 1)) with m = max(x, 0).
///
/// One of the two exponentials is 1. The form is smooth for differentiation, of any order, also at 0.
public func softplus<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  let m = stopGradient(maximum(x, Tensor(0)))
  return m + logOnePlus(exp(x - m) + expMinusOne(-m))
}

/// log sigmoid(x) = -softplus(-x).
public func logSigmoid<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { -softplus(-x) }

/// x · sigmoid(x), also called swish (Elfwing, Uchibe and Doya, 2017).
public func silu<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { x * sigmoid(x) }

/// The formula of `gelu`.
public enum GELUFormula: Hashable, Sendable {
  /// x · Φ(x) = x erfc(-x / √2) / 2.
  case exact
  /// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
  case tanh
}

/// x · Φ(x), Φ being the normal distribution (Hendrycks and Gimpel, 2016); by default with their tanh formula.
public func gelu<Scalar: TensorReal>(_ x: Tensor<Scalar>, _ formula: GELUFormula = .tanh) -> Tensor<Scalar> {
  switch formula {
  case .exact:
    return Tensor(Scalar(0.5)) * x * erfc(Tensor(Scalar(-0.7071067811865476)) * x)
  case .tanh:
    // Where tanh is 1, x does not matter, and its cube must not overflow: the derivative would be 0 times infinity.
    let b = clamp(x, Tensor(-16), Tensor(16))
    let inner = b + Tensor(Scalar(0.044715)) * (b * b * b)
    return Tensor(Scalar(0.5)) * x * (Tensor(1) + tanh(Tensor(Scalar(0.7978845608028654)) * inner))
  }
}

/// x where it is positive, `alpha` (exp(x) - 1) elsewhere (Clevert, Unterthiner and Hochreiter, 2015).
public func elu<Scalar: TensorReal>(_ x: Tensor<Scalar>, alpha: Scalar = 1) -> Tensor<Scalar> {
  let isPositive = x .> Tensor(0)
  // The branch that is not taken must not overflow: its derivative would be 0 times infinity.
  return select(isPositive, x, Tensor(alpha) * expMinusOne(select(isPositive, Tensor(0), x)))
}

/// 1.0507009873554805 times `elu` with alpha 1.6732632423543772 (Klambauer and others, 2017).
public func selu<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(Scalar(1.0507009873554805)) * elu(x, alpha: Scalar(1.6732632423543772))
}

/// x · tanh(softplus(x)) (Misra, 2019).
public func mish<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { x * tanh(softplus(x)) }

/// min(max(x + 3, 0), 6) / 6, a sigmoid of straight lines.
public func hardSigmoid<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  minimum(maximum(x + Tensor(3), Tensor(0)), Tensor(6)) / Tensor(6)
}

/// x · hardSigmoid(x) (Howard and others, 2019).
public func hardSwish<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { x * hardSigmoid(x) }

/// `x` held between `low` and `high`; a bound that is nil is none.
public func clip<Scalar: TensorNumber>(_ x: Tensor<Scalar>, low: Scalar? = nil, high: Scalar? = nil) -> Tensor<Scalar> {
  switch (low, high) {
  case (let low?, let high?): clamp(x, Tensor(low), Tensor(high))
  case (let low?, nil): maximum(x, Tensor(low))
  case (nil, let high?): minimum(x, Tensor(high))
  case (nil, nil): x
  }
}

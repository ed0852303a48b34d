import KilnIR

// Activation functions, element by element. All are compositions that fusion makes one kernel, and all have finite
// derivatives at every finite argument.

/// max(x, 0), NaN for NaN; the derivative is 0 at 0, too.
public func relu<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { select(x .<= Tensor(0), Tensor(0), x) }

/// x where it is not negative, `slope` · x elsewhere; at 0 the derivative is 1.
public func leakyRelu<Scalar: TensorReal>(_ x: Tensor<Scalar>, slope: Scalar = 0.01) -> Tensor<Scalar> {
  select(x .< Tensor(0), Tensor(slope) * x, x)
}

/// 1 / (1 + exp(-x)); exp(x) where that is the same and exp(-x) overflows (below -88, or -709 in `Double`).
public func sigmoid<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  let isFar = x .< Tensor(Scalar.dtype == .f64 ? -709 : -88)
  let exponential = exp(select(isFar, x, -x))
  return select(isFar, exponential, Tensor(1) / (Tensor(1) + exponential))
}

/// log(1 + exp(x)) without overflow: m + log(1 + exp(x - m) + (exp(-m) - 1)) with m = max(x, 0).
///
/// One of the two exponentials is 1. The form is smooth for differentiation, of any order, also at 0.
public func softplus<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  // Far up it is x, in every bit; infinity less itself would be NaN.
  let isFar = x .> Tensor(1000)
  let near = select(isFar, Tensor(1000), x)
  let m = stopGradient(maximum(near, Tensor(0)))
  return select(isFar, x, m + logOnePlus(exp(near - m) + expMinusOne(-m)))
}

/// log sigmoid(x) = -softplus(-x).
public func logSigmoid<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { -softplus(-x) }

/// x · sigmoid(x), also called swish (Elfwing, Uchibe and Doya, 2017).
public func silu<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  x.gated(bound: 1000) { $0 * sigmoid($0) }
}

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
    return x.gated(bound: 40) { x in Tensor(Scalar(0.5)) * x * erfc(Tensor(Scalar(-0.7071067811865476)) * x) }
  case .tanh:
    return x.gated(bound: 16) { x in
      let inner = x + Tensor(Scalar(0.044715)) * (x * x * x)
      return Tensor(Scalar(0.5)) * x * (Tensor(1) + tanh(Tensor(Scalar(0.7978845608028654)) * inner))
    }
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
public func mish<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  x.gated(bound: 1000) { $0 * tanh(softplus($0)) }
}

/// min(max(x + 3, 0), 6) / 6, a sigmoid of straight lines; at ±3 the derivative is 0.
public func hardSigmoid<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  let moved = x + Tensor(3)
  return select(moved .>= Tensor(6), Tensor(6), relu(moved)) / Tensor(6)
}

/// x · hardSigmoid(x) (Howard and others, 2019).
public func hardSwish<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  x.gated(bound: 3) { $0 * hardSigmoid($0) }
}

extension Tensor where Scalar: TensorReal {
  /// x times a gate that is 0 at -`bound` and 1 above `bound`, where it is x itself; `body` is given x between the
  /// bounds. So nothing is infinity times 0, and no cube overflows.
  fileprivate func gated(bound: Int, _ body: (Tensor) -> Tensor) -> Tensor {
    let (least, greatest) = (Tensor(Scalar(-bound)), Tensor(Scalar(bound)))
    let isFar = self .> greatest
    return select(isFar, self, body(select(isFar, greatest, select(self .< least, least, self))))
  }
}

import KilnIR

// Functions that are compositions of ops. The compiler makes them fast by fusion, not by name.

/// exp(x) / sum exp(x) along `axis`, with the greatest element subtracted first.
public func softmax<Scalar: TensorReal>(_ x: Tensor<Scalar>, axis: Int = -1) -> Tensor<Scalar> {
  let axes = [x.core.axis(axis)]
  let shifted = x.core.shiftedByMaximum(axes)
  let exponential = emit(.map(.exp), [shifted])
  return Tensor(core: emit(.map(.divide), [exponential, exponential.reduced(.sum, axes).restored(axes, of: x.core)]))
}

/// log softmax(x) along `axis`: x - max - log sum exp(x - max).
public func logSoftmax<Scalar: TensorReal>(_ x: Tensor<Scalar>, axis: Int = -1) -> Tensor<Scalar> {
  let axes = [x.core.axis(axis)]
  let shifted = x.core.shiftedByMaximum(axes)
  let sum = emit(.map(.exp), [shifted]).reduced(.sum, axes)
  return Tensor(core: emit(.map(.subtract), [shifted, emit(.map(.log), [sum]).restored(axes, of: x.core)]))
}

/// log sum exp(x) along `axis`, with the greatest element subtracted first where it is finite.
public func logSumExp<Scalar: TensorReal>(_ x: Tensor<Scalar>, axis: Int = -1, keepDims: Bool = false) -> Tensor<Scalar> {
  let axes = [x.core.axis(axis)]
  let maximum = Tensor<Scalar>(core: x.core.reduced(.max, axes))
  let shift = select(isFinite(maximum), maximum, 0)
  let shifted = emit(.map(.subtract), [x.core, shift.core.restored(axes, of: x.core)])
  let sum = Tensor<Scalar>(core: emit(.map(.exp), [shifted]).reduced(.sum, axes))
  let result = log(sum) + shift
  return keepDims ? Tensor(core: result.core.keepingAxes(axes, of: x.core)) : result
}

/// max(x, 0), element by element.
public func relu<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { maximum(x, Tensor(0)) }

/// x · Φ(x) by Hendrycks and Gimpel's tanh formula: 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
public func gelu<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
  let inner = x + Tensor(Scalar(0.044715)) * (x * x * x)
  return Tensor(Scalar(0.5)) * x * (Tensor(1) + tanh(Tensor(Scalar(0.7978845608028654)) * inner))
}

/// 1 / (1 + exp(-x)), element by element.
public func sigmoid<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> { Tensor(1) / (Tensor(1) + exp(-x)) }

/// (x - mean) / sqrt(variance + epsilon) · scale + offset along the last `scale.rank` axes, mean and variance in two passes
/// (Ba, Kiros and Hinton, 2016).
public func layerNorm<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, scale: Tensor<Scalar>, offset: Tensor<Scalar>, epsilon: Scalar = 1e-5
) -> Tensor<Scalar> {
  let core = x.core
  guard scale.rank >= 1, scale.rank <= x.rank else {
    return Tensor(
      core: core.failed(
        "layerNorm.C1", "layerNorm normalises the axes of its scale: 1 to \(x.rank) of them for \(x.type), found \(scale.type)"))
  }
  let axes = Array((x.rank - scale.rank)..<x.rank)
  let centered = core.centered(axes)
  let variance = centered.meanSquare(axes)
  let deviation = sqrt(Tensor<Scalar>(core: variance) + Tensor(epsilon)).core.restored(axes, of: core)
  return Tensor(core: emit(.map(.divide), [centered, deviation])) * scale + offset
}

extension TensorCore {
  fileprivate func shiftedByMaximum(_ axes: [Int]) -> TensorCore {
    emit(.map(.subtract), [self, reduced(.max, axes).restored(axes, of: self)])
  }
}

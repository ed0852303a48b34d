import KilnIR

// Softmax and its relatives: compositions of ops. The compiler makes them fast by fusion, not by name.

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
///
/// A row of nothing but -infinity gives -infinity, and its derivative is 0: a masked row may be dropped.
public func logSumExp<Scalar: TensorReal>(_ x: Tensor<Scalar>, axis: Int = -1, keepDims: Bool = false) -> Tensor<Scalar>
{
  let axes = [x.core.axis(axis)]
  let maximum = Tensor<Scalar>(core: x.core.reduced(.max, axes))
  let shift = stopGradient(select(isFinite(maximum), maximum, 0))
  let shifted = emit(.map(.subtract), [x.core, shift.core.restored(axes, of: x.core)])
  let sum = Tensor<Scalar>(core: emit(.map(.exp), [shifted]).reduced(.sum, axes))
  let isNothing = sum .== Tensor(0)
  let result = select(isNothing, Tensor(-Scalar.infinity), log(select(isNothing, Tensor(1), sum)) + shift)
  return keepDims ? Tensor(core: result.core.keepingAxes(axes, of: x.core)) : result
}

extension TensorCore {
  /// No derivative goes through the maximum: it has no part in the value but rounding.
  fileprivate func shiftedByMaximum(_ axes: [Int]) -> TensorCore {
    let maximum = emit(.control(.stopGradient), [reduced(.max, axes)])
    return emit(.map(.subtract), [self, maximum.restored(axes, of: self)])
  }
}

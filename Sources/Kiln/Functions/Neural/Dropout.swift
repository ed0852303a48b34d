import KilnIR

/// Sets elements to 0 with probability `rate` and divides the others by 1 - rate (Srivastava and others, 2014).
public func dropout<Scalar: TensorReal>(_ x: Tensor<Scalar>, rate: Float, key: RandomKey) -> Tensor<Scalar> {
  guard rate >= 0, rate < 1 else {
    return Tensor(core: x.core.failed("dropout.C1", "dropout takes a rate from 0 to below 1, found \(rate)"))
  }
  if x.core.kind == .poisoned { return x }
  let isKept = Tensor<Bool>.randomBernoulli(x.shape, probability: 1 - rate, key: key)
  return select(isKept, x / Tensor(Scalar(1 - rate)), Tensor(0))
}

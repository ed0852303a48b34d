import KilnIR

/// `x` held between `low` and `high`; nil means no bound. At a bound the derivative is 1.
public func clip<Scalar: TensorNumber>(_ x: Tensor<Scalar>, low: Scalar? = nil, high: Scalar? = nil) -> Tensor<Scalar> {
  switch (low, high) {
  case (let low?, let high?): clamp(x, Tensor(low), Tensor(high))
  // Integers have no infinity, and no derivative.
  case (let low?, nil): Scalar.dtype.isReal ? clamp(x, Tensor(low), .infinite(1)) : maximum(x, Tensor(low))
  case (nil, let high?): Scalar.dtype.isReal ? clamp(x, .infinite(-1), Tensor(high)) : minimum(x, Tensor(high))
  case (nil, nil): x
  }
}

extension Tensor {
  fileprivate static func infinite(_ sign: Double) -> Tensor {
    Tensor(core: .constant(Literal(splat: KilnIR.Scalar(Scalar.dtype, sign * .infinity))))
  }
}

import KilnIR

extension Tensor where Scalar: TensorReal {
  /// The square root of `variance` along `axes`. Where it is 0, so is its derivative.
  public func standardDeviation(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    variance(axes: axes, keepDims: keepDims).rootWithSlopeZero()
  }

  /// The p-norm (Σ |x|ᵖ)^(1/p) along `axes`: by default of all elements, and Euclid's.
  ///
  /// p = 1 is the sum and p = infinity the maximum of magnitudes, p = 0 the number of elements that are not 0. Others take
  /// the greatest magnitude out first, so that nothing overflows. Where the norm is 0, so is its derivative.
  public func norm(_ p: Double = 2, axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    let magnitudes = abs(self)
    if p == 1 { return magnitudes.sum(axes: axes, keepDims: keepDims) }
    if p == .infinity { return magnitudes.max(axes: axes, keepDims: keepDims) }
    if p == -.infinity { return magnitudes.min(axes: axes, keepDims: keepDims) }
    if p == 0 { return (self .!= Tensor(0)).converted(to: Scalar.self).sum(axes: axes, keepDims: keepDims) }
    guard p > 0 else {
      return Tensor(core: core.failed("norm.C1", "a norm has an order p from 0 to infinity, or -infinity, found \(p)"))
    }
    // Any constant may be taken out: derivatives need none of it.
    let greatest = stopGradient(magnitudes.max(axes: axes, keepDims: true))
    let unit = select(isFinite(greatest) .&& (greatest .> Tensor(0)), greatest, Tensor(1))
    let named = core.axes(axes)
    let scaled = self / unit
    let norm: Tensor
    if p == 2 {
      norm = (scaled * scaled).sum(axes: named, keepDims: true).rootWithSlopeZero() * unit
    } else {
      let sum = pow(abs(scaled), Tensor(Scalar(p))).sum(axes: named, keepDims: true)
      let isZero = sum .== Tensor(0)
      norm = select(isZero, Tensor(0), pow(select(isZero, Tensor(1), sum), Tensor(Scalar(1 / p)))) * unit
    }
    if keepDims || norm.core.kind == .poisoned { return norm }
    return Tensor(core: norm.core.reshaped(Shape(shape.indices.filter { !named.contains($0) }.map { shape[$0] })))
  }

  /// The square root of the sum of the squares of a matrix: the last two axes, or those named.
  public func frobeniusNorm(axes: [Int] = [-2, -1], keepDims: Bool = false) -> Tensor {
    norm(2, axes: axes, keepDims: keepDims)
  }

  /// The square root, with the derivative 0 at 0 instead of infinity.
  fileprivate func rootWithSlopeZero() -> Tensor {
    let isZero = self .== Tensor(0)
    return select(isZero, Tensor(0), sqrt(select(isZero, Tensor(1), self)))
  }
}

import KilnIR

extension Tensor where Scalar: TensorReal {
  /// The square root of `variance` along `axes`, also where that is too great or too small for a number.
  ///
  /// Where it is 0, so is its derivative; its square has the derivatives of the variance there, too.
  public func standardDeviation(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    let axes = core.axes(axes)
    let centered = core.centered(axes)
    let scale = RowScale<Scalar>(of: centered, axes, raisesSmall: true)
    let variance = Tensor(core: scale.applied(to: centered).meanSquare(axes))
    let deviation = variance.rootWithSlopeZero() * scale.inverse
    return keepDims ? Tensor(core: deviation.core.keepingAxes(axes, of: core)) : deviation
  }

  /// The p-norm (Σ |x|ᵖ)^(1/p) along `axes`: by default of all elements, and Euclid's.
  ///
  /// p = 1 is the sum and p = infinity the maximum of magnitudes, p = 0 the number of elements that are not 0. Others
  /// take the greatest magnitude out first, so that nothing overflows. Where the norm is 0, so is its derivative, and
  /// so it is by an element that is 0 where p is below 2; the square of the norm of Euclid (`n * n`, `pow(n, 2)`) has
  /// the derivatives of the sum of squares at 0, too.
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
      let sum = scaled.magnitudePowers(p).sum(axes: named, keepDims: true)
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

  /// |x|ᵖ, with the derivative 0 at 0 where it is not smooth there.
  private func magnitudePowers(_ p: Double) -> Tensor {
    let order = Tensor(Scalar(p))
    if p.truncatingRemainder(dividingBy: 2) == 0 { return pow(self, order) }
    let magnitude = abs(self)
    let isZero = magnitude .== Tensor(0)
    return select(isZero, Tensor(0), pow(select(isZero, Tensor(1), magnitude), order))
  }

  /// The square root, with the derivative 0 at 0 instead of infinity.
  fileprivate func rootWithSlopeZero() -> Tensor {
    let isZero = self .== Tensor(0)
    return select(isZero, Tensor(0), sqrt(select(isZero, Tensor(1), self)))
  }
}

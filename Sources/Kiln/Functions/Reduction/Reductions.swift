import KilnIR

// `axes` names the axes to combine, negative ones from the end; without it all are. With `keepDims` they stay, with
// extent 1. The order of summation is part of the meaning (Numerics.md R2) and depends on the shape only.

extension Tensor where Scalar: TensorNumber {
  /// The sum of the elements along `axes`; 0 over nothing.
  public func sum(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    Tensor(core: core.reduced(.sum, axes, keepDims))
  }

  /// The product of the elements along `axes`; 1 over nothing.
  public func product(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    Tensor(core: core.reduced(.product, axes, keepDims))
  }

  /// The greatest element along `axes`; NaN if one is.
  public func max(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    Tensor(core: core.reduced(.max, axes, keepDims))
  }

  /// The least element along `axes`; NaN if one is.
  public func min(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    Tensor(core: core.reduced(.min, axes, keepDims))
  }

  /// The index of the greatest element along `axis`, of all in row-major order without one. The first of equal ones
  /// wins, and the first NaN wins over everything.
  public func argMax(axis: Int? = nil) -> Tensor<Int32> { Tensor<Int32>(core: core.argReduced(.max, axis)) }

  /// The index of the least element along `axis`; see `argMax`.
  public func argMin(axis: Int? = nil) -> Tensor<Int32> { Tensor<Int32>(core: core.argReduced(.min, axis)) }
}

extension Tensor where Scalar: TensorReal {
  /// The sum divided by the number of elements along `axes`; NaN over nothing.
  public func mean(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    let axes = core.axes(axes)
    let mean = core.mean(axes)
    return Tensor(core: keepDims ? mean.keepingAxes(axes, of: core) : mean)
  }

  /// The mean of the squared distances from the mean along `axes`, in two passes.
  public func variance(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    let axes = core.axes(axes)
    let variance = core.centered(axes).meanSquare(axes)
    return Tensor(core: keepDims ? variance.keepingAxes(axes, of: core) : variance)
  }
}

extension Tensor<Bool> {
  /// Whether all elements along `axes` are true.
  public func all(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    Tensor(core: core.reduced(.and, axes, keepDims))
  }
  /// Whether any element along `axes` is true.
  public func any(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    Tensor(core: core.reduced(.or, axes, keepDims))
  }
}

// MARK: - Untyped

extension TensorCore {
  func reduced(_ kind: ReductionKind, _ axes: [Int]?, _ keepDims: Bool) -> TensorCore {
    let axes = self.axes(axes)
    let result = reduced(kind, axes)
    return keepDims ? result.keepingAxes(axes, of: self) : result
  }

  func reduced(_ kind: ReductionKind, _ axes: [Int]) -> TensorCore {
    axes.isEmpty ? self : emit(.reduction(.reduce(kind, axes: axes)), [self])
  }

  func argReduced(_ kind: ArgReductionKind, _ axis: Int?) -> TensorCore {
    guard let axis else {
      return emit(.reduction(.argReduce(kind, axis: 0)), [reshaped([shape.size])])
    }
    return emit(.reduction(.argReduce(kind, axis: self.axis(axis))), [self])
  }

  /// Gives the reduced `axes` of `operand` back with extent 1.
  func keepingAxes(_ axes: [Int], of operand: TensorCore) -> TensorCore {
    if kind == .poisoned { return self }
    let shape = Shape(operand.shape.indices.map { axes.contains($0) ? 1 : operand.shape[$0] })
    return broadcast(shape, axes: operand.shape.indices.filter { !axes.contains($0) })
  }

  /// Repeats a reduction over `axes` of `operand` over the operand's shape.
  func restored(_ axes: [Int], of operand: TensorCore) -> TensorCore {
    if kind == .poisoned { return self }
    return broadcast(operand.shape, axes: operand.shape.indices.filter { !axes.contains($0) })
  }

  func mean(_ axes: [Int]) -> TensorCore {
    let sum = reduced(.sum, axes)
    if sum.kind == .poisoned { return sum }
    return emit(.map(.divide), [sum, elementCount(axes).broadcast(sum.shape, axes: [])])
  }

  /// The number of elements along `axes` as a scalar of this tensor's element type. In a trace it is taken from the
  /// operand's shape when the program runs.
  func elementCount(_ axes: [Int]) -> TensorCore {
    guard Trace.current != nil else {
      let count = axes.reduce(1) { $0 * shape.dimensions[$1] }
      return .constant(Literal(splat: Scalar(Int64(count)).converted(to: dtype)))
    }
    var count: TensorCore?
    for axis in axes {
      let size = emit(.source(.dimensionSize(axis: axis)), [self])
      count = count.map { emit(.map(.multiply), [$0, size]) } ?? size
    }
    return (count ?? .constant(Literal(splat: Scalar(Int64(1))))).converted(to: dtype)
  }

  func centered(_ axes: [Int]) -> TensorCore { emit(.map(.subtract), [self, mean(axes).restored(axes, of: self)]) }

  func meanSquare(_ axes: [Int]) -> TensorCore { emit(.map(.multiply), [self, self]).mean(axes) }
}

public import KilnIR

extension TensorProtocol {
  /// The slices of the tensor at `indices` along `axis`; the axes of the indices take its place.
  ///
  /// - Parameter bounds: What an index outside the axis means: `.check` (the call throws), `.clamp` (the nearest index) or
  ///   `.drop` (zero).
  public func gathered<Index: TensorInteger>(
    _ indices: Tensor<Index>, axis: Int = 0, bounds: IndexBounds = .check
  ) -> Self {
    Self(core: emit(.indexing(.gather(axis: core.axis(axis), bounds: bounds)), [core, indices.core]))
  }
}

extension Tensor where Scalar: TensorNumber {
  /// The tensor with `updates` combined into its slices at `indices` along `axis`, in the order of the indices.
  ///
  /// - Parameters:
  ///   - updates: Shaped as `gathered(indices, axis: axis)` is.
  ///   - bounds: What an index outside the axis means: `.check` (the call throws), `.clamp` (the nearest index) or `.drop`
  ///     (the update is left out).
  public func scattered<Index: TensorInteger>(
    _ updates: Tensor, at indices: Tensor<Index>, axis: Int = 0, combining combiner: ScatterCombiner = .replace,
    bounds: IndexBounds = .check
  ) -> Tensor {
    let op = IndexingOp.scatter(axis: core.axis(axis), combiner: combiner, bounds: bounds)
    return Tensor(core: emit(.indexing(op), [core, indices.core, updates.core]))
  }
}

extension Tensor where Scalar: TensorInteger {
  /// Rows of zeros with a one at each index: an axis of `count` elements is added at the end. An index outside gives a row
  /// of zeros.
  public func oneHot<Result: TensorNumber>(_ count: Int, as type: Result.Type = Float.self) -> Tensor<Result> {
    let core = core
    guard core.kind != .poisoned else { return Tensor<Result>(core: Failure.poison(after: core, TensorType(Result.dtype, core.shape))) }
    let result = TensorCore.checking(Shape(Array(core.shape) + [Dimension(count)]), Scalar.dtype) { shape in
      let positions = emit(.source(.iota(TensorType(Scalar.dtype, shape), axis: shape.rank - 1)), [])
      let wide = core.broadcast(shape, axes: Array(0..<core.shape.rank))
      return emit(.map(.equal), [wide, positions]).converted(to: Result.dtype)
    }
    return Tensor<Result>(core: result)
  }
}

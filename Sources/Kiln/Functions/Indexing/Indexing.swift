public import KilnIR

extension TensorProtocol {
  /// The slices of the tensor at `indices` along `axis`; the axes of the indices take its place.
  ///
  /// - Parameter bounds: What an index outside the axis means: `.check` (the call throws), `.clamp` (the nearest index)
  ///   or `.drop` (zero).
  public func gathered<Index: TensorInteger>(
    _ indices: Tensor<Index>, axis: Int = 0, bounds: IndexBounds = .check
  ) -> Self {
    Self(core: emit(.indexing(.gather(axis: core.axis(axis), bounds: bounds)), [core, indices.core]))
  }

  /// The slices at index vectors: the last axis of `indices` holds a component for each of `axes`, in their order. The
  /// other axes of the indices stand where the first of `axes` stood.
  public func gathered<Index: TensorInteger>(
    at indices: Tensor<Index>, axes: [Int], bounds: IndexBounds = .check
  ) -> Self {
    let indexed = IndexedAxes(vectorsAlong: axes.map { core.axis($0) })
    return Self(core: emit(.indexing(.gather(indexed, bounds: bounds)), [core, indices.core]))
  }

  /// For each position of `indices` the element at that position whose coordinate along `axis` is the index. The
  /// indices have the shape of the tensor but along `axis`.
  public func takeAlong<Index: TensorInteger>(
    _ indices: Tensor<Index>, axis: Int = -1, bounds: IndexBounds = .check
  ) -> Self {
    let axis = core.axis(axis)
    let batch = core.shape.indices.filter { $0 != axis }.map { AxisPair($0, $0) }
    guard indices.rank == rank else {
      return Self(
        core: core.failed("takeAlong.C1", "indices of \(core.type) have \(rank) axes too, found \(indices.type)"))
    }
    return Self(core: emit(.indexing(.gather(IndexedAxes(axis, batch: batch), bounds: bounds)), [core, indices.core]))
  }

  /// The box of `sizes` elements that begins at `starts`, one scalar for each axis.
  public func dynamicSlice<Index: TensorInteger>(
    at starts: [Tensor<Index>], sizes: [Int], bounds: IndexBounds = .clamp
  ) -> Self { dynamicSlice(at: starts, sizes: Shape(sizes), bounds: bounds) }

  /// The box of `sizes` elements that begins at `starts`, one scalar for each axis.
  ///
  /// - Parameter bounds: What a box that does not lie in the tensor means: `.check` (the call throws) or `.clamp` (the
  ///   nearest box that does).
  public func dynamicSlice<Index: TensorInteger>(
    at starts: [Tensor<Index>], sizes: some ShapeConvertible, bounds: IndexBounds = .clamp
  ) -> Self {
    Self(core: emit(.indexing(.dynamicSlice(sizes: Array(sizes.asShape), bounds: bounds)), [core] + starts.map(\.core)))
  }

  /// The tensor with `update` written over the box that begins at `starts`, one scalar for each axis.
  public func dynamicUpdateSlice<Index: TensorInteger>(
    _ update: Self, at starts: [Tensor<Index>], bounds: IndexBounds = .clamp
  ) -> Self {
    Self(core: emit(.indexing(.dynamicUpdateSlice(bounds: bounds)), [core, update.core] + starts.map(\.core)))
  }
}

extension Tensor where Scalar: TensorNumber {
  /// The tensor with `updates` combined into its slices at `indices` along `axis`, in the order of the indices.
  ///
  /// - Parameters:
  ///   - updates: Shaped as `gathered(indices, axis: axis)` is.
  ///   - bounds: What an index outside the axis means: `.check` (the call throws), `.clamp` (the nearest index) or
  ///     `.drop` (the update is left out).
  public func scattered<Index: TensorInteger>(
    _ updates: Tensor, at indices: Tensor<Index>, axis: Int = 0, combining combiner: ScatterCombiner = .replace,
    bounds: IndexBounds = .check
  ) -> Tensor {
    let op = IndexingOp.scatter(axis: core.axis(axis), combiner: combiner, bounds: bounds)
    return Tensor(core: emit(.indexing(op), [core, indices.core, updates.core]))
  }

  /// The tensor with `updates` combined into its slices at index vectors, as `gathered(at:axes:)` reads them.
  public func scattered<Index: TensorInteger>(
    _ updates: Tensor, at indices: Tensor<Index>, axes: [Int], combining combiner: ScatterCombiner = .replace,
    bounds: IndexBounds = .check
  ) -> Tensor {
    let op = IndexingOp.scatter(
      IndexedAxes(vectorsAlong: axes.map { core.axis($0) }), combiner: combiner, bounds: bounds)
    return Tensor(core: emit(.indexing(op), [core, indices.core, updates.core]))
  }
}

/// The rows of `table` at `ids`: the axes of the ids, then those of a row.
public func embeddingLookup<Scalar: TensorElement, Index: TensorInteger>(
  _ table: Tensor<Scalar>, _ ids: Tensor<Index>, bounds: IndexBounds = .check
) -> Tensor<Scalar> {
  table.gathered(ids, axis: 0, bounds: bounds)
}

extension Tensor where Scalar: TensorInteger {
  /// Rows of zeros with a one at each index: an axis of `count` elements is added at the end.
  ///
  /// An index outside gives a row of zeros and no diagnostic: a loss that picks with `oneHot` leaves such an example
  /// out, so a wrong label trains silently. `takeAlong(labels, axis:)` throws for one.
  public func oneHot<Result: TensorNumber>(
    _ count: some DimensionConvertible, as type: Result.Type = Float.self
  ) -> Tensor<Result> {
    let (core, count) = (core, count.asDimension)
    guard core.kind != .poisoned else {
      return Tensor<Result>(core: Failure.poison(after: core, TensorType(Result.dtype, core.shape)))
    }
    // In a narrow type positions would wrap and meet other indices.
    let isNarrow = Scalar.dtype == .i32 && Dimension.isAtLeast(Dimension(Int(Int32.max)), count) == true
    let dtype: DType = isNarrow ? .i32 : .i64
    let result = TensorCore.checking(Shape(Array(core.shape) + [count]), dtype) { shape in
      let positions = emit(.source(.iota(TensorType(dtype, shape), axis: shape.rank - 1)), [])
      let wide = core.converted(to: dtype).broadcast(shape, axes: Array(0..<core.shape.rank))
      return emit(.map(.equal), [wide, positions]).converted(to: Result.dtype)
    }
    return Tensor<Result>(core: result)
  }
}

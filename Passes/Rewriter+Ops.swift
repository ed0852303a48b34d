package import KilnIR

/// Readable names for the instructions that passes build. Each throws what the op's inference throws, at the location
/// of the instruction being rewritten.
extension Rewriter {
  // MARK: - Sources

  package mutating func constant(_ literal: Literal) throws(KilnError) -> ValueID {
    try emitOne(.source(.constant(literal)), [])
  }

  package mutating func constant(_ scalar: Scalar, _ shape: Shape = .scalar) throws(KilnError) -> ValueID {
    try constant(Literal(splat: scalar, shape: shape))
  }

  /// A constant of a real type, all elements `value` rounded to it.
  package mutating func constant(_ value: Double, like type: TensorType) throws(KilnError) -> ValueID {
    try constant(Scalar(type.dtype, value), type.shape)
  }

  package mutating func zero(_ type: TensorType) throws(KilnError) -> ValueID {
    try constant(Scalar(type.dtype, bits: 0), type.shape)
  }

  package mutating func iota(_ type: TensorType, axis: Int) throws(KilnError) -> ValueID {
    try emitOne(.source(.iota(type, axis: axis)), [])
  }

  /// A size as `i64`, the same in all elements of a shape. A tensor with that extent, which is never made, has it.
  package mutating func size(_ dimension: Dimension, _ shape: Shape) throws(KilnError) -> ValueID {
    if let known = dimension.size { return try constant(Scalar(Int64(known)), shape) }
    let bearer = try iota(TensorType(.i64, Shape([dimension])), axis: 0)
    return try broadcast(emitOne(.source(.dimensionSize(axis: 0)), [bearer]), shape, axes: [])
  }

  // MARK: - Elementwise

  package mutating func map(_ function: ScalarFunction, _ operands: ValueID...) throws(KilnError) -> ValueID {
    try emitOne(.map(function), operands)
  }

  package mutating func negate(_ x: ValueID) throws(KilnError) -> ValueID { try map(.negate, x) }
  package mutating func add(_ x: ValueID, _ y: ValueID) throws(KilnError) -> ValueID { try map(.add, x, y) }
  package mutating func subtract(_ x: ValueID, _ y: ValueID) throws(KilnError) -> ValueID { try map(.subtract, x, y) }
  package mutating func multiply(_ x: ValueID, _ y: ValueID) throws(KilnError) -> ValueID { try map(.multiply, x, y) }
  package mutating func divide(_ x: ValueID, _ y: ValueID) throws(KilnError) -> ValueID { try map(.divide, x, y) }
  package mutating func equal(_ x: ValueID, _ y: ValueID) throws(KilnError) -> ValueID { try map(.equal, x, y) }
  package mutating func less(_ x: ValueID, _ y: ValueID) throws(KilnError) -> ValueID { try map(.less, x, y) }

  package mutating func select(_ predicate: ValueID, _ x: ValueID, _ y: ValueID) throws(KilnError) -> ValueID {
    try map(.select, predicate, x, y)
  }

  /// `x` times the same number everywhere.
  package mutating func scale(_ x: ValueID, by factor: Double) throws(KilnError) -> ValueID {
    let factor = try constant(factor, like: type(of: x))
    return try multiply(x, factor)
  }

  package mutating func convert(_ x: ValueID, to dtype: DType) throws(KilnError) -> ValueID {
    if type(of: x).dtype == dtype { return x }
    return try emitOne(.type(.convert(dtype)), [x])
  }

  // MARK: - Movement

  package mutating func move(_ op: MovementOp, _ operands: ValueID...) throws(KilnError) -> ValueID {
    try emitOne(.movement(op), operands)
  }

  package mutating func reshape(_ x: ValueID, _ shape: Shape) throws(KilnError) -> ValueID {
    if type(of: x).shape == shape { return x }
    return try move(.reshape(shape), x)
  }

  package mutating func broadcast(_ x: ValueID, _ shape: Shape, axes: [Int]) throws(KilnError) -> ValueID {
    if type(of: x).shape == shape && axes == Array(0..<shape.rank) { return x }
    return try move(.broadcast(shape, axes: axes), x)
  }

  package mutating func transpose(_ x: ValueID, _ permutation: [Int]) throws(KilnError) -> ValueID {
    if permutation == Array(0..<permutation.count) { return x }
    return try move(.transpose(permutation: permutation), x)
  }

  /// The elements of one axis from `first` on, up to `end`, all elements of the others.
  package mutating func slice(
    _ x: ValueID, axis: Int, from first: Dimension, to end: Dimension, stride: Int = 1
  ) throws(KilnError) -> ValueID {
    var limit = Array(type(of: x).shape)
    var start = [Dimension](repeating: 0, count: limit.count)
    var strides = [Int](repeating: 1, count: limit.count)
    start[axis] = first
    limit[axis] = end
    strides[axis] = stride
    return try move(.slice(start: start, limit: limit, stride: strides), x)
  }

  package mutating func concatenate(_ operands: [ValueID], axis: Int) throws(KilnError) -> ValueID {
    try emitOne(.movement(.concatenate(axis: axis)), operands)
  }

  // MARK: - Sums

  /// Combines along `axes` in the listed order; no axes give `x`.
  package mutating func reduce(_ kind: ReductionKind, _ x: ValueID, axes: [Int]) throws(KilnError) -> ValueID {
    if axes.isEmpty { return x }
    return try emitOne(.reduction(.reduce(kind, axes: axes)), [x])
  }

  package mutating func dot(
    _ x: ValueID, _ y: ValueID, batch: [AxisPair], contract: [AxisPair]
  ) throws(KilnError) -> ValueID {
    try emitOne(.contraction(.dot(batch: batch, contract: contract)), [x, y])
  }

  // MARK: - Indexing

  package mutating func gather(
    _ x: ValueID, _ indices: ValueID, _ indexed: IndexedAxes, bounds: IndexBounds
  ) throws(KilnError) -> ValueID {
    try emitOne(.indexing(.gather(indexed, bounds: bounds)), [x, indices])
  }

  package mutating func gather(
    _ x: ValueID, _ indices: ValueID, axis: Int, bounds: IndexBounds
  ) throws(KilnError) -> ValueID {
    try gather(x, indices, IndexedAxes(axis), bounds: bounds)
  }

  package mutating func scatter(
    _ x: ValueID, _ indices: ValueID, _ updates: ValueID, _ indexed: IndexedAxes, combiner: ScatterCombiner,
    bounds: IndexBounds
  ) throws(KilnError) -> ValueID {
    try emitOne(.indexing(.scatter(indexed, combiner: combiner, bounds: bounds)), [x, indices, updates])
  }

  /// A box of `x` that begins at `starts`.
  package mutating func slice(
    _ x: ValueID, _ starts: [ValueID], sizes: [Dimension], bounds: IndexBounds
  ) throws(KilnError) -> ValueID {
    try emitOne(.indexing(.dynamicSlice(sizes: sizes, bounds: bounds)), [x] + starts)
  }

  /// `x` with `update` written over the box that begins at `starts`.
  package mutating func updateSlice(
    _ x: ValueID, _ update: ValueID, _ starts: [ValueID], bounds: IndexBounds
  ) throws(KilnError) -> ValueID {
    try emitOne(.indexing(.dynamicUpdateSlice(bounds: bounds)), [x, update] + starts)
  }

  package mutating func scan(
    _ kind: ReductionKind, _ x: ValueID, axis: Int, isReversed: Bool
  ) throws(KilnError) -> ValueID {
    try emitOne(.reduction(.scanReduce(kind, axis: axis, isReversed: isReversed)), [x])
  }

  package mutating func scatter(
    _ x: ValueID, _ indices: ValueID, _ updates: ValueID, axis: Int, combiner: ScatterCombiner, bounds: IndexBounds
  ) throws(KilnError) -> ValueID {
    try scatter(x, indices, updates, IndexedAxes(axis), combiner: combiner, bounds: bounds)
  }
}

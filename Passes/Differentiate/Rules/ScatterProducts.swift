import KilnIR

/// The slices that a scatter writes, numbered in tensors of the indexed and batch axes alone.
struct ScatteredSlices {
  /// The indexed and batch axes of the operand, ascending, and their extents.
  let axes: [Int]
  let shape: Shape
  /// The indexed axes in a tensor of `shape`.
  let indexed: IndexedAxes
  /// The axes of the updates that are not axes of a slice, and their extents.
  let updateAxes: [Int]
  let updateShape: Shape

  init(_ indexed: IndexedAxes, operand: Shape, indices: Shape, _ updates: Shape) {
    let layout = IndexingLayout(indexed, operand: operand, indices: indices)
    let axes = (indexed.axes + indexed.batch.map(\.lhs)).sorted()
    let sliceAxes = operand.indices.filter { !axes.contains($0) }.compactMap { layout.operandAxes[$0] }
    let updateAxes = updates.indices.filter { !sliceAxes.contains($0) }
    self.axes = axes
    self.updateAxes = updateAxes
    self.indexed = indexed.renumbered { axis in axes.firstIndex(of: axis) ?? 0 }
    shape = Shape(axes.map { operand[$0] })
    updateShape = Shape(updateAxes.map { updates[$0] })
  }
}

extension Rewriter {
  /// The operand gets the cotangent times the product of its updates. An update gets it times the other factors of its
  /// element: the operand, the updates before and those behind it. Nothing is divided, so zeros are exact in every
  /// order.
  mutating func productScatterPullback(
    _ use: Use, _ indexed: IndexedAxes, _ bounds: IndexBounds
  ) throws(KilnError) -> [ValueID?] {
    let (operand, indices, updates) = (use.operands[0], use.operands[1], use.operands[2])
    let (type, updateType) = (type(of: operand), type(of: updates))
    let ones = try constant(1, like: type)
    let product = try scatter(ones, indices, updates, indexed, combiner: .multiply, bounds: bounds)
    let operandPart = try multiply(use.cotangent, product)
    guard use.needed[2] else { return [operandPart, nil, nil] }
    if updateType.shape.size == 0 { return [operandPart, nil, try zero(updateType)] }

    // 1 and up; a dropped update gathers 0.
    let slices = ScatteredSlices(indexed, operand: type.shape, indices: self.type(of: indices).shape, updateType.shape)
    let count = slices.shape.size
    let numbers = try add(
      iota(TensorType(.i64, Shape([count])), axis: 0), constant(Scalar(Int64(1)), Shape([count])))
    let number = try gather(reshape(numbers, slices.shape), indices, slices.indexed, bounds: bounds)
    let others = try productsOfOthers(updates, number, axes: slices.updateAxes)
    let operandThere = try gather(operand, indices, indexed, bounds: bounds)
    let cotangents = try gather(use.cotangent, indices, indexed, bounds: bounds)
    let part = try multiply(cotangents, multiply(operandThere, others))
    let isDropped = try equal(number, constant(Scalar(Int64(0)), slices.updateShape))
    let isDroppedThere = try broadcast(isDropped, updateType.shape, axes: slices.updateAxes)
    return [operandPart, nil, try select(isDroppedThere, zero(updateType), part)]
  }

  /// For each update the product of the others that have its number; `number` has the `axes` of `x`.
  private mutating func productsOfOthers(_ x: ValueID, _ number: ValueID, axes: [Int]) throws(KilnError) -> ValueID {
    let shape = type(of: x).shape
    let permutation = shape.indices.filter { !axes.contains($0) } + axes
    let count = type(of: number).shape.size
    let rows = try reshape(transpose(x, permutation), Shape([shape.size / count, count]))
    // Those with one number stand side by side, in their order.
    let flat = try reshape(number, Shape([count]))
    let order = try emitOne(.indexing(.argSort(axis: 0, isDescending: false)), [flat])
    let sorted = try gather(rows, order, axis: 1, bounds: .clamp)
    let keys = try gather(flat, order, axis: 0, bounds: .clamp)
    let edge = try constant(Scalar(true), [1])
    let isOther = try map(
      .notEqual, slice(keys, axis: 0, from: 1, to: count), slice(keys, axis: 0, from: 0, to: count - 1))
    let starts = try broadcast(concatenate([edge, isOther], axis: 0), type(of: rows).shape, axes: [1])
    let ends = try broadcast(concatenate([isOther, edge], axis: 0), type(of: rows).shape, axes: [1])
    let before = try segmentProducts(sorted, isStart: starts)
    let turnedAround = try segmentProducts(move(.reverse(axes: [1]), sorted), isStart: move(.reverse(axes: [1]), ends))
    let others = try multiply(before, move(.reverse(axes: [1]), turnedAround))
    let place = try emitOne(.indexing(.argSort(axis: 0, isDescending: false)), [order])
    let unsorted = try gather(others, place, axis: 1, bounds: .clamp)
    return try transpose(reshape(unsorted, Shape(permutation.map { shape[$0] })), inverse(permutation))
  }
}

import KilnIR

/// Cumulative reductions. Each works on the line in the order in which it is walked: a reverse one is turned around
/// first.
extension Rewriter {
  /// The running extreme is the first element that reached it: that one gets the cotangents.
  mutating func extremeScanPullback(_ use: Use, _ axis: Int, _ isReversed: Bool) throws(KilnError) -> ValueID {
    let result = try turned(use.result, axis, isReversed)
    // Every NaN is its own source, and keeps what it is instead of a cotangent.
    let isNaN = try map(.isNaN, result)
    let value = try emitOne(.control(.stopGradient), [result])
    let cotangent = try select(isNaN, value, turned(use.cotangent, axis, isReversed))
    let type = type(of: result)
    let count = type.shape[axis]
    if type.shape.size == 0 { return use.cotangent }
    // An axis without elements leaves none to start from.
    let one = Dimension.min(count, 1)
    let later = try slice(result, axis: axis, from: one, to: count)
    let isSame = try equal(later, slice(result, axis: axis, from: 0, to: count - one))
    let first = try constant(Scalar(false), type.resized(axis, to: one).shape)
    let isOld = try concatenate([first, isSame], axis: axis)
    let places = try iota(TensorType(.i64, type.shape), axis: axis)
    let none = try zero(TensorType(.i64, type.shape))
    let source = try scan(.max, select(isOld, none, places), axis: axis, isReversed: false)
    let batch = type.shape.indices.filter { $0 != axis }.map { AxisPair($0, $0) }
    let zeroes = try zero(type)
    let sums = try scatter(
      zeroes, source, cotangent, IndexedAxes(axis, batch: batch), combiner: .add, bounds: .clamp)
    return try turned(sums, axis, isReversed)
  }

  /// Each element gets the product of those before it times the sum, over the results from it on, of the cotangent
  /// times the product of the elements between. Nothing is divided, so that zeros are exact in derivatives of any
  /// order.
  mutating func productScanPullback(_ use: Use, _ axis: Int, _ isReversed: Bool) throws(KilnError) -> ValueID {
    if type(of: use.result).shape.size == 0 { return use.cotangent }
    let x = try turned(use.operands[0], axis, isReversed)
    // The element after each, walked from the end.
    let after = try shifted(move(.reverse(axes: [axis]), x), axis)
    let cotangents = try move(.reverse(axes: [axis]), turned(use.cotangent, axis, isReversed))
    let sums = try linearRecurrence(after, cotangents, axis: axis)
    let before = try shifted(turned(use.result, axis, isReversed), axis)
    return try turned(multiply(before, move(.reverse(axes: [axis]), sums)), axis, isReversed)
  }

  /// The tangent of a product is that of the one before times the element, and that of the element times the one
  /// before.
  mutating func productScanTangent(
    _ x: ValueID, _ tangent: ValueID, _ result: ValueID, _ axis: Int, _ isReversed: Bool
  ) throws(KilnError) -> ValueID {
    if type(of: result).shape.size == 0 { return tangent }
    let before = try shifted(turned(result, axis, isReversed), axis)
    let gain = try multiply(before, turned(tangent, axis, isReversed))
    return try turned(linearRecurrence(turned(x, axis, isReversed), gain, axis: axis), axis, isReversed)
  }

  /// `x` moved one place on along `axis`, behind a 1.
  private mutating func shifted(_ x: ValueID, _ axis: Int) throws(KilnError) -> ValueID {
    let type = type(of: x)
    let earlier = try slice(x, axis: axis, from: 0, to: type.shape[axis] - 1)
    return try concatenate([constant(1, like: type.resized(axis, to: 1)), earlier], axis: axis)
  }

  private mutating func turned(_ x: ValueID, _ axis: Int, _ isReversed: Bool) throws(KilnError) -> ValueID {
    isReversed ? try move(.reverse(axes: [axis]), x) : x
  }
}

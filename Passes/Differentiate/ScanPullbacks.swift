import KilnIR

/// Cumulative reductions. Each works on the line in the order in which it is walked: a reverse one is turned around first.
extension Rewriter {
  /// The running extreme is the first element that reached it: that one gets the cotangents.
  mutating func extremeScanPullback(_ use: Use, _ axis: Int, _ isReverse: Bool) throws(KilnError) -> ValueID {
    let (result, cotangent) = (
      try turned(use.result, axis, isReverse), try turned(use.cotangent, axis, isReverse)
    )
    let type = type(of: result)
    let count = type.shape.dimensions[axis]
    if type.shape.elementCount == 0 { return use.cotangent }
    let later = try slice(result, axis: axis, 1..<count)
    let isSame = try equal(later, slice(result, axis: axis, 0..<count - 1))
    var firstShape = type.shape
    firstShape[axis] = 1
    let first = try constant(Scalar(false), firstShape)
    let isOld = try concatenate([first, isSame], axis: axis)
    let places = try iota(TensorType(.i64, type.shape), axis: axis)
    let none = try zero(TensorType(.i64, type.shape))
    let source = try scan(.max, select(isOld, none, places), axis: axis, isReverse: false)
    let batch = type.shape.indices.filter { $0 != axis }.map { AxisPair($0, $0) }
    let zeroes = try zero(type)
    let sums = try scatter(
      zeroes, source, cotangent, IndexedAxes(axis, batch: batch), combiner: .add, bounds: .clamp)
    return try turned(sums, axis, isReverse)
  }

  /// The products after an element, times their cotangents, divided by the element. Where there is a zero the division is
  /// none: the first zero of a line gets what the products would be without it, and nothing after it matters.
  mutating func productScanPullback(_ use: Use, _ axis: Int, _ isReverse: Bool) throws(KilnError) -> ValueID {
    let x = use.operands[0]
    let type = type(of: x)
    let (zero, one) = (try zero(type), try constant(1, like: type))
    let isZero = try equal(x, zero)
    let zeros = try scan(.sum, convert(isZero, to: type.dtype), axis: axis, isReverse: isReverse)
    let isBefore = try equal(zeros, zero)
    let isFirst = try map(.and, isZero, equal(zeros, one))
    let others = try scan(.product, select(isFirst, one, x), axis: axis, isReverse: isReverse)
    let withoutZero = try scan(.sum, multiply(use.cotangent, others), axis: axis, isReverse: !isReverse)
    let products = try scan(.sum, multiply(use.cotangent, use.result), axis: axis, isReverse: !isReverse)
    let quotient = try divide(products, select(isZero, one, x))
    return try select(isFirst, withoutZero, select(isBefore, quotient, zero))
  }

  private mutating func turned(_ x: ValueID, _ axis: Int, _ isReverse: Bool) throws(KilnError) -> ValueID {
    isReverse ? try move(.reverse(axes: [axis]), x) : x
  }
}

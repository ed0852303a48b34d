import KilnIR

/// Running sums and products whose derivatives of every order are exact, zeros included: trees of sums and products of
/// neighbours, linear in the number of elements, without a division and without a mask that depends on a number.
extension Rewriter {
  /// hᵢ = aᵢ hᵢ₋₁ + bᵢ along `axis`, beginning with h₀ = b₀.
  mutating func linearRecurrence(_ a: ValueID, _ b: ValueID, axis: Int) throws(KilnError) -> ValueID {
    let shape = type(of: a).shape
    let result = try recurrence(lines(a, axis), lines(b, axis))
    return try fromLines(result, shape, axis)
  }

  /// The lines along `axis` as the rows of a matrix.
  private mutating func lines(_ x: ValueID, _ axis: Int) throws(KilnError) -> ValueID {
    let shape = type(of: x).shape
    let columns = shape[axis]
    let permutation = shape.indices.filter { $0 != axis } + [axis]
    return try reshape(transpose(x, permutation), Shape([columns == 0 ? 0 : shape.size / columns, columns]))
  }

  private mutating func fromLines(_ x: ValueID, _ shape: Shape, _ axis: Int) throws(KilnError) -> ValueID {
    let permutation = shape.indices.filter { $0 != axis } + [axis]
    let moved = try reshape(x, Shape(permutation.map { shape[$0] }))
    return try transpose(moved, inverse(permutation))
  }

  private mutating func recurrence(_ a: ValueID, _ b: ValueID) throws(KilnError) -> ValueID {
    let count = try known(type(of: b).shape[1])
    if count <= 1 { return b }
    let (leftFactor, rightFactor) = try pairs(a, padding: 1)
    let (leftTerm, rightTerm) = try pairs(b, padding: 0)
    // Two steps are one of the same kind.
    let right = try recurrence(
      multiply(leftFactor, rightFactor), add(multiply(rightFactor, leftTerm), rightTerm))
    let half = type(of: leftTerm).shape[1]
    let first = try slice(leftTerm, axis: 1, from: 0, to: 1)
    if half == 1 { return try interleaved(first, right, count) }
    let (factors, terms) = (
      try slice(leftFactor, axis: 1, from: 1, to: half), try slice(leftTerm, axis: 1, from: 1, to: half)
    )
    let later = try add(multiply(factors, slice(right, axis: 1, from: 0, to: half - 1)), terms)
    return try interleaved(concatenate([first, later], axis: 1), right, count)
  }

  /// For each place of each row the product of the elements before it in its segment; segments start where `isStart`
  /// says.
  mutating func segmentProducts(_ x: ValueID, isStart: ValueID) throws(KilnError) -> ValueID {
    try select(isStart, constant(1, like: type(of: x)), productsBefore(x, isStart))
  }

  /// The product of the elements before a place back to the last start before it.
  private mutating func productsBefore(_ x: ValueID, _ isStart: ValueID) throws(KilnError) -> ValueID {
    let count = try known(type(of: x).shape[1])
    if count <= 1 { return try constant(1, like: type(of: x)) }
    let (left, right) = try pairs(x, padding: 1)
    let (leftStarts, rightStarts) = try pairs(isStart, padding: 0)
    let products = try select(rightStarts, right, multiply(left, right))
    let beforeLeft = try productsBefore(products, map(.or, leftStarts, rightStarts))
    let beforeRight = try select(leftStarts, left, multiply(beforeLeft, left))
    return try interleaved(beforeLeft, beforeRight, count)
  }

  // MARK: - Help

  /// The elements at even and at odd places of each row; `padding` makes the number even.
  private mutating func pairs(_ x: ValueID, padding: Int) throws(KilnError) -> (ValueID, ValueID) {
    let type = type(of: x)
    let count = try known(type.shape[1])
    let even = count + count % 2
    var padded = x
    if even != count {
      let value = try constant(Scalar(Int64(padding)).converted(to: type.dtype))
      padded = try move(.pad(low: [0, 0], high: [0, 1], interior: [0, 0]), x, value)
    }
    return (
      try slice(padded, axis: 1, from: 0, to: Dimension(even), stride: 2),
      try slice(padded, axis: 1, from: 1, to: Dimension(even), stride: 2)
    )
  }

  private mutating func interleaved(_ left: ValueID, _ right: ValueID, _ count: Int) throws(KilnError) -> ValueID {
    let sizes = type(of: left).shape
    let wide = Shape([sizes[0], sizes[1], 1])
    let both = try concatenate([reshape(left, wide), reshape(right, wide)], axis: 2)
    let all = try reshape(both, Shape([sizes[0], 2 * sizes[1]]))
    return Dimension(count) == 2 * sizes[1] ? all : try slice(all, axis: 1, from: 0, to: Dimension(count))
  }
}

extension TensorType {
  /// The type with another extent of one axis.
  func resized(_ axis: Int, to extent: Dimension) -> TensorType {
    var shape = shape
    shape[axis] = extent
    return TensorType(dtype, shape)
  }
}

import KilnIR

/// Movement copies elements, so a pullback adds the cotangents of the copies of each element.
extension Rewriter {
  mutating func movementPullback(_ op: MovementOp, _ use: Use) throws(KilnError) -> [ValueID?] {
    let cotangent = use.cotangent
    let shape = type(of: use.operands[0]).shape
    switch op {
    case .reshape: return [try reshape(cotangent, shape)]
    case .broadcast(let result, let axes): return [try sumOfCopies(cotangent, of: shape, result, axes)]
    case .transpose(let permutation): return [try transpose(cotangent, inverse(permutation))]
    case .slice(let start, let limit, let stride):
      return [
        try spread(cotangent, over: shape, start: start, sizes: Simplifier.sliceSizes(start, limit, stride), stride)
      ]
    case .pad(let low, let high, let interior): return try padPullback(use, low: low, high: high, interior: interior)
    case .reverse(let axes): return [try move(.reverse(axes: axes), cotangent)]
    case .concatenate(let axis):
      var parts: [ValueID?] = []
      var start: Dimension = 0
      for (operand, isNeeded) in zip(use.operands, use.needed) {
        let end = start + type(of: operand).shape[axis]
        parts.append(isNeeded ? try slice(cotangent, axis: axis, from: start, to: end) : nil)
        start = end
      }
      return parts
    case .windows(let axes, _, let strides, let dilations):
      let dtype = type(of: cotangent).dtype
      let wide = try convert(cotangent, to: dtype.accumulator)
      let sums = try move(.overlapAdd(shape, axes: axes, strides: strides, dilations: dilations), wide)
      return [try convert(sums, to: dtype)]
    case .overlapAdd(_, let axes, let strides, let dilations):
      let sizes = Array(shape.suffix(axes.count))
      return [try move(.windows(axes: axes, sizes: sizes, strides: strides, dilations: dilations), cotangent)]
    }
  }

  /// Sums over the axes that a broadcast added or stretched.
  private mutating func sumOfCopies(
    _ cotangent: ValueID, of shape: Shape, _ result: Shape, _ axes: [Int]
  ) throws(KilnError) -> ValueID {
    // Other sizes that differ in their names are one at every call.
    let stretched = shape.indices.filter { shape[$0] == 1 && result[axes[$0]] != 1 }.map { axes[$0] }
    let copied = result.indices.filter { !axes.contains($0) || stretched.contains($0) }
    let sum = try sum(cotangent, axes: copied)
    return try reshape(sum, shape)
  }

  /// The cotangent of a slice: zero where the slice took nothing.
  private mutating func spread(
    _ cotangent: ValueID, over shape: Shape, start: [Dimension], sizes: [Dimension], _ stride: [Int]
  ) throws(KilnError) -> ValueID {
    let type = TensorType(type(of: cotangent).dtype, shape)
    if sizes.contains(0) { return try zero(type) }
    let high = shape.indices.map { axis -> Dimension in
      let holes = stride[axis] == 1 ? 0 : Dimension.max(sizes[axis] - 1, 0) * Dimension(stride[axis] - 1)
      return shape[axis] - start[axis] - sizes[axis] - holes
    }
    let zero = try zero(TensorType(type.dtype, .scalar))
    return try move(.pad(low: start, high: high, interior: stride.map { $0 - 1 }), cotangent, zero)
  }

  /// The padded elements are a strided slice; the padding value gets the sum of all others. That sum is taken of the
  /// others alone: the sum of all less the sum of the slice would cancel.
  private mutating func padPullback(
    _ use: Use, low: [Dimension], high: [Dimension], interior: [Int]
  ) throws(KilnError) -> [ValueID?] {
    let cotangent = use.cotangent
    let shape = type(of: use.operands[0]).shape
    var operandPart: ValueID?
    if use.needed[0] {
      let limit = shape.indices.map { axis in
        low[axis] + shape[axis] + (interior[axis] == 0 ? 0 : .max(shape[axis] - 1, 0) * Dimension(interior[axis]))
      }
      operandPart = try move(.slice(start: low, limit: limit, stride: interior.map { $0 + 1 }), cotangent)
    }
    guard use.needed[1] else { return [operandPart, nil] }
    let type = type(of: cotangent)
    let inside = try constant(Scalar(false), shape)
    let outside = try constant(Scalar(true))
    let isPadding = try move(.pad(low: low, high: high, interior: interior), inside, outside)
    let zero = try zero(type)
    let padding = try select(isPadding, cotangent, zero)
    return [operandPart, try sum(padding, axes: Array(0..<type.rank))]
  }

  /// A sum in the accumulator of the dtype: f32 for f16 and bf16, which are summed nowhere else (Numerics.md E7).
  private mutating func sum(_ x: ValueID, axes: [Int]) throws(KilnError) -> ValueID {
    if axes.isEmpty { return x }
    let dtype = type(of: x).dtype
    let wide = try convert(x, to: dtype.accumulator)
    return try convert(reduce(.sum, wide, axes: axes), to: dtype)
  }

  /// The permutation that undoes `permutation`.
  func inverse(_ permutation: [Int]) -> [Int] {
    var inverse = permutation
    for (axis, source) in permutation.enumerated() { inverse[source] = axis }
    return inverse
  }
}

extension DType {
  /// The dtype in which sums of this dtype are computed.
  var accumulator: DType { self == .f16 || self == .bf16 ? .f32 : self }
}

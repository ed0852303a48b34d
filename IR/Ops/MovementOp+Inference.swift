extension MovementOp {
  func infer(_ operands: [TensorType], _ sizes: inout SizeQuestions) throws(ConstraintFailure) -> TensorType {
    switch self {
    case .pad: try requireOperands(2, operands, of: spelling)
    case .concatenate:
      try require(!operands.isEmpty, "concatenate.C0", "concatenate takes at least one operand")
    case .reshape, .broadcast, .transpose, .slice, .reverse, .windows, .overlapAdd:
      try requireOperands(1, operands, of: spelling)
    }
    let operand = operands[0]
    switch self {
    case .reshape(let shape):
      try TensorType(operand.dtype, shape).requireAddressable()
      try sizes.require(
        shape.size, .equal, operand.shape.size, "reshape.C1",
        "reshape keeps the number of elements: \(operand) has \(operand.shape.size), \(shape) has \(shape.size)")
      return TensorType(operand.dtype, shape)
    case .broadcast(let shape, let axes): return try Self.inferBroadcast(operand, shape, axes, &sizes)
    case .transpose(let permutation):
      try require(
        permutation.count == operand.rank, "transpose.C1",
        "permutation \(permutation) has \(permutation.count) axes, the operand \(operand) has \(operand.rank)")
      try require(
        permutation.sorted() == Array(0..<operand.rank), "transpose.C2",
        "permutation \(permutation) must name each of the axes 0..<\(operand.rank) once")
      return TensorType(operand.dtype, Shape(permutation.map { operand.shape[$0] }))
    case .slice(let start, let limit, let stride):
      return try Self.inferSlice(operand, start, limit, stride, &sizes)
    case .pad(let low, let high, let interior):
      return try Self.inferPad(operands, low, high, interior, &sizes)
    case .reverse(let axes):
      try requireAxes(axes, of: operand, "reverse.C1")
      return operand
    case .concatenate(let axis): return try Self.inferConcatenate(operands, axis, &sizes)
    case .windows(let axes, let taps, let strides, let dilations):
      return TensorType(
        operand.dtype, try Self.windowsShape(operand, axes, taps, strides, dilations, spelling, &sizes))
    case .overlapAdd(let shape, let axes, let strides, let dilations):
      return try Self.inferOverlapAdd(operand, shape, axes, strides, dilations, &sizes)
    }
  }

  private static func inferBroadcast(
    _ operand: TensorType, _ shape: Shape, _ axes: [Int], _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> TensorType {
    let result = TensorType(operand.dtype, shape)
    try require(
      axes.count == operand.rank, "broadcast.C1",
      "axes \(axes) must name a result axis for each of the \(operand.rank) axes of \(operand)")
    try requireAxes(axes, of: result, "broadcast.C2")
    try require(axes == axes.sorted(), "broadcast.C3", "axes \(axes) must ascend; transpose first")
    for (axis, target) in axes.enumerated() {
      let extent = operand.shape[axis]
      if extent == 1 { continue }
      try sizes.require(
        extent, .equal, shape[target], "broadcast.C4",
        "axis \(axis) of \(operand) has \(extent) elements and cannot become axis \(target) of \(result)")
    }
    return result
  }

  private static func inferSlice(
    _ operand: TensorType, _ start: [Dimension], _ limit: [Dimension], _ stride: [Int], _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> TensorType {
    let rank = operand.rank
    try require(
      start.count == rank && limit.count == rank && stride.count == rank, "slice.C1",
      "start, limit and stride need \(rank) entries each for \(operand), found \(start.count), \(limit.count), \(stride.count)"
    )
    var extents: [Dimension] = []
    for (axis, size) in operand.shape.enumerated() {
      for (least, most) in [(0, start[axis]), (start[axis], limit[axis]), (limit[axis], size)] {
        try sizes.require(
          most, .atLeast, least, "slice.C2",
          "slice \(start[axis])..<\(limit[axis]) of axis \(axis) is not within 0..<\(size) of \(operand)")
      }
      try require(stride[axis] >= 1, "slice.C3", "stride \(stride[axis]) of axis \(axis) is not positive")
      extents.append(sliceSize(from: start[axis], to: limit[axis], stride: stride[axis]))
    }
    return TensorType(operand.dtype, Shape(extents))
  }

  /// How many elements `start`, `start` + `stride`, … lie below `limit`.
  package static func sliceSize(from start: Dimension, to limit: Dimension, stride: Int) -> Dimension {
    // Not rounded up by adding the stride, which may be close to the largest Int: -1 is rounded down.
    stride == 1 ? limit - start : (limit - start - 1) / Dimension(stride) + 1
  }

  private static func inferPad(
    _ operands: [TensorType], _ low: [Dimension], _ high: [Dimension], _ interior: [Int], _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> TensorType {
    let operand = operands[0]
    let rank = operand.rank
    try require(
      operands[1] == TensorType(operand.dtype, .scalar), "pad.C1",
      "the padding value of \(operand) is \(operand.dtype)[], found \(operands[1])")
    try require(
      low.count == rank && high.count == rank && interior.count == rank, "pad.C2",
      "low, high and interior need \(rank) entries each for \(operand), found \(low.count), \(high.count), \(interior.count)"
    )
    for width in low + high + interior.map({ Dimension($0) }) {
      try sizes.require(
        width, .atLeast, 0, "pad.C3", "padding is not negative: low \(low), high \(high), interior \(interior)")
      try require(
        (width.size ?? 0) <= 1 << 40, "pad.C3",
        "padding beyond 2^40 is larger than any memory: low \(low), high \(high), interior \(interior)")
    }
    var extents: [Dimension] = []
    for (axis, size) in operand.shape.enumerated() {
      let holes = interior[axis] == 0 ? 0 : Dimension.max(size - 1, 0) * Dimension(interior[axis])
      try require(
        (holes.size ?? 0) < TensorType.byteLimit, "pad.C3",
        "\(interior[axis]) holes between the elements of axis \(axis) of \(operand) make it too large")
      extents.append(low[axis] + size + holes + high[axis])
    }
    return TensorType(operand.dtype, Shape(extents))
  }

  private static func inferConcatenate(
    _ operands: [TensorType], _ axis: Int, _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> TensorType {
    let first = operands[0]
    try requireAxis(axis, of: first, "concatenate.C1")
    var shape = first.shape
    for operand in operands.dropFirst() {
      try require(
        operand.dtype == first.dtype, "concatenate.C2",
        "operands have one dtype, found \(first.dtype) and \(operand.dtype)")
      var expected = first.shape
      if operand.rank == first.rank { expected[axis] = operand.shape[axis] }
      try sizes.requireEqual(
        operand.shape, expected, "concatenate.C3",
        "operands agree on every axis but \(axis), found \(first) and \(operand)")
      shape[axis] = shape[axis] + operand.shape[axis]
      try TensorType(first.dtype, shape).requireAddressable()
    }
    return TensorType(first.dtype, shape)
  }
}

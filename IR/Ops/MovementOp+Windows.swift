extension MovementOp {
  /// The shape that `windows` gives an operand.
  static func windowsShape(
    _ operand: TensorType, _ axes: [Int], _ taps: [Dimension], _ strides: [Int], _ dilations: [Int], _ spelling: String,
    _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> Shape {
    try requireAxes(axes, of: operand, "\(spelling).C1")
    try require(
      [taps.count, strides.count, dilations.count].allSatisfy { $0 == axes.count }, "\(spelling).C2",
      "sizes, strides and dilations have one entry per axis, \(axes.count) of them, found \(taps.count), \(strides.count), "
        + "\(dilations.count)")
    var extents = Array(operand.shape)
    for (number, axis) in axes.enumerated() {
      let (size, stride, dilation) = (taps[number], strides[number], dilations[number])
      for value in [size, Dimension(stride), Dimension(dilation)] {
        let message =
          "sizes, strides and dilations are positive, found \(size), \(stride), \(dilation) for axis \(axis)"
        try sizes.require(value, .atLeast, 1, "\(spelling).C3", message)
        try require((value.size ?? 1) <= 1 << 40, "\(spelling).C3", message)
      }
      extents[axis] = windowPositions(extents[axis], size, stride, dilation)
    }
    return Shape(extents + taps)
  }

  /// How many positions a window of `size` taps has on an axis of `extent` elements.
  package static func windowPositions(
    _ extent: Dimension, _ size: Dimension, _ stride: Int, _ dilation: Int
  ) -> Dimension {
    let room = Dimension.max(extent - (size - 1) * Dimension(dilation), 0)
    return stride == 1 ? room : (room - 1) / Dimension(stride) + 1
  }

  static func inferOverlapAdd(
    _ operand: TensorType, _ shape: Shape, _ axes: [Int], _ strides: [Int], _ dilations: [Int],
    _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> TensorType {
    let result = TensorType(operand.dtype, shape)
    try result.requireAddressable()
    try require(
      operand.dtype.isInteger || operand.dtype == .f32 || operand.dtype == .f64, "overlapAdd.C4",
      "overlapAdd takes integers, f32 or f64, found \(operand.dtype); convert first")
    try require(
      operand.rank == shape.rank + axes.count, "overlapAdd.C5",
      "the operand of a result \(result) with \(axes.count) windows has \(shape.rank + axes.count) axes, found \(operand)"
    )
    let taps = Array(operand.shape.suffix(axes.count))
    let expected = try windowsShape(result, axes, taps, strides, dilations, "overlapAdd", &sizes)
    try sizes.requireEqual(
      operand.shape, expected, "overlapAdd.C5",
      "the windows of a result \(result) have shape \(expected), found \(operand)")
    return result
  }
}

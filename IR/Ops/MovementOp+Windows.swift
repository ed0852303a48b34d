extension MovementOp {
  /// The shape that `windows` gives an operand.
  static func windowsShape(
    _ operand: TensorType, _ axes: [Int], _ sizes: [Int], _ strides: [Int], _ dilations: [Int], _ spelling: String
  ) throws(ConstraintFailure) -> Shape {
    try requireAxes(axes, of: operand, "\(spelling).C1")
    try require(
      [sizes, strides, dilations].allSatisfy { $0.count == axes.count }, "\(spelling).C2",
      "sizes, strides and dilations have one entry per axis, \(axes.count) of them, found \(sizes.count), \(strides.count), "
        + "\(dilations.count)")
    var extents = operand.shape.dimensions
    for (number, axis) in axes.enumerated() {
      let (size, stride, dilation) = (sizes[number], strides[number], dilations[number])
      try require(
        [size, stride, dilation].allSatisfy { (1...1 << 40).contains($0) }, "\(spelling).C3",
        "sizes, strides and dilations are positive, found \(size), \(stride), \(dilation) for axis \(axis)")
      extents[axis] = windowPositions(extents[axis], size, stride, dilation)
    }
    return Shape(extents + sizes)
  }

  /// How many positions a window of `size` taps has on an axis of `extent` elements.
  package static func windowPositions(_ extent: Int, _ size: Int, _ stride: Int, _ dilation: Int) -> Int {
    let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: dilation)
    return overflow || reach >= extent ? 0 : (extent - 1 - reach) / stride + 1
  }

  static func inferOverlapAdd(
    _ operand: TensorType, _ shape: Shape, _ axes: [Int], _ strides: [Int], _ dilations: [Int]
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
    let sizes = Array(operand.shape.dimensions.suffix(axes.count))
    let expected = try windowsShape(result, axes, sizes, strides, dilations, "overlapAdd")
    try require(
      operand.shape == expected, "overlapAdd.C5",
      "the windows of a result \(result) have shape \(expected), found \(operand)")
    return result
  }
}

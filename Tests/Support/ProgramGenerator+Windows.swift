import KilnIR

extension ProgramGenerator {
  static let windowRecipes: [Recipe] = [
    Recipe(label: "convolution") { generator throws(ConstraintFailure) in try generator.convolution() },
    Recipe(label: "windows") { generator throws(ConstraintFailure) in
      guard let x = generator.anyValue(where: { $0.rank > 0 }) else { return nil }
      let windows = generator.windows(of: generator.type(x).shape)
      let op = Op.movement(
        .windows(axes: windows.axes, sizes: windows.sizes, strides: windows.strides, dilations: windows.dilations))
      guard generator.fits(try op.infer([generator.type(x)], in: Module())[0]) else { return nil }
      return try generator.emit(op, [x])
    },
    Recipe(label: "overlapAdd") { generator throws(ConstraintFailure) in
      guard let dtype = generator.dtype(where: { $0.isInteger || $0.isArithmeticReal }) else { return nil }
      let shape = generator.randomShape()
      guard shape.rank > 0 else { return nil }
      let windows = generator.windows(of: shape)
      let op = Op.movement(
        .windows(axes: windows.axes, sizes: windows.sizes, strides: windows.strides, dilations: windows.dilations))
      let copies = try op.infer([TensorType(dtype, shape)], in: Module())[0]
      guard generator.fits(copies) else { return nil }
      return try generator.emit(
        .movement(.overlapAdd(shape, axes: windows.axes, strides: windows.strides, dilations: windows.dilations)),
        [generator.value(of: copies)])
    },
  ]

  private mutating func windows(
    of shape: Shape
  ) -> (axes: [Int], sizes: [Dimension], strides: [Int], dilations: [Int]) {
    let axes = Array(shape.indices.shuffled(using: &random).prefix(1 + random.index(below: 2)))
    return (
      axes, axes.map { _ in random.pick([1, 2, 2, 3, 5]) }, axes.map { _ in random.pick([1, 1, 2, 3, 7]) },
      axes.map { _ in random.pick([1, 1, 1, 2, 3]) }
    )
  }

  /// A convolution of some value with a filter made to fit: any axes in any roles, any strides, padding and dilations.
  private mutating func convolution() throws(ConstraintFailure) -> ValueID? {
    guard let x = try value(dtype: { $0.isInteger || $0.isArithmeticReal }), type(x).rank > 0 else { return nil }
    let lhs = type(x)
    let axes = Array(lhs.shape.indices).shuffled(using: &random)
    let windowCount = 1 + random.index(below: min(axes.count, 3))
    let rest = axes.dropFirst(windowCount)
    let batch = rest.filter { _ in random.oneIn(4) }
    let contract = rest.filter { !batch.contains($0) && random.oneIn(2) }
    // The filter's axes in any order: taps, batch, contracted, perhaps a free one.
    var extents = axes.prefix(windowCount).map {
      (source: $0 as Int?, size: Dimension(random.pick([1, 2, 2, 3, 3, 5])))
    }
    extents += (batch + contract).map { (source: $0, size: lhs.shape[$0]) }
    if random.oneIn(2) { extents.append((source: nil, size: Dimension(random.pick([1, 2, 3, 17])))) }
    let isOwnFilter = random.oneIn(4) && axes.prefix(windowCount).allSatisfy { lhs.shape[$0] != 0 }
    if isOwnFilter {
      // `x` may be the filter itself: a tap for each of its elements, axes in its order.
      extents = extents.compactMap { extent in extent.source.map { ($0, lhs.shape[$0]) } }
      extents.sort { ($0.source ?? 0) < ($1.source ?? 0) }
    } else {
      extents.shuffle(using: &random)
    }
    let rhs = TensorType(lhs.dtype, Shape(extents.map(\.size)))
    func pair(_ axis: Int) -> AxisPair { AxisPair(axis, extents.firstIndex { $0.source == axis } ?? 0) }
    let windows = axes.prefix(windowCount).map { axis in
      Convolution.Window(
        pair(axis), stride: random.pick([1, 1, 2, 3]), low: random.pick([0, 0, 1, 2, -1]),
        high: random.pick([0, 0, 1, 3, -1]), lhsDilation: random.pick([1, 1, 2, 3]),
        rhsDilation: random.pick([1, 1, 2, 3]))
    }
    let plain = Convolution(batch: batch.map(pair), contract: contract.map(pair), windows: windows)
    let plainType = try Op.contraction(.convolution(plain)).infer([lhs, rhs], in: Module())[0]
    // The reference goes term by term.
    let terms = ContractionOp.convolution(plain).termCount(lhs, rhs).staticSize
    guard fits(rhs), fits(plainType), plainType.shape.elementCount * terms <= 1 << 16 else { return nil }
    let order = Array(plainType.shape.indices).shuffled(using: &random)
    let result = random.oneIn(2) ? order : []
    let op = Op.contraction(
      .convolution(Convolution(batch: plain.batch, contract: plain.contract, windows: windows, result: result)))
    return try emit(op, [x, isOwnFilter && rhs == lhs ? x : value(of: rhs)])
  }
}

import KilnIR

/// Gives sizes of static ops names. With the numbers for the names, the ops are what
/// they were.
struct SizeNaming {
  /// The names of sizes that no operand says: of new axes, of sources, of lengths and widths.
  var names: [Int: Dimension] = [:]
  var random: SplitMix64

  func size(_ number: Int) -> Dimension { names[number] ?? Dimension(number) }

  func shape(_ shape: Shape) -> Shape { Shape(shape.dimensions.map(size)) }

  func type(_ type: TensorType) -> TensorType { TensorType(type.dtype, shape(type.shape)) }

  /// What takes the place of `op` on operands of these types, where they are called `named`.
  mutating func op(_ op: Op, on types: [TensorType], named: [TensorType]) -> Op {
    switch op {
    case .source(.constant(let literal)):
      guard let splat = literal.splat else { return op }
      return .source(.constant(Literal(splat: splat, shape: shape(literal.type.shape))))
    case .source(.iota(let result, let axis)): return .source(.iota(type(result), axis: axis))
    case .movement(let movement): return .movement(self.movement(movement, types[0].shape, named[0].shape))
    case .contraction(.convolution(var convolution)):
      for index in convolution.windows.indices {
        convolution.windows[index].low = width(convolution.windows[index].low)
        convolution.windows[index].high = width(convolution.windows[index].high)
      }
      return .contraction(.convolution(convolution))
    case .indexing(.dynamicSlice(let sizes, let bounds)):
      let box = zip(zip(sizes, types[0].shape), named[0].shape).map { part($0.0, of: $0.1, named: $1) }
      return .indexing(.dynamicSlice(sizes: box, bounds: bounds))
    case .control(.scan(var scan)):
      let hasElements = types.count > scan.carried + scan.captured
      scan.length = hasElements ? named[scan.carried].shape[0] : size(scan.length.staticSize)
      return .control(.scan(scan))
    case .source(.dimensionSize), .map, .type, .reduction, .contraction(.dot), .indexing, .control: return op
    }
  }

  private mutating func movement(_ op: MovementOp, _ old: Shape, _ new: Shape) -> MovementOp {
    switch op {
    case .reshape(let result): return .reshape(reshaped(old, to: result, named: new))
    case .broadcast(let result, let axes):
      var shape = shape(result)
      for (axis, target) in axes.enumerated() where old[axis] == result[target] { shape[target] = new[axis] }
      return .broadcast(shape, axes: axes)
    case .slice(let start, let limit, let stride):
      return .slice(
        start: old.indices.map { start[$0] == 0 ? 0 : part(start[$0], of: old[$0], named: new[$0]) },
        limit: old.indices.map { part(limit[$0], of: old[$0], named: new[$0]) }, stride: stride)
    case .pad(let low, let high, let interior):
      return .pad(low: low.map { width($0) }, high: high.map { width($0) }, interior: interior)
    case .windows(let axes, let sizes, let strides, let dilations):
      return .windows(axes: axes, sizes: sizes.map { width($0) }, strides: strides, dilations: dilations)
    case .overlapAdd(let result, let axes, let strides, let dilations):
      var shape = Shape(result.indices.map { old[$0] == result[$0] ? new[$0] : size(result[$0].staticSize) })
      for (number, axis) in axes.enumerated() where old[axis] != 0 {
        let taps = result.rank + number
        func end(_ shape: Shape) -> Dimension {
          (shape[axis] - 1) * Dimension(strides[number]) + (shape[taps] - 1) * Dimension(dilations[number]) + 1
        }
        shape[axis] = end(new) + (result[axis] - end(old))
      }
      return .overlapAdd(shape, axes: axes, strides: strides, dilations: dilations)
    case .transpose, .reverse, .concatenate: return op
    }
  }

  /// A width, now and then by the name of its number.
  private mutating func width(_ number: Dimension) -> Dimension {
    random.oneIn(2) ? size(number.staticSize) : number
  }

  /// A place on an axis of `old` elements that is called `new`: counted from the start or from the end.
  private mutating func part(_ place: Dimension, of old: Dimension, named new: Dimension) -> Dimension {
    if place == old { return new }
    return random.oneIn(2) ? place : new - (old - place)
  }

  // MARK: - Reshapes

  /// The shape `result` of a reshape of `old`, which is called `new`: where neighbours are merged, their product; where
  /// an axis is split, one part is what the others leave.
  private mutating func reshaped(_ old: Shape, to result: Shape, named new: Shape) -> Shape {
    var shape: [Dimension] = []
    for (olds, results) in Self.groups(old.dimensions, result.dimensions) {
      var sizes = results.map { size(result[$0].staticSize) }
      let whole = olds.reduce(Dimension(1)) { $0 * new[$1] }
      if whole.isSymbolic, !sizes.isEmpty {
        let place = random.index(below: sizes.count)
        let others = sizes.indices.filter { $0 != place }.reduce(Dimension(1)) { $0 * sizes[$1] }
        sizes[place] = whole / others
      }
      shape += sizes
    }
    return Shape(shape)
  }

  /// Runs of axes on both sides with equally many elements, as short as possible.
  private static func groups(_ old: [Int], _ result: [Int]) -> [(old: Range<Int>, result: Range<Int>)] {
    if old.contains(0) || result.contains(0) { return [(old.indices, result.indices)] }
    var groups: [(old: Range<Int>, result: Range<Int>)] = []
    var (a, b) = (0, 0)
    while a < old.count && b < result.count {
      let start = (a, b)
      var (left, right) = (old[a], result[b])
      (a, b) = (a + 1, b + 1)
      while left != right {
        if left < right {
          left *= old[a]
          a += 1
        } else {
          right *= result[b]
          b += 1
        }
      }
      groups.append((start.0..<a, start.1..<b))
    }
    // What is left has one element.
    if a < old.count || b < result.count { groups.append((a..<old.count, b..<result.count)) }
    return groups
  }
}

import KilnIR

extension Rewriter {
  mutating func reductionPullback(_ op: ReductionOp, _ use: Use) throws(KilnError) -> [ValueID?] {
    switch op {
    case .argReduce: return []
    case .scanReduce(let kind, let axis, let isReversed):
      switch kind {
      case .sum: return [try scan(.sum, use.cotangent, axis: axis, isReversed: !isReversed)]
      case .product: return [try productScanPullback(use, axis, isReversed)]
      case .max, .min: return [try extremeScanPullback(use, axis, isReversed)]
      // bool and integers only.
      case .and, .or: return []
      }
    case .reduce(let kind, let axes):
      let kept = type(of: use.operands[0]).shape.indices.filter { !axes.contains($0) }
      switch kind {
      case .sum: return [try spread(use.cotangent, like: use.operands[0], kept)]
      case .max, .min: return [try extremePullback(use, kept, axes)]
      case .product: return [try productPullback(use, kept, axes)]
      // bool and integers only.
      case .and, .or: return []
      }
    }
  }

  /// A value of the reduced shape, repeated along the reduced axes of `operand`.
  private mutating func spread(_ value: ValueID, like operand: ValueID, _ kept: [Int]) throws(KilnError) -> ValueID {
    try broadcast(value, type(of: operand).shape, axes: kept)
  }

  /// The elements equal to the extreme share its cotangent equally.
  private mutating func extremePullback(_ use: Use, _ kept: [Int], _ axes: [Int]) throws(KilnError) -> ValueID {
    let operand = use.operands[0]
    let type = type(of: operand)
    let extreme = try spread(use.result, like: operand, kept)
    let isExtreme = try equal(operand, extreme)
    let ones = try convert(isExtreme, to: type.dtype)
    let count = try reduce(.sum, ones, axes: axes)
    let share = try divide(use.cotangent, count)
    let shares = try spread(share, like: operand, kept)
    let others = try spread(zeroUnlessNaN(use.result), like: operand, kept)
    return try select(isExtreme, shares, others)
  }

  /// Each element gets the cotangent times the product of the others, without a division: products of pairs, of pairs
  /// of pairs and so on up to one, then back down, each half times the other.
  private mutating func productPullback(_ use: Use, _ kept: [Int], _ axes: [Int]) throws(KilnError) -> ValueID {
    let operand = use.operands[0]
    let type = type(of: operand)
    let sizes = type.shape
    let permutation = kept + axes
    let rows = kept.reduce(Dimension(1)) { $0 * sizes[$1] }
    let columns = try known(axes.reduce(1) { $0 * sizes[$1] })
    if type.shape.size == 0 { return try zero(type) }

    let moved = try transpose(operand, permutation)
    var product = try reshape(moved, Shape([rows, Dimension(columns)]))
    var levels: [(left: ValueID, right: ValueID, width: Int)] = []
    var width = columns
    while width > 1 {
      let even = width + width % 2
      if even != width {
        let one = try constant(1, like: TensorType(type.dtype, .scalar))
        product = try move(.pad(low: [0, 0], high: [0, 1], interior: [0, 0]), product, one)
      }
      let left = try slice(product, axis: 1, from: 0, to: Dimension(even), stride: 2)
      let right = try slice(product, axis: 1, from: 1, to: Dimension(even), stride: 2)
      levels.append((left, right, width))
      product = try multiply(left, right)
      width = even / 2
    }

    var cotangent = try reshape(use.cotangent, Shape([rows, 1]))
    for level in levels.reversed() {
      let half = self.type(of: level.left).shape[1]
      let left = try reshape(multiply(cotangent, level.right), Shape([rows, half, 1]))
      let right = try reshape(multiply(cotangent, level.left), Shape([rows, half, 1]))
      let pairs = try concatenate([left, right], axis: 2)
      cotangent = try reshape(pairs, Shape([rows, 2 * half]))
      let width = Dimension(level.width)
      if width != 2 * half { cotangent = try slice(cotangent, axis: 1, from: 0, to: width) }
    }
    let unmoved = try reshape(cotangent, Shape(permutation.map { type.shape[$0] }))
    return try transpose(unmoved, inverse(permutation))
  }
}

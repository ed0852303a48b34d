import KilnIR

/// Rewrites of ops that move elements: two moves in a row become one, a move that moves nothing goes away. They copy
/// bits, so all of them are exact.
extension Simplifier {
  static let movementRules: [RewriteRule] = [
    identityMovement, reshapeOfReshape, broadcastOfBroadcast, broadcastOfAddedOnes, transposeOfTranspose, sliceOfSlice,
    reverseOfReverse, concatenateOne,
  ]

  /// A movement whose result has the elements of its operand in their places.
  static let identityMovement = RewriteRule("movement that moves nothing") { rewriter, op, operands throws(KilnError) in
    guard case .movement(let movement) = op, let operand = operands.first else { return nil }
    let shape = rewriter.type(of: operand).shape
    let isIdentity =
      switch movement {
      case .reshape(let result): result == shape
      case .broadcast(let result, let axes): result == shape && axes == Array(0..<shape.rank)
      case .transpose(let permutation): permutation == Array(0..<shape.rank)
      // All elements of an axis, ascending: the axis itself.
      case .slice(let start, let limit, let stride): sliceSizes(start, limit, stride) == Array(shape)
      case .pad(let low, let high, let interior):
        (low + high).allSatisfy { $0 == 0 } && zip(interior, shape).allSatisfy { $0 == 0 || hasOneAtMost($1) }
      case .reverse(let axes): axes.allSatisfy { hasOneAtMost(shape[$0]) }
      case .concatenate: false
      case .windows(let axes, _, _, _), .overlapAdd(_, let axes, _, _): axes.isEmpty
      }
    return isIdentity ? operand : nil
  }

  static let reshapeOfReshape = RewriteRule("reshape of reshape") { rewriter, op, operands throws(KilnError) in
    guard case .movement(.reshape(let shape)) = op, let (inner, source) = rewriter.movement(operands[0]),
      case .reshape = inner
    else { return nil }
    return try rewriter.reshape(source, shape)
  }

  static let broadcastOfBroadcast = RewriteRule("broadcast of broadcast") { rewriter, op, operands throws(KilnError) in
    guard case .movement(.broadcast(let shape, let axes)) = op, let (inner, source) = rewriter.movement(operands[0]),
      case .broadcast(_, let innerAxes) = inner
    else { return nil }
    return try rewriter.broadcast(source, shape, axes: innerAxes.map { axes[$0] })
  }

  /// A broadcast of a reshape that only adds axes of extent 1 leaves these axes to the broadcast.
  static let broadcastOfAddedOnes = RewriteRule("broadcast of added ones") { rewriter, op, operands throws(KilnError) in
    guard case .movement(.broadcast(let shape, let axes)) = op, let (inner, source) = rewriter.movement(operands[0]),
      case .reshape(let reshaped) = inner,
      let places = placesAfterAddingOnes(rewriter.type(of: source).shape, reshaped)
    else { return nil }
    return try rewriter.broadcast(source, shape, axes: places.map { axes[$0] })
  }

  static let transposeOfTranspose = RewriteRule("transpose of transpose") { rewriter, op, operands throws(KilnError) in
    guard case .movement(.transpose(let permutation)) = op, let (inner, source) = rewriter.movement(operands[0]),
      case .transpose(let innerPermutation) = inner
    else { return nil }
    return try rewriter.transpose(source, permutation.map { innerPermutation[$0] })
  }

  static let sliceOfSlice = RewriteRule("slice of slice") { rewriter, op, operands throws(KilnError) in
    guard case .movement(.slice(let start, let limit, let stride)) = op,
      let (inner, source) = rewriter.movement(operands[0]),
      case .slice(let innerStart, _, let innerStride) = inner
    else { return nil }
    let sizes = sliceSizes(start, limit, stride)
    var newStart: [Dimension] = []
    var newLimit: [Dimension] = []
    var newStride: [Int] = []
    for axis in start.indices {
      // An empty slice may start behind the end; put it at 0.
      let first = sizes[axis] == 0 ? 0 : innerStart[axis] + start[axis] * Dimension(innerStride[axis])
      let step = hasOneAtMost(sizes[axis]) ? 1 : innerStride[axis] * stride[axis]
      // Only a call says whether this one is empty.
      if step != 1 && sizes[axis].isSymbolic { return nil }
      newStart.append(first)
      newStride.append(step)
      newLimit.append(sizes[axis] == 0 ? 0 : first + (sizes[axis] - 1) * Dimension(step) + 1)
    }
    return try rewriter.move(.slice(start: newStart, limit: newLimit, stride: newStride), source)
  }

  /// Axes reversed by both turn back; those reversed by one remain.
  static let reverseOfReverse = RewriteRule("reverse of reverse") { rewriter, op, operands throws(KilnError) in
    guard case .movement(.reverse(let axes)) = op, let (inner, source) = rewriter.movement(operands[0]),
      case .reverse(let innerAxes) = inner
    else { return nil }
    let remaining = Set(axes).symmetricDifference(innerAxes).sorted()
    return remaining.isEmpty ? source : try rewriter.move(.reverse(axes: remaining), source)
  }

  /// Parts without elements add nothing, and one part is the whole.
  static let concatenateOne = RewriteRule("concatenate of one part") { rewriter, op, operands throws(KilnError) in
    guard case .movement(.concatenate(let axis)) = op else { return nil }
    let parts = operands.filter { rewriter.type(of: $0).shape[axis].size != 0 }
    if parts.count == 1 { return parts[0] }
    if operands.count == 1 { return operands[0] }
    return parts.isEmpty || parts.count == operands.count ? nil : try rewriter.concatenate(parts, axis: axis)
  }

  /// How many elements a slice takes along each axis.
  static func sliceSizes(_ start: [Dimension], _ limit: [Dimension], _ stride: [Int]) -> [Dimension] {
    start.indices.map { MovementOp.sliceSize(from: start[$0], to: limit[$0], stride: stride[$0]) }
  }

  /// Whether an axis is known to have no more than one element.
  private static func hasOneAtMost(_ extent: Dimension) -> Bool { extent == 0 || extent == 1 }

  /// The axis of `result` for each axis of `shape`, if `result` is `shape` with more axes of extent 1.
  static func placesAfterAddingOnes(_ shape: Shape, _ result: Shape) -> [Int]? {
    var places: [Int] = []
    for axis in result.indices {
      if places.count < shape.rank && shape[places.count] == result[axis] {
        places.append(axis)
      } else if result[axis] != 1 {
        return nil
      }
    }
    return places.count == shape.rank ? places : nil
  }
}

extension Rewriter {
  /// The movement that defines `value`, with its first operand.
  func movement(_ value: ValueID) -> (MovementOp, ValueID)? {
    guard let instruction = definition(of: value), case .movement(let op) = instruction.op,
      let operand = instruction.operands.first
    else { return nil }
    return (op, operand)
  }
}

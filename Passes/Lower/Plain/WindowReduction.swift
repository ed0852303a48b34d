import KilnIR

/// A reduction over the few taps of a window as elementwise ops on shifted slices, which one kernel computes in vectors
/// along whatever axis is contiguous: pooling, and the counting of its ties for the derivative.
///
/// Sums and products keep the order of Numerics.md R2: with up to 32 elements each lane holds one, and lanes l and l +
/// h are combined for h = 16, 8, 4, 2, 1. The other reductions have no order.
enum WindowReduction {
  /// The most taps that are written out.
  private static let mostTaps = 32

  static let rule = RewriteRule("reduction of windows") { rewriter, op, operands throws(KilnError) in
    // A primitive has the name of its function.
    guard case .reduction(.reduce(let kind, let axes)) = op, !axes.isEmpty,
      let function = ScalarFunction(spelling: kind.primitive.spelling)
    else { return nil }
    let shape = rewriter.type(of: operands[0]).shape
    let extents = axes.map { shape[$0].staticSize }
    let taps = extents.reduce(1, *)
    guard taps >= 1, taps <= mostTaps, readsWindows(operands[0], Set(axes), rewriter) else { return nil }
    var lanes: [ValueID] = []
    for number in 0..<taps {
      var (tap, rest) = (extents, number)
      for axis in extents.indices.reversed() {
        tap[axis] = rest % extents[axis]
        rest /= extents[axis]
      }
      var slice = TapSlice(Dictionary(uniqueKeysWithValues: zip(axes, tap)))
      lanes.append(try slice.value(operands[0], &rewriter))
    }
    return try combined(lanes, function, &rewriter)
  }

  private static func combined(
    _ lanes: [ValueID], _ function: ScalarFunction, _ rewriter: inout Rewriter
  ) throws(KilnError) -> ValueID {
    var lanes = lanes
    for half in [16, 8, 4, 2, 1] {
      for lane in 0..<half where lane + half < lanes.count {
        lanes[lane] = try rewriter.map(function, lanes[lane], lanes[lane + half])
      }
      lanes = Array(lanes.prefix(max(half, 1)))
    }
    return lanes[0]
  }

  /// Whether `value` is computed element by element from windows whose taps lie along `axes` and from what is at hand.
  private static func readsWindows(_ value: ValueID, _ axes: Set<Int>, _ rewriter: Rewriter) -> Bool {
    var (stack, visited, found) = ([value], Set<ValueID>(), false)
    while let value = stack.popLast() {
      guard visited.insert(value).inserted, let instruction = rewriter.definition(of: value) else { continue }
      switch instruction.op {
      case .map, .type: stack.append(contentsOf: instruction.operands)
      case .movement(.windows(let windowAxes, _, _, _)):
        let rank = rewriter.type(of: instruction.operands[0]).rank
        if Set(windowAxes.indices.map { rank + $0 }) == axes { found = true }
      case .source, .movement, .reduction, .contraction, .indexing, .control: continue
      }
      // What has many taps of many steps is better computed once.
      if visited.count > 16 { return false }
    }
    return found
  }
}

/// Values at one index of some axes, which leave the shape.
private struct TapSlice {
  /// The index along each axis.
  let index: [Int: Int]
  private var known: [ValueID: ValueID] = [:]

  init(_ index: [Int: Int]) { self.index = index }

  mutating func value(_ value: ValueID, _ rewriter: inout Rewriter) throws(KilnError) -> ValueID {
    if let known = known[value] { return known }
    let result = try computed(value, &rewriter)
    known[value] = result
    return result
  }

  private mutating func computed(_ value: ValueID, _ rewriter: inout Rewriter) throws(KilnError) -> ValueID {
    let type = rewriter.type(of: value)
    let kept = type.shape.indices.filter { index[$0] == nil }
    let shape = Shape(kept.map { type.shape[$0] })
    guard let instruction = rewriter.definition(of: value) else { return try element(value, shape, &rewriter) }
    switch instruction.op {
    case .map, .type:
      var operands: [ValueID] = []
      for operand in instruction.operands { operands.append(try self.value(operand, &rewriter)) }
      return try rewriter.emitOne(instruction.op, operands)
    case .source(.constant(let literal)):
      if let splat = literal.splat { return try rewriter.constant(splat, shape) }
    case .movement(.broadcast(_, let axes)) where axes.allSatisfy({ index[$0] == nil }):
      return try rewriter.broadcast(instruction.operands[0], shape, axes: axes.map { kept.firstIndex(of: $0) ?? 0 })
    case .movement(.windows(let axes, let sizes, let strides, let dilations)):
      let operand = rewriter.type(of: instruction.operands[0]).shape
      guard index.count == axes.count, axes.indices.allSatisfy({ index[operand.rank + $0] != nil }) else { break }
      var start = [Dimension](repeating: 0, count: operand.rank)
      var stride = [Int](repeating: 1, count: operand.rank)
      var limit = Array(operand)
      for (number, axis) in axes.enumerated() {
        start[axis] = Dimension((index[operand.rank + number] ?? 0) * dilations[number])
        stride[axis] = strides[number]
        let positions = MovementOp.windowPositions(
          operand[axis], sizes[number], strides[number], dilations[number]
        ).staticSize
        if positions == 0 { start[axis] = 0 }
        limit[axis] = positions == 0 ? 0 : start[axis] + Dimension((positions - 1) * strides[number] + 1)
      }
      return try rewriter.move(
        .slice(start: start, limit: limit, stride: stride), instruction.operands[0])
    case .source, .movement, .reduction, .contraction, .indexing, .control: break
    }
    return try element(value, shape, &rewriter)
  }

  /// A slice of a value that is at hand.
  private func element(_ value: ValueID, _ shape: Shape, _ rewriter: inout Rewriter) throws(KilnError) -> ValueID {
    let extents = rewriter.type(of: value).shape
    let start = extents.indices.map { Dimension(index[$0] ?? 0) }
    let limit = extents.indices.map { axis in index[axis].map { Dimension($0 + 1) } ?? extents[axis] }
    let slice = try rewriter.move(.slice(start: start, limit: limit, stride: extents.map { _ in 1 }), value)
    return try rewriter.reshape(slice, shape)
  }
}

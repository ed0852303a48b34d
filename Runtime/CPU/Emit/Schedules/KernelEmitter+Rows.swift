import KilnIR
import KilnRuntime

/// The row schedule: each work unit is one outer point, whose stages run over the inner domain in the 32 lanes of R2.
extension KernelEmitter {
  static let rowLanes = 32

  func emitRows() throws(RuntimeError) {
    let trees = rowTrees()
    try unitLoop(kernel.outer.map(value)) { _, coordinates throws(RuntimeError) in
      for stage in kernel.stages.indices {
        if kernel.stages[stage].inner.isEmpty {
          try emitScalarStage(stage, coordinates)
        } else {
          try emitRowStage(stage, coordinates, trees)
        }
      }
    }
  }

  /// A tree for each blocked reduction whose domain may have more than one block.
  func rowTrees() -> [Int: Tree16] {
    var trees: [Int: Tree16] = [:]
    for stage in kernel.stages.indices where !fitsOneBlock(kernel.stages[stage]) {
      for reduction in kernel.reductions(ofStage: stage) where reduction.isBlocked {
        trees[reduction.number] = tree(reduction.kind, reduction.dtype)
      }
    }
    return trees
  }

  private func fitsOneBlock(_ stage: KernelDefinition.Stage) -> Bool {
    var size = 1
    for extent in stage.inner {
      guard case .constant(let value) = extent else { return false }
      size *= value
    }
    return size <= KernelDefinition.reductionBlock
  }

  /// A stage without inner axes at one outer point.
  func emitScalarStage(_ number: Int, _ coordinates: [LLVMValue]) throws(RuntimeError) {
    let frame = frame(ofStage: number, coordinates: coordinates, varying: [], lanes: 1)
    var values = BodyValues(frame: frame, point: Point(coordinates: coordinates))
    emitEffects(&values)
    for reduction in kernel.reductions(ofStage: number) {
      let value = evaluate(reduction.value, &values)
      context.reducedValues[reduction.number] =
        switch reduction.operation {
        case .reduce: value
        case .argReduce: module.constant(0, module.int32)
        case .dot(let rhs): multiplyAdd(value, evaluate(rhs, &values), emptyValue(reduction), reduction.dtype, 1)
        }
    }
  }

  func emitScratchStore(_ row: Int, _ id: BodyID, _ values: inout BodyValues) {
    let value = evaluate(id, &values)
    let place = LanePlace(lanes: values.point.lanes == 1 ? .same : .consecutive)
    store(
      value, kernel.scratchRows[row], scratchPointer(row, values.point), place, values.point.lanes,
      mask: values.point.mask)
  }

  /// A term of a dot: fused for reals (D1), wrapping for integers.
  func multiplyAdd(_ a: LLVMValue, _ b: LLVMValue, _ sum: LLVMValue, _ dtype: DType, _ lanes: Int) -> LLVMValue {
    if dtype.isReal { return apply(.fma, [a, b, sum], operand: dtype, dtype: dtype, lanes: lanes) }
    return add(multiply(a, b), sum)
  }

  // MARK: - A stage over its inner domain

  private func emitRowStage(_ number: Int, _ coordinates: [LLVMValue], _ trees: [Int: Tree16]) throws(RuntimeError) {
    let stage = kernel.stages[number]
    let count = product(of: stage.inner)
    let reductions = kernel.reductions(ofStage: number)
    let isAny = module.compare(.sgt, count, module.index(0))
    let results = try branch(if: isAny, otherwise: reductions.map(emptyValue)) { () throws(RuntimeError) in
      let inner = Array(coordinates.count..<coordinates.count + stage.inner.count)
      let frame = frame(
        ofStage: number, coordinates: coordinates + inner.map { _ in nil }, varying: inner, lanes: Self.rowLanes)
      let span = RowSpan(frame: frame, coordinates: coordinates, reductions: reductions)
      guard reductions.contains(where: \.isBlocked) else {
        return finish(span, try emit(span, from: module.index(0), to: count, starts(span)))
      }
      return try emitBlocks(span, count, trees)
    }
    for (reduction, result) in zip(reductions, results) { context.reducedValues[reduction.number] = result }
  }

  /// Block after block (R2); the order-free reductions of the stage run through.
  private func emitBlocks(_ span: RowSpan, _ count: LLVMValue, _ trees: [Int: Tree16]) throws(RuntimeError)
    -> [LLVMValue]
  {
    let size = KernelDefinition.reductionBlock
    let isMany = module.compare(.sgt, count, module.index(size))
    let used = span.reductions.compactMap { trees[$0.number] }
    if !used.isEmpty {
      _ = try branch(if: isMany) { () throws(RuntimeError) in
        used.forEach(reset)
        return []
      }
    }
    let start = span.reductions.flatMap { reduction in
      reduction.isBlocked ? [module.zero(registerType(reduction.dtype))] : self.starts(reduction, lanes: Self.rowLanes)
    }
    let last = try loop(from: module.index(0), to: count, step: size, carrying: start) {
      from, carried throws(RuntimeError) in
      let to = smaller(add(from, module.index(size)), count)
      var states = split(carried, span.reductions)
      for (index, reduction) in span.reductions.enumerated() where reduction.isBlocked {
        states[index] = starts(reduction, lanes: Self.rowLanes)
      }
      states = try emit(span, from: from, to: to, states)
      for (index, reduction) in span.reductions.enumerated() where reduction.isBlocked {
        states[index] = [foldAll(reduction, states[index], lanes: Self.rowLanes)]
      }
      if !used.isEmpty {
        _ = try branch(if: isMany) { () throws(RuntimeError) in
          for (state, reduction) in zip(states, span.reductions) {
            if let tree = trees[reduction.number] { push(state[0], to: tree) }
          }
          return []
        }
      }
      return states.flatMap { $0 }
    }
    let states = split(last, span.reductions)
    return try zip(span.reductions, states).map { reduction, state throws(RuntimeError) in
      guard reduction.isBlocked else { return foldAll(reduction, state, lanes: Self.rowLanes) }
      guard let tree = trees[reduction.number] else { return state[0] }
      return try branch(if: isMany, otherwise: state) { () throws(RuntimeError) in [result(of: tree)] }[0]
    }
  }

  private func finish(_ span: RowSpan, _ states: [[LLVMValue]]) -> [LLVMValue] {
    zip(span.reductions, states).map { foldAll($0, $1, lanes: Self.rowLanes) }
  }

  private func starts(_ span: RowSpan) -> [[LLVMValue]] {
    span.reductions.map { starts($0, lanes: Self.rowLanes) }
  }

  // MARK: - Accumulators

  /// The accumulators of a reduction before its first element.
  func starts(_ reduction: KernelReduction, lanes: Int) -> [LLVMValue] {
    switch reduction.operation {
    case .reduce, .dot: [constant(reduction.neutral, lanes)]
    case .argReduce(let kind): extremeStart(kind, reduction.dtype, lanes)
    }
  }

  func foldAll(_ reduction: KernelReduction, _ state: [LLVMValue], lanes: Int) -> LLVMValue {
    switch reduction.operation {
    case .reduce, .dot: foldLanes(state[0], lanes: lanes) { combine(reduction, $0, $1, $2) }
    case .argReduce(let kind): foldExtremeLanes(kind, state, reduction.dtype, lanes: lanes)
    }
  }

  private func split(_ values: [LLVMValue], _ reductions: [KernelReduction]) -> [[LLVMValue]] {
    var rest = values[...]
    return reductions.map { reduction in
      let width = reduction.isArgReduce ? 2 : 1
      defer { rest = rest.dropFirst(width) }
      return Array(rest.prefix(width))
    }
  }

  // MARK: - Vectors

  /// Visits the points `from ..< to` of the inner domain and applies the effects; returns the accumulators after them.
  func emit(_ span: RowSpan, from: LLVMValue, to: LLVMValue, _ states: [[LLVMValue]]) throws(RuntimeError)
    -> [[LLVMValue]]
  {
    let lanes = Self.rowLanes
    let copies = span.unroll
    let count = module.binary(.sub, to, from)
    let whole = module.binary(.sub, count, module.binary(.urem, count, module.index(lanes * copies)))
    let middle = add(from, whole)
    // Folds that may run in any order have accumulators for each copy, so that they do not wait for each other.
    let spread = span.reductions.map { $0.block == nil && !$0.isArgReduce }
    let start = zip(states, spread).map { state, isSpread in
      isSpread ? [LLVMValue](repeating: state[0], count: copies) : state
    }
    let widths = start.map(\.count)
    let main = try loop(from: from, to: middle, step: lanes * copies, carrying: start.flatMap { $0 }) {
      index, carried throws(RuntimeError) in
      var states = cut(carried, widths)
      for copy in 0..<copies {
        let chosen = zip(states, spread).map { state, isSpread in isSpread ? [state[copy]] : state }
        let next = try visit(span, index, copy * lanes, mask: nil, chosen)
        for (number, state) in next.enumerated() {
          if spread[number] { states[number][copy] = state[0] } else { states[number] = state }
        }
      }
      return states.flatMap { $0 }
    }
    let joined = zip(cut(main, widths), span.reductions).enumerated().map { number, pair in
      let (state, reduction) = pair
      return spread[number] ? [state.dropFirst().reduce(state[0]) { combine(reduction, $0, $1, lanes) }] : state
    }
    let tail = try loop(from: middle, to: to, step: lanes, carrying: joined.flatMap { $0 }) {
      index, carried throws(RuntimeError) in
      let mask = mask(count: module.binary(.sub, to, index), lanes)
      return try visit(span, index, 0, mask: mask, cut(carried, joined.map(\.count))).flatMap { $0 }
    }
    return cut(tail, joined.map(\.count))
  }

  private func cut(_ values: [LLVMValue], _ widths: [Int]) -> [[LLVMValue]] {
    var rest = values[...]
    return widths.map { width in
      defer { rest = rest.dropFirst(width) }
      return Array(rest.prefix(width))
    }
  }

  /// 32 neighbouring points.
  private func visit(
    _ span: RowSpan, _ index: LLVMValue, _ displacement: Int, mask: LLVMValue?, _ states: [[LLVMValue]]
  ) throws(RuntimeError) -> [[LLVMValue]] {
    let lanes = Self.rowLanes
    let inner = span.frame.varying
    var point = Point(lanes: lanes, coordinates: span.coordinates + inner.map { _ in nil })
    point.displacement = displacement
    point.mask = mask
    point.innerIndex = index
    let first = displacement == 0 ? index : add(index, module.index(displacement))
    if inner.count == 1 {
      point.coordinates[inner[0]] = index
      point.vectorAxis = inner[0]
    } else {
      let numbers = add(module.broadcast(first, lanes), iota(module.int64, lanes))
      let extents = span.frame.stage.inner.map { module.broadcast(value($0), lanes) }
      for (axis, coordinate) in zip(inner, coordinates(of: numbers, in: extents)) {
        point.laneCoordinates[axis] = coordinate
      }
    }
    var values = BodyValues(frame: span.frame, point: point)
    emitEffects(&values)
    return zip(span.reductions, states).map { reduction, state in
      var value = evaluate(reduction.value, &values)
      switch reduction.operation {
      case .reduce:
        if let mask { value = module.select(mask, value, constant(reduction.neutral, lanes)) }
        return [combine(reduction, state[0], value, lanes)]
      case .argReduce(let kind):
        let start = module.broadcast(module.cast(.trunc, first, to: module.int32), lanes)
        var other = [value, add(start, iota(module.int32, lanes))]
        if let mask {
          other = zip(other, extremeStart(kind, reduction.dtype, lanes)).map { module.select(mask, $0, $1) }
        }
        return better(kind, state, other, reduction.dtype)
      case .dot: return state
      }
    }
  }
}

/// A stage at one outer point, about to run over (a part of) its inner domain.
struct RowSpan {
  let frame: StageFrame
  let coordinates: [LLVMValue?]
  let reductions: [KernelReduction]

  /// How many vectors in one turn: more for short bodies.
  var unroll: Int {
    let operations = frame.stage.body.count { if case .operation = $0 { true } else { false } }
    return operations <= 6 ? 4 : operations <= 24 ? 2 : 1
  }
}

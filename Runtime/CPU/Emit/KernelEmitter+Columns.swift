import KilnIR
import KilnRuntime

/// A strip of columns: part of the last outer axis at one point of the others.
struct ColumnStrip {
  static let lanes = 16

  let axis: Int
  let coordinates: [LLVMValue?]
  let from: LLVMValue
  let to: LLVMValue
  /// Elements that each row of the scratch has room for.
  let width: Int
}

/// The column schedule: vectors along the last outer axis, reductions stepping over rows. Accumulators live in the scratch,
/// for each reduction 32 rows (the lanes of R2) and 8 (the levels of Tree16); row 0 holds the result in the end.
extension KernelEmitter {
  func emitColumns(strip width: Int) throws(RuntimeError) {
    guard let last = kernel.outer.last else { throw unsupported("columns without an outer axis") }
    let axis = kernel.outer.count - 1
    let extent = value(last)
    let counts = module.stackSlot(module.int64, Tree16.levelCount, alignment: 64)
    try unitLoop(kernel.outer.dropLast().map(value) + [ceilDivide(extent, width)]) {
      _, coordinates throws(RuntimeError) in
      let from = multiply(coordinates[axis], module.index(width))
      var outer: [LLVMValue?] = coordinates
      outer[axis] = nil
      let strip = ColumnStrip(
        axis: axis, coordinates: outer, from: from, to: smaller(add(from, module.index(width)), extent), width: width)
      loadReduced = { number, point in self.loadResult(number, point, strip) }
      for stage in kernel.stages.indices {
        if kernel.stages[stage].inner.isEmpty {
          try emitColumnPoints(stage, strip)
        } else {
          try emitColumnStage(stage, strip, counts)
        }
      }
    }
    loadReduced = nil
  }

  // MARK: - Loops and places

  /// Visits the strip in vectors, `copies` in a turn, then masked ones; masked ones only if `copies` is 0, which is less
  /// code. The points lack their inner coordinates.
  func columnLoop(
    _ strip: ColumnStrip, copies: Int, _ body: ([Point]) throws(RuntimeError) -> Void
  ) throws(RuntimeError) {
    let lanes = ColumnStrip.lanes
    var middle = strip.from
    func points(_ index: LLVMValue, _ copies: Int, _ mask: LLVMValue?) -> [Point] {
      (0..<copies).map { copy in
        var point = Point(lanes: lanes, coordinates: strip.coordinates)
        point.coordinates[strip.axis] = index
        point.vectorAxis = strip.axis
        point.displacement = copy * lanes
        point.mask = mask
        return point
      }
    }
    if copies > 0 {
      let count = module.binary(.sub, strip.to, strip.from)
      let whole = module.binary(.sub, count, module.binary(.urem, count, module.index(lanes * copies)))
      middle = add(strip.from, whole)
      _ = try loop(from: strip.from, to: middle, step: lanes * copies) { index, _ throws(RuntimeError) in
        try body(points(index, copies, nil))
        return []
      }
    }
    _ = try loop(from: middle, to: strip.to, step: lanes) { index, _ throws(RuntimeError) in
      try body(points(index, 1, mask(count: module.binary(.sub, strip.to, index), lanes)))
      return []
    }
  }

  /// Row `row` of the accumulators of a reduction, at a point's column.
  private func place(_ reduction: Int, row: LLVMValue, _ dtype: DType, _ point: Point, _ strip: ColumnStrip)
    -> LLVMValue
  {
    let rowsBefore = add(module.index(reduction * 40), row)
    let start = module.offset(scratch, multiply(rowsBefore, module.index(strip.width)), of: module.int64)
    let column = module.binary(.sub, point.coordinates[strip.axis]!, strip.from)
    return module.offset(start, add(column, module.index(point.displacement)), of: memoryType(dtype))
  }

  private func read(
    _ reduction: Int, row: LLVMValue, _ dtype: DType, _ point: Point, _ strip: ColumnStrip
  ) -> LLVMValue {
    load(
      dtype, place(reduction, row: row, dtype, point, strip), LanePlace(lanes: .consecutive), point.lanes,
      mask: point.mask)
  }

  private func write(
    _ value: LLVMValue, _ reduction: Int, row: LLVMValue, _ dtype: DType, _ point: Point, _ strip: ColumnStrip
  ) {
    store(
      value, dtype, place(reduction, row: row, dtype, point, strip), LanePlace(lanes: .consecutive), point.lanes,
      mask: point.mask)
  }

  /// The index of an extreme stands in row 1, beside its value.
  private func loadResult(_ number: Int, _ point: Point, _ strip: ColumnStrip) -> LLVMValue {
    let isIndex = kernel.stages.indices.flatMap(reductions).contains { reduction in
      if case .extremeIndex = reduction.operation { reduction.number == number } else { false }
    }
    return read(number, row: module.index(isIndex ? 1 : 0), reducedTypes[number], point, strip)
  }

  func copies(_ stage: Kernel.Stage, _ reductions: Int) -> Int {
    let operations = stage.body.count { if case .operation = $0 { true } else { false } }
    return operations * max(1, reductions) <= 8 ? 4 : operations <= 24 ? 2 : 1
  }

  // MARK: - Stages

  /// A stage without inner axes: one visit of each column.
  private func emitColumnPoints(_ number: Int, _ strip: ColumnStrip) throws(RuntimeError) {
    let frame = frame(
      ofStage: number, coordinates: strip.coordinates, varying: [strip.axis], lanes: ColumnStrip.lanes,
      reducedVaries: true)
    let reductions = reductions(ofStage: number)
    try columnLoop(strip, copies: 1) { points throws(RuntimeError) in
      for point in points {
        var values = BodyValues(frame: frame, point: point)
        try emitColumnStores(frame.stage, &values)
        for reduction in reductions {
          let value = evaluate(reduction.value, &values)
          switch reduction.operation {
          case .fold: write(value, reduction.number, row: module.index(0), reduction.dtype, point, strip)
          case .extremeIndex, .dot: throw unsupported("\(reduction.operation) without inner axes in columns")
          }
        }
      }
    }
  }

  private func emitColumnStores(_ stage: Kernel.Stage, _ values: inout BodyValues) throws(RuntimeError) {
    evaluateOperands(of: stage.effects, &values)
    for effect in stage.effects {
      switch effect {
      case .store(let buffer, let index, let id): emitStore(buffer, index, id, &values)
      case .scatter(let buffer, let index, let data, let combiner, let bounds, let id):
        scatter(buffer, index, data, combiner, bounds, id, &values)
      case .storeScratch, .argSort: throw unsupported("\(effect) in a column kernel")
      // Outside of its lines a scan is of one element.
      case .scanReduce(_, let id, let buffer, let index): emitStore(buffer, index, id, &values)
      case .reduce, .argReduce, .dot: break
      }
    }
  }

  private func emitColumnStage(_ number: Int, _ strip: ColumnStrip, _ counts: LLVMValue) throws(RuntimeError) {
    let stage = kernel.stages[number]
    let count = product(of: stage.inner)
    let reductions = reductions(ofStage: number)
    let isAny = module.compare(.sgt, count, module.index(0))
    let isNone = module.binary(.xor, isAny, module.constant(1, module.int1))
    _ = try branch(if: isNone) { () throws(RuntimeError) in
      try columnLoop(strip, copies: 0) { points throws(RuntimeError) in
        for reduction in reductions { writeEmpty(reduction, points[0], strip) }
      }
      return []
    }
    _ = try branch(if: isAny) { () throws(RuntimeError) in
      let inner = Array(kernel.outer.count..<kernel.outer.count + stage.inner.count)
      let frame = frame(
        ofStage: number, coordinates: strip.coordinates + inner.map { _ in nil }, varying: [strip.axis] + inner,
        lanes: ColumnStrip.lanes, reducedVaries: true)
      let folds = reductions.filter { if case .fold = $0.operation { true } else { false } }
      // Folds do not visit the rows in their order.
      if !folds.isEmpty && stage.effects.contains(where: \.isScatter) { throw unsupported("a scatter among folds") }
      let others = reductions.filter { if case .fold = $0.operation { false } else { true } }
      if case .scanReduce? = stage.effects.first {
        try emitColumnScan(frame, count, strip)
      } else if !folds.isEmpty {
        try emitFolds(frame, folds, count, strip, counts)
      } else if stage.effects.count > others.count {
        try emitColumnRows(frame, count, strip)
      }
      if !others.isEmpty { try emitSequential(frame, others, count, strip, counts) }
      return []
    }
  }

  private func writeEmpty(_ reduction: Reduction, _ point: Point, _ strip: ColumnStrip) {
    let lanes = ColumnStrip.lanes
    let isIndex = if case .extremeIndex = reduction.operation { true } else { false }
    write(
      module.broadcast(emptyValue(reduction), lanes), reduction.number, row: module.index(isIndex ? 1 : 0),
      isIndex ? .i32 : reduction.dtype, point, strip)
  }

  /// The point in row `row` of the inner domain.
  func at(_ row: LLVMValue, _ point: Point, _ stage: Kernel.Stage) -> Point {
    var result = point
    result.coordinates += stage.inner.count == 1 ? [row] : coordinates(of: row, in: stage.inner.map(value))
    return result
  }

  /// Stores only: row after row.
  private func emitColumnRows(_ frame: StageFrame, _ count: LLVMValue, _ strip: ColumnStrip) throws(RuntimeError) {
    _ = try loop(from: module.index(0), to: count) { row, _ throws(RuntimeError) in
      try columnLoop(strip, copies: copies(frame.stage, 1)) { points throws(RuntimeError) in
        for point in points {
          var values = BodyValues(frame: frame, point: at(row, point, frame.stage))
          try emitColumnStores(frame.stage, &values)
        }
      }
      return []
    }
  }

  // MARK: - Folds

  /// R2 with eight rows of one lane per visit; order-free folds go the same way without being cut into blocks.
  private func emitFolds(
    _ frame: StageFrame, _ folds: [Reduction], _ count: LLVMValue, _ strip: ColumnStrip, _ counts: LLVMValue
  ) throws(RuntimeError) {
    let size = Kernel.reductionBlock
    let blocked = folds.filter(\.isBlocked)
    let isMany = module.compare(.sgt, count, module.index(size))
    resetCounts(counts)
    _ = try loop(from: module.index(0), to: count, step: size) { block, _ throws(RuntimeError) in
      let rows = smaller(module.binary(.sub, count, block), module.index(size))
      let visitRows = 256
      _ = try loop(from: module.index(0), to: rows, step: visitRows) { visit, _ throws(RuntimeError) in
        let end = smaller(add(visit, module.index(visitRows)), rows)
        let lanes = smaller(module.binary(.sub, end, visit), module.index(32))
        _ = try loop(from: module.index(0), to: lanes) { lane, _ throws(RuntimeError) in
          let first = add(visit, lane)
          try emitVisit(frame, folds, block, visit, lane, first, end, strip)
          return []
        }
        return []
      }
      try foldRows(blocked, present: smaller(rows, module.index(32)), strip)
      _ = try branch(if: isMany) { () throws(RuntimeError) in
        try pushColumns(blocked, strip, counts)
        return []
      }
      return []
    }
    try foldRows(folds.filter { !$0.isBlocked }, present: smaller(count, module.index(32)), strip)
    _ = try branch(if: isMany) { () throws(RuntimeError) in
      try finishColumns(blocked, strip, counts)
      return []
    }
  }

  /// The rows `first`, `first` + 32, … below `end` of a block, into lane `lane`.
  private func emitVisit(
    _ frame: StageFrame, _ folds: [Reduction], _ block: LLVMValue, _ visit: LLVMValue, _ lane: LLVMValue,
    _ first: LLVMValue, _ end: LLVMValue, _ strip: ColumnStrip
  ) throws(RuntimeError) {
    let lanes = ColumnStrip.lanes
    let isFirstOfBlock = module.compare(.eq, visit, module.index(0))
    let isFirst = module.binary(.and, isFirstOfBlock, module.compare(.eq, block, module.index(0)))
    try columnLoop(strip, copies: copies(frame.stage, folds.count)) { points throws(RuntimeError) in
      let starts = points.flatMap { point in
        folds.map { fold -> LLVMValue in
          guard case .fold(let kind) = fold.operation else { return module.index(0) }
          let kept = read(fold.number, row: lane, fold.dtype, point, strip)
          let isFresh = fold.isBlocked ? isFirstOfBlock : isFirst
          return module.select(isFresh, neutral(kind, fold.dtype, lanes), kept)
        }
      }
      let sums = try loop(from: first, to: end, step: 32, carrying: starts) { row, carried throws(RuntimeError) in
        var next: [LLVMValue] = []
        for point in points {
          var values = BodyValues(frame: frame, point: at(add(block, row), point, frame.stage))
          try emitColumnStores(frame.stage, &values)
          for fold in folds {
            guard case .fold(let kind) = fold.operation else { continue }
            next.append(combine(kind, carried[next.count], evaluate(fold.value, &values), fold.dtype, lanes))
          }
        }
        return next
      }
      var rest = sums[...]
      for point in points {
        for fold in folds { write(rest.removeFirst(), fold.number, row: lane, fold.dtype, point, strip) }
      }
    }
  }

  /// Lane l += lane l + h for h = 16, 8, 4, 2, 1, for every column; the sums go to row 0. Only `present` lanes hold values.
  private func foldRows(_ folds: [Reduction], present: LLVMValue, _ strip: ColumnStrip) throws(RuntimeError) {
    guard !folds.isEmpty else { return }
    _ = try loop(from: module.index(0), to: module.index(5)) { step, _ throws(RuntimeError) in
      let half = module.binary(.lshr, module.index(16), step)
      let pairs = smaller(half, module.binary(.sub, present, half))
      _ = try loop(from: module.index(0), to: pairs) { lane, _ throws(RuntimeError) in
        try columnLoop(strip, copies: 1) { points in
          for fold in folds {
            guard case .fold(let kind) = fold.operation else { continue }
            let low = read(fold.number, row: lane, fold.dtype, points[0], strip)
            let high = read(fold.number, row: add(lane, half), fold.dtype, points[0], strip)
            let sum = combine(kind, low, high, fold.dtype, ColumnStrip.lanes)
            write(sum, fold.number, row: lane, fold.dtype, points[0], strip)
          }
        }
        return []
      }
      return []
    }
  }

  // MARK: - Dots and indices of extremes

  /// Terms in order, as D1 wants them; a block of D1 at a time, so that its value can join the tree.
  private func emitSequential(
    _ frame: StageFrame, _ reductions: [Reduction], _ count: LLVMValue, _ strip: ColumnStrip, _ counts: LLVMValue
  ) throws(RuntimeError) {
    let size = Kernel.contractionBlock
    let dots = reductions.filter { if case .dot = $0.operation { true } else { false } }
    let isMany = module.compare(.sgt, count, module.index(size))
    let lanes = ColumnStrip.lanes
    resetCounts(counts)
    _ = try loop(from: module.index(0), to: count, step: size) { block, _ throws(RuntimeError) in
      let end = smaller(add(block, module.index(size)), count)
      let isFirst = module.compare(.eq, block, module.index(0))
      try columnLoop(strip, copies: copies(frame.stage, reductions.count)) { points throws(RuntimeError) in
        let starts = points.flatMap { point in
          reductions.flatMap { reduction -> [LLVMValue] in
            let fresh = self.starts(reduction, lanes: lanes)
            guard fresh.count == 2 else { return fresh }
            let value = read(reduction.number, row: module.index(0), reduction.dtype, point, strip)
            let index = read(reduction.number, row: module.index(1), .i32, point, strip)
            return [module.select(isFirst, fresh[0], value), module.select(isFirst, fresh[1], index)]
          }
        }
        let states = try loop(from: block, to: end, carrying: starts) { row, carried in
          var next: [LLVMValue] = []
          for point in points {
            var values = BodyValues(frame: frame, point: at(row, point, frame.stage))
            for reduction in reductions {
              let value = evaluate(reduction.value, &values)
              switch reduction.operation {
              case .extremeIndex(let kind):
                let index = module.broadcast(module.cast(.trunc, row, to: module.int32), lanes)
                next += better(kind, Array(carried[next.count..<next.count + 2]), [value, index], reduction.dtype)
              case .dot(let rhs):
                next.append(multiplyAdd(value, evaluate(rhs, &values), carried[next.count], reduction.dtype, lanes))
              case .fold: break
              }
            }
          }
          return next
        }
        var rest = states[...]
        for point in points {
          for reduction in reductions {
            write(rest.removeFirst(), reduction.number, row: module.index(0), reduction.dtype, point, strip)
            if case .extremeIndex = reduction.operation {
              write(rest.removeFirst(), reduction.number, row: module.index(1), .i32, point, strip)
            }
          }
        }
      }
      _ = try branch(if: isMany) { () throws(RuntimeError) in
        try pushColumns(dots, strip, counts)
        return []
      }
      return []
    }
    _ = try branch(if: isMany) { () throws(RuntimeError) in
      try finishColumns(dots, strip, counts)
      return []
    }
  }

  // MARK: - Tree16 of whole strips

  private func resetCounts(_ counts: LLVMValue) {
    module.store(module.zero(module.vector(module.int64, Tree16.levelCount)), counts, alignment: 64)
  }

  /// Pushes the block values in row 0 as `Tree16` says; the counts are those of all columns.
  private func pushColumns(_ reductions: [Reduction], _ strip: ColumnStrip, _ counts: LLVMValue) throws(RuntimeError) {
    guard !reductions.isEmpty else { return }
    let entry = module.currentBlock
    let visit = module.block("push", in: function)
    let done = module.block("pushed", in: function)
    module.branch(to: visit)
    module.position(at: visit)
    let level = module.phi(module.int64)
    module.addIncoming(module.index(0), from: entry, to: level)
    let countPlace = module.offset(counts, level, of: module.int64)
    let count = module.load(module.int64, countPlace, alignment: 8)
    let isFirst = module.compare(.eq, count, module.index(0))
    let row = add(level, module.index(32))
    try columnLoop(strip, copies: 0) { points in
      for reduction in reductions {
        let value = read(reduction.number, row: module.index(0), reduction.dtype, points[0], strip)
        let group = read(reduction.number, row: row, reduction.dtype, points[0], strip)
        let sum = module.select(
          isFirst, value, combine(treeKind(reduction), group, value, reduction.dtype, ColumnStrip.lanes))
        write(sum, reduction.number, row: row, reduction.dtype, points[0], strip)
        write(sum, reduction.number, row: module.index(0), reduction.dtype, points[0], strip)
      }
    }
    let filled = module.binary(.and, add(count, module.index(1)), module.index(15))
    module.store(filled, countPlace, alignment: 8)
    let next = add(level, module.index(1))
    let last = module.currentBlock
    module.branch(if: module.compare(.eq, filled, module.index(0)), to: visit, else: done)
    module.addIncoming(next, from: last, to: level)
    module.position(at: done)
  }

  private func finishColumns(_ reductions: [Reduction], _ strip: ColumnStrip, _ counts: LLVMValue) throws(RuntimeError)
  {
    guard !reductions.isEmpty else { return }
    let none = module.constant(0, module.int1)
    _ = try loop(from: module.index(0), to: module.index(Tree16.levelCount), carrying: [none]) {
      level, carried throws(RuntimeError) in
      let count = module.load(module.int64, module.offset(counts, level, of: module.int64), alignment: 8)
      let holds = module.compare(.ne, count, module.index(0))
      let row = add(level, module.index(32))
      _ = try branch(if: holds) { () throws(RuntimeError) in
        try columnLoop(strip, copies: 0) { points in
          for reduction in reductions {
            let value = read(reduction.number, row: module.index(0), reduction.dtype, points[0], strip)
            let group = read(reduction.number, row: row, reduction.dtype, points[0], strip)
            let joined = combine(treeKind(reduction), group, value, reduction.dtype, ColumnStrip.lanes)
            write(
              module.select(carried[0], joined, group), reduction.number, row: module.index(0), reduction.dtype,
              points[0],
              strip)
          }
        }
        return []
      }
      return [module.binary(.or, carried[0], holds)]
    }
  }

  private func treeKind(_ reduction: Reduction) -> ReductionKind {
    if case .fold(let kind) = reduction.operation { kind } else { .sum }
  }
}

extension Effect {
  fileprivate var isScatter: Bool {
    if case .scatter = self { true } else { false }
  }
}

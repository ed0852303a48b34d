import KilnIR
import KilnRuntime

/// What a strip of columns accumulates: sums in the 32 lanes of R2 and their Tree16, chains of dots, indices of
/// extremes. The accumulators of every column lie in scratch.
extension KernelEmitter {
  // MARK: - Folds

  /// R2 with eight rows of one lane per visit; order-free folds go the same way without being cut into blocks.
  func emitFolds(
    _ frame: StageFrame, _ folds: [KernelReduction], _ count: LLVMValue, _ strip: ColumnStrip, _ counts: LLVMValue
  ) throws(RuntimeError) {
    let size = KernelDefinition.reductionBlock
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
    _ frame: StageFrame, _ folds: [KernelReduction], _ block: LLVMValue, _ visit: LLVMValue, _ lane: LLVMValue,
    _ first: LLVMValue, _ end: LLVMValue, _ strip: ColumnStrip
  ) throws(RuntimeError) {
    let lanes = ColumnStrip.lanes
    let isFirstOfBlock = module.compare(.eq, visit, module.index(0))
    let isFirst = module.binary(.and, isFirstOfBlock, module.compare(.eq, block, module.index(0)))
    try columnLoop(strip, copies: copies(frame.stage, folds.count)) { points throws(RuntimeError) in
      let starts = points.flatMap { point in
        folds.map { fold -> LLVMValue in
          let kept = read(fold.number, row: lane, fold.dtype, point, strip)
          let isFresh = fold.isBlocked ? isFirstOfBlock : isFirst
          return module.select(isFresh, constant(fold.neutral, lanes), kept)
        }
      }
      let sums = try loop(from: first, to: end, step: 32, carrying: starts) { row, carried throws(RuntimeError) in
        var next: [LLVMValue] = []
        for point in points {
          var values = BodyValues(frame: frame, point: at(add(block, row), point, frame.stage))
          emitEffects(&values)
          for fold in folds {
            next.append(combine(fold, carried[next.count], evaluate(fold.value, &values), lanes))
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

  /// Lane l += lane l + h for h = 16, 8, 4, 2, 1, for every column; the sums go to row 0. Only `present` lanes hold
  /// values.
  private func foldRows(_ folds: [KernelReduction], present: LLVMValue, _ strip: ColumnStrip) throws(RuntimeError) {
    guard !folds.isEmpty else { return }
    _ = try loop(from: module.index(0), to: module.index(5)) { step, _ throws(RuntimeError) in
      let half = module.binary(.lshr, module.index(16), step)
      let pairs = smaller(half, module.binary(.sub, present, half))
      _ = try loop(from: module.index(0), to: pairs) { lane, _ throws(RuntimeError) in
        try columnLoop(strip, copies: 1) { points in
          for fold in folds {
            let low = read(fold.number, row: lane, fold.dtype, points[0], strip)
            let high = read(fold.number, row: add(lane, half), fold.dtype, points[0], strip)
            let sum = combine(fold, low, high, ColumnStrip.lanes)
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
  func emitSequential(
    _ frame: StageFrame, _ reductions: [KernelReduction], _ count: LLVMValue, _ strip: ColumnStrip, _ counts: LLVMValue
  ) throws(RuntimeError) {
    let size = KernelDefinition.contractionBlock
    let dots = reductions.filter(\.isDot)
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
              case .argReduce(let kind):
                let index = module.broadcast(module.cast(.trunc, row, to: module.int32), lanes)
                next += better(kind, Array(carried[next.count..<next.count + 2]), [value, index], reduction.dtype)
              case .dot(let rhs):
                next.append(multiplyAdd(value, evaluate(rhs, &values), carried[next.count], reduction.dtype, lanes))
              case .reduce: break
              }
            }
          }
          return next
        }
        var rest = states[...]
        for point in points {
          for reduction in reductions {
            write(rest.removeFirst(), reduction.number, row: module.index(0), reduction.dtype, point, strip)
            if reduction.isArgReduce {
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
  private func pushColumns(_ reductions: [KernelReduction], _ strip: ColumnStrip, _ counts: LLVMValue)
    throws(RuntimeError)
  {
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
        let sum = module.select(isFirst, value, combine(reduction, group, value, ColumnStrip.lanes))
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

  private func finishColumns(_ reductions: [KernelReduction], _ strip: ColumnStrip, _ counts: LLVMValue)
    throws(RuntimeError)
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
            let joined = combine(reduction, group, value, ColumnStrip.lanes)
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
}

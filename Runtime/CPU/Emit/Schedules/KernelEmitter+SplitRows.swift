import KilnIR
import KilnRuntime

/// Few long rows: blocks first, on all threads, then one value a row. A block's value takes eight bytes of the
/// workspace, in the order of the work units.
extension KernelEmitter {
  /// Phase 0: a unit is (outer point, block).
  func emitSplitRowsBlocks() throws(RuntimeError) {
    let reductions = kernel.reductions(ofStage: 0)
    guard let reduction = reductions.first, reductions.count == 1, let workspace = context.workspace else {
      throw unsupported("\(reductions.count) reductions in split rows")
    }
    let count = product(of: kernel.stages[0].inner)
    let size = KernelDefinition.reductionBlock
    try unitLoop(kernel.outer.map(value) + [blockCount(count)]) { unit, coordinates throws(RuntimeError) in
      let outer = Array(coordinates.dropLast())
      let from = multiply(coordinates[coordinates.count - 1], module.index(size))
      let isAny = module.compare(.slt, from, count)
      let result = try branch(if: isAny, otherwise: [emptyValue(reduction)]) { () throws(RuntimeError) in
        let inner = Array(outer.count..<outer.count + kernel.stages[0].inner.count)
        let frame = frame(
          ofStage: 0, coordinates: outer + inner.map { _ in nil }, varying: inner, lanes: Self.rowLanes)
        let span = RowSpan(frame: frame, coordinates: outer, reductions: reductions)
        let to = smaller(add(from, module.index(size)), count)
        let states = try emit(span, from: from, to: to, [starts(reduction, lanes: Self.rowLanes)])
        return [foldAll(reduction, states[0], lanes: Self.rowLanes)]
      }
      let type = reduction.resultDType
      module.store(
        toMemory(result[0], type, 1), module.offset(workspace, unit, of: module.int64), alignment: type.byteCount)
    }
  }

  /// Phase 1: a unit is an outer point; its blocks are combined and the other stages run.
  func emitSplitRowsResults() throws(RuntimeError) {
    guard let reduction = kernel.reductions(ofStage: 0).first, let workspace = context.workspace else {
      throw unsupported("split rows")
    }
    let count = product(of: kernel.stages[0].inner)
    let blocks = blockCount(count)
    let sum: Tree16? = if case .reduce(let kind) = reduction.operation { tree(kind, reduction.dtype) } else { nil }
    try unitLoop(kernel.outer.map(value)) { unit, coordinates throws(RuntimeError) in
      let type = reduction.resultDType
      let start = module.offset(workspace, multiply(unit, blocks), of: module.int64)
      func block(_ number: LLVMValue) -> LLVMValue {
        let place = module.offset(start, number, of: module.int64)
        return fromMemory(module.load(memoryType(type), place, alignment: type.byteCount), type, 1)
      }
      let first = block(module.index(0))
      let isMany = module.compare(.sgt, blocks, module.index(1))
      let result = try branch(if: isMany, otherwise: [first]) { () throws(RuntimeError) in
        switch reduction.operation {
        case .reduce:
          guard let sum, reduction.isBlocked else {
            return try loop(from: module.index(1), to: blocks, carrying: [first]) { number, carried in
              [combine(reduction, carried[0], block(number))]
            }
          }
          return [try tree16(sum, blocks, block)]
        case .argReduce(let kind):
          return try emitBestIndex(reduction, kind, coordinates, blocks, block)
        case .dot: throw unsupported("a dot in split rows")
        }
      }
      context.reducedValues[reduction.number] = result[0]
      for stage in kernel.stages.indices.dropFirst() { try emitScalarStage(stage, coordinates) }
    }
  }

  /// Tree16 of the block values. Whole groups of 16 are added first, so that several of them are under way at once;
  /// their sums, and that of what is left over, make a tree of their own (R1).
  private func tree16(
    _ tree: Tree16, _ blocks: LLVMValue, _ block: (LLVMValue) -> LLVMValue
  ) throws(RuntimeError) -> LLVMValue {
    let size = 16
    reset(tree)
    let groups = module.binary(.udiv, blocks, module.index(size))
    _ = try loop(from: module.index(0), to: groups) { number, _ throws(RuntimeError) in
      let first = multiply(number, module.index(size))
      var sum = block(first)
      for place in 1..<size { sum = combine(tree.kind, sum, block(add(first, module.index(place))), tree.dtype, 1) }
      push(sum, to: tree)
      return []
    }
    let rest = multiply(groups, module.index(size))
    _ = try branch(if: module.compare(.slt, rest, blocks)) { () throws(RuntimeError) in
      let sum = try loop(from: add(rest, module.index(1)), to: blocks, carrying: [block(rest)]) { number, carried in
        [combine(tree.kind, carried[0], block(number), tree.dtype, 1)]
      }
      push(sum[0], to: tree)
      return []
    }
    return result(of: tree)
  }

  /// Blocks keep the index of their best element only: the elements are evaluated again to compare them.
  private func emitBestIndex(
    _ reduction: KernelReduction, _ kind: ArgReductionKind, _ coordinates: [LLVMValue], _ blocks: LLVMValue,
    _ block: (LLVMValue) -> LLVMValue
  ) throws(RuntimeError) -> [LLVMValue] {
    let stage = kernel.stages[0]
    let inner = Array(coordinates.count..<coordinates.count + stage.inner.count)
    let frame = frame(ofStage: 0, coordinates: coordinates + inner.map { _ in nil }, varying: inner, lanes: 1)
    let best = try loop(from: module.index(0), to: blocks, carrying: extremeStart(kind, reduction.dtype, 1)) {
      number, best in
      let index = block(number)
      let place = module.cast(.sext, index, to: module.int64)
      var point = Point(coordinates: coordinates + self.coordinates(of: place, in: stage.inner.map(value)))
      point.innerIndex = place
      var values = BodyValues(frame: frame, point: point)
      return better(kind, best, [evaluate(reduction.value, &values), index], reduction.dtype)
    }
    return [best[1]]
  }

  /// The figure of `CPUSchedule.workUnits`: at least one block, even of nothing.
  private func blockCount(_ count: LLVMValue) -> LLVMValue {
    let blocks = ceilDivide(count, KernelDefinition.reductionBlock)
    return module.select(module.compare(.sgt, blocks, module.index(1)), blocks, module.index(1))
  }
}

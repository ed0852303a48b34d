import KilnIR
import KilnRuntime

/// The serial schedule: scalar loops for any kernel, slow and plain. Reductions keep their lanes on the stack.
extension KernelEmitter {
  /// What a reduction needs while its elements arrive one after the other.
  private struct SerialState {
    let reduction: KernelReduction
    /// The 32 lanes of R2, or one accumulator; for the index of an extreme, its value.
    let lanes: LLVMValue
    let index: LLVMValue
    /// Block values of R2 and D1.
    let tree: Tree16
    let laneCount: Int
  }

  func emitSerial() throws(RuntimeError) {
    let states = kernel.stages.indices.map { kernel.reductions(ofStage: $0).map(serialState) }
    let counter = module.stackSlot(module.int64, 1, alignment: 8)
    try unitLoop(kernel.outer.map(value)) { _, coordinates throws(RuntimeError) in
      for stage in kernel.stages.indices {
        if kernel.stages[stage].inner.isEmpty {
          try emitScalarStage(stage, coordinates)
        } else if kernel.stages[stage].effects.contains(where: { $0.lineOperation != nil }) {
          try emitLineStage(stage, coordinates)
        } else {
          try emitSerialStage(stage, coordinates, states[stage], counter)
        }
      }
    }
  }

  private func serialState(_ reduction: KernelReduction) -> SerialState {
    let laneCount = reduction.isBlocked ? 32 : 1
    return SerialState(
      reduction: reduction, lanes: module.stackSlot(memoryType(reduction.dtype), laneCount, alignment: 64),
      index: module.stackSlot(module.int32, 1, alignment: 8), tree: tree(reduction.kind, reduction.dtype),
      laneCount: laneCount)
  }

  private func emitSerialStage(
    _ number: Int, _ coordinates: [LLVMValue], _ states: [SerialState], _ counter: LLVMValue
  ) throws(RuntimeError) {
    let stage = kernel.stages[number]
    let inner = Array(coordinates.count..<coordinates.count + stage.inner.count)
    let frameOfNothing = module.compare(.sgt, product(of: stage.inner), module.index(0))
    module.store(module.index(0), counter, alignment: 8)
    states.forEach(begin)
    _ = try branch(if: frameOfNothing) { () throws(RuntimeError) in
      let frame = frame(ofStage: number, coordinates: coordinates + inner.map { _ in nil }, varying: inner, lanes: 1)
      try nest(stage.inner[...], []) { innerCoordinates throws(RuntimeError) in
        let count = module.load(module.int64, counter, alignment: 8)
        var point = Point(coordinates: coordinates + innerCoordinates)
        point.innerIndex = count
        var values = BodyValues(frame: frame, point: point)
        emitEffects(&values)
        for state in states { try accumulate(state, count, &values) }
        module.store(add(count, module.index(1)), counter, alignment: 8)
      }
      return []
    }
    let count = module.load(module.int64, counter, alignment: 8)
    for state in states { context.reducedValues[state.reduction.number] = try finish(state, count) }
  }

  func nest(
    _ extents: ArraySlice<KernelInteger>, _ outer: [LLVMValue], _ body: ([LLVMValue]) throws(RuntimeError) -> Void
  ) throws(RuntimeError) {
    guard let extent = extents.first else { return try body(outer) }
    _ = try loop(from: module.index(0), to: value(extent)) { coordinate, _ throws(RuntimeError) in
      try nest(extents.dropFirst(), outer + [coordinate], body)
      return []
    }
  }

  // MARK: - Reductions, element by element

  private func begin(_ state: SerialState) {
    let reduction = state.reduction
    let starts = starts(reduction, lanes: state.laneCount)
    module.store(toMemory(starts[0], reduction.dtype, state.laneCount), state.lanes, alignment: 64)
    if reduction.isArgReduce { module.store(starts[1], state.index, alignment: 4) }
    reset(state.tree)
  }

  private func accumulate(
    _ state: SerialState, _ count: LLVMValue, _ values: inout BodyValues
  ) throws(RuntimeError) {
    let reduction = state.reduction
    let dtype = reduction.dtype
    let value = evaluate(reduction.value, &values)
    let lane = module.binary(.and, count, module.index(state.laneCount - 1))
    let place = module.offset(state.lanes, lane, of: memoryType(dtype))
    let old = fromMemory(module.load(memoryType(dtype), place, alignment: dtype.byteCount), dtype, 1)
    func put(_ new: LLVMValue) { module.store(toMemory(new, dtype, 1), place, alignment: dtype.byteCount) }
    switch reduction.operation {
    case .reduce:
      put(combine(reduction, old, value))
    case .argReduce(let kind):
      let index = module.load(module.int32, state.index, alignment: 4)
      let best = better(kind, [old, index], [value, module.cast(.trunc, count, to: module.int32)], dtype)
      put(best[0])
      module.store(best[1], state.index, alignment: 4)
      return
    case .dot(let rhs):
      put(multiplyAdd(value, evaluate(rhs, &values), old, dtype, 1))
    }
    guard let block = reduction.block else { return }
    let position = module.binary(.and, add(count, module.index(1)), module.index(block - 1))
    _ = try branch(if: module.compare(.eq, position, module.index(0))) { () throws(RuntimeError) in
      finishBlock(state)
      return []
    }
  }

  private func lanes(_ state: SerialState) -> LLVMValue {
    let dtype = state.reduction.dtype
    return fromMemory(
      module.load(memoryType(dtype, state.laneCount), state.lanes, alignment: 64), dtype, state.laneCount)
  }

  private func finishBlock(_ state: SerialState) {
    push(foldAll(state.reduction, [lanes(state)], lanes: state.laneCount), to: state.tree)
    let fresh = starts(state.reduction, lanes: state.laneCount)[0]
    module.store(toMemory(fresh, state.reduction.dtype, state.laneCount), state.lanes, alignment: 64)
  }

  private func finish(_ state: SerialState, _ count: LLVMValue) throws(RuntimeError) -> LLVMValue {
    if state.reduction.isArgReduce {
      let isAny = module.compare(.sgt, count, module.index(0))
      return module.select(
        isAny, module.load(module.int32, state.index, alignment: 4), module.constant(0, module.int32))
    }
    guard let block = state.reduction.block else { return lanes(state) }
    let rest = module.binary(.and, count, module.index(block - 1))
    _ = try branch(if: module.compare(.ne, rest, module.index(0))) { () throws(RuntimeError) in
      finishBlock(state)
      return []
    }
    let isAny = module.compare(.sgt, count, module.index(0))
    return module.select(isAny, result(of: state.tree), emptyValue(state.reduction))
  }
}

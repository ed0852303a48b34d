import KilnIR

/// The values of a body at one point, as far as they are known.
struct BodyValues {
  let frame: StageFrame
  let point: Point
  var known: [Int: LLVMValue] = [:]
  /// Scalars of values that all lanes share.
  var uniform: [Int: LLVMValue] = [:]
}

/// Where the lanes of an access lie, counted in elements from the pointer of the frame.
struct LanePlace {
  enum Lanes {
    case same
    case consecutive
    case scattered(LLVMValue)
  }
  var start: LLVMValue?
  var displacement = 0
  var lanes = Lanes.same
}

extension KernelEmitter {
  /// Emits the effects of a stage at a point, but for its reductions. All that they need comes before the first of
  /// them: a store may go over memory that the body reads, at the same element.
  func emitEffects(_ values: inout BodyValues, streamed: Set<BufferAccess> = []) {
    let effects = values.frame.stage.effects
    evaluateOperands(of: effects, &values)
    for effect in effects {
      switch effect {
      case .store(let id, let access):
        store(evaluate(id, &values), to: access, values, isStreamed: streamed.contains(access))
      case .storeScratch(let id, let row): emitScratchStore(row, id, &values)
      case .scatter(let combiner, let id, let access): scatter(combiner, id, access, &values)
      // Outside of its loop a line has one element.
      case .line(let operation, let id, let access):
        if operation.resultCount == 0 { continue }
        store(operation.resultOfOne.map { constant($0) } ?? evaluate(id, &values), to: access, values)
      case .reduce: break
      }
    }
  }

  private func evaluateOperands(of effects: [Effect], _ values: inout BodyValues) {
    for effect in effects {
      if let data = effect.access?.data, !data.isEmpty {
        let isUniform = data.allSatisfy { self.isUniform($0.value, values) }
        for index in data { _ = isUniform ? evaluateUniform(index.value, &values) : evaluate(index.value, &values) }
      }
      _ = evaluate(effect.value, &values)
      if let rhs = effect.dot?.rhs { _ = evaluate(rhs, &values) }
    }
  }

  /// Stores a value where an access goes.
  func store(_ value: LLVMValue, to access: BufferAccess, _ values: BodyValues, isStreamed: Bool = false) {
    let place = place(of: access.index, values)
    store(
      value, kernel.buffers[access.buffer].dtype, pointer(to: access, place, values.frame), place, values.point.lanes,
      mask: values.point.mask, isStreamed: isStreamed)
  }

  /// The value `id` of the body; values that nothing needs are never emitted.
  func evaluate(_ id: BodyID, _ values: inout BodyValues) -> LLVMValue {
    if let known = values.known[id.index] { return known }
    let lanes = values.point.lanes
    if let hoisted = lanes == 1 ? values.frame.scalars[id.index] : values.frame.broadcasts[id.index] { return hoisted }
    let body = values.frame.stage.body
    let value: LLVMValue
    switch body[id.index] {
    case .constant(let scalar):
      value = constant(scalar, lanes)
    case .operation(let primitive, let operands, let dtype):
      let arguments = operands.map { evaluate($0, &values) }
      let operand = kernel.dtype(of: operands[operands.count - 1], in: body)
      value = apply(primitive, arguments, operand: operand, dtype: dtype, lanes: lanes)
    case .index(let index, let dtype):
      value = coordinate(index, dtype, values)
    case .load(let access) where access.data.isEmpty:
      let place = place(of: access.index, values)
      let pointer = pointer(to: access, place, values.frame)
      value = load(kernel.buffers[access.buffer].dtype, pointer, place, lanes, mask: values.point.mask)
    case .load(let access):
      value = gather(access, &values)
    case .loadScratch(let row):
      let dtype = kernel.scratchRows[row]
      let place = LanePlace(lanes: lanes == 1 ? .same : .consecutive)
      value = load(dtype, scratchPointer(row, values.point), place, lanes, mask: values.point.mask)
    case .reduced(let number):
      value = reduced(number, values.point)
    }
    values.known[id.index] = value
    return value
  }

  // MARK: - Places

  func place(of index: AffineIndex, _ values: BodyValues) -> LanePlace {
    let point = values.point
    var place = LanePlace()
    var scattered: LLVMValue?
    func scatter(_ term: LLVMValue) { scattered = scattered.map { add($0, term) } ?? term }
    var isConsecutive = false
    for axis in values.frame.varying where index.strides[axis] != .constant(0) {
      let stride = index.strides[axis]
      if let lanes = point.laneCoordinates[axis] {
        scatter(multiply(lanes, module.broadcast(value(stride), point.lanes)))
        continue
      }
      if let coordinate = point.coordinates[axis], let term = product(coordinate, stride) {
        place.start = place.start.map { add($0, term) } ?? term
      }
      guard axis == point.vectorAxis else { continue }
      if case .constant(let size) = stride {
        place.displacement += point.displacement * size
      } else if point.displacement != 0 {
        let term = multiply(value(stride), module.index(point.displacement))
        place.start = place.start.map { add($0, term) } ?? term
      }
      guard point.lanes > 1 else { continue }
      if stride == .constant(1) {
        isConsecutive = true
      } else {
        scatter(multiply(iota(module.int64, point.lanes), module.broadcast(value(stride), point.lanes)))
      }
    }
    if isConsecutive && scattered != nil { scatter(iota(module.int64, point.lanes)) }
    place.lanes = scattered.map { .scattered($0) } ?? (isConsecutive ? .consecutive : .same)
    return place
  }

  func pointer(to access: BufferAccess, _ place: LanePlace, _ frame: StageFrame) -> LLVMValue {
    let type = memoryType(kernel.buffers[access.buffer].dtype)
    var pointer = frame.pointers[access.start]!
    if let start = place.start { pointer = module.offset(pointer, start, of: type) }
    return place.displacement == 0 ? pointer : module.offset(pointer, module.index(place.displacement), of: type)
  }

  /// The affine form itself, computed in the integer's own width: it wraps as its low bits do.
  private func coordinate(_ index: AffineIndex, _ dtype: DType, _ values: BodyValues) -> LLVMValue {
    let lanes = values.point.lanes
    let place = place(of: index, values)
    var first = values.frame.bases[index]!
    if let start = place.start { first = add(first, start) }
    if place.displacement != 0 { first = add(first, module.index(place.displacement)) }
    let type = integerType(dtype)
    func narrowed(_ value: LLVMValue, _ count: Int) -> LLVMValue {
      dtype.bitWidth == 64 ? value : module.cast(.trunc, value, to: integerType(dtype, count))
    }
    let spread = module.broadcast(narrowed(first, 1), lanes)
    switch place.lanes {
    case .same: return spread
    case .consecutive: return add(spread, iota(type, lanes))
    case .scattered(let offsets): return add(spread, narrowed(offsets, lanes))
    }
  }

  // MARK: - Memory

  /// `pointer` with 64-bit element offsets as a vector of pointers is what LLVM's gathers take.
  private func pointers(_ pointer: LLVMValue, _ offsets: LLVMValue, _ dtype: DType) -> LLVMValue {
    module.offsets(pointer, offsets, of: memoryType(dtype))
  }

  func load(_ dtype: DType, _ pointer: LLVMValue, _ place: LanePlace, _ lanes: Int, mask: LLVMValue?) -> LLVMValue {
    let alignment = dtype.byteCount
    let vector = memoryType(dtype, lanes)
    switch place.lanes {
    case .same:
      let scalar = fromMemory(module.load(memoryType(dtype), pointer, alignment: alignment), dtype, 1)
      return module.broadcast(scalar, lanes)
    case .consecutive:
      guard let mask else { return fromMemory(module.load(vector, pointer, alignment: alignment), dtype, lanes) }
      let loaded = module.maskedLoad(vector, pointer, alignment: alignment, mask: mask, otherwise: module.zero(vector))
      return fromMemory(loaded, dtype, lanes)
    case .scattered(let offsets):
      let loaded = module.gather(
        vector, pointers(pointer, offsets, dtype), alignment: alignment, mask: mask ?? allLanes(lanes))
      return fromMemory(loaded, dtype, lanes)
    }
  }

  func store(
    _ value: LLVMValue, _ dtype: DType, _ pointer: LLVMValue, _ place: LanePlace, _ lanes: Int, mask: LLVMValue?,
    isStreamed: Bool = false
  ) {
    let stored = toMemory(value, dtype, lanes)
    let alignment = dtype.byteCount
    switch place.lanes {
    case .same where lanes == 1:
      module.store(stored, pointer, alignment: alignment)
    case .consecutive:
      if let mask {
        module.maskedStore(stored, pointer, alignment: alignment, mask: mask)
      } else {
        module.store(stored, pointer, alignment: isStreamed ? 64 : alignment, isStreamed: isStreamed)
      }
    case .scattered(let offsets):
      module.scatter(stored, pointers(pointer, offsets, dtype), alignment: alignment, mask: mask ?? allLanes(lanes))
    case .same:
      // Points of one vector that share an element: all write the same place, the last wins as in a loop.
      module.scatter(
        stored, pointers(pointer, module.zero(module.vector(module.int64, lanes)), dtype), alignment: alignment,
        mask: mask ?? allLanes(lanes))
    }
  }
}

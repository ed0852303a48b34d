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
  /// Emits all that the effects need before the first of them: a store may go over memory that the body reads, at the same
  /// element.
  func evaluateOperands(of effects: [Effect], _ values: inout BodyValues) {
    for effect in effects {
      switch effect {
      case .store(_, _, let value), .storeScratch(_, let value), .reduce(_, let value), .argReduce(_, let value),
        .scanReduce(_, let value, _, _), .argSort(let value, _, _):
        _ = evaluate(value, &values)
      case .dot(let lhs, let rhs):
        _ = evaluate(lhs, &values)
        _ = evaluate(rhs, &values)
      case .scatter(_, _, let data, _, _, let value):
        let isUniform = data.allSatisfy { self.isUniform($0.value, values) }
        for index in data { _ = isUniform ? evaluateUniform(index.value, &values) : evaluate(index.value, &values) }
        _ = evaluate(value, &values)
      }
    }
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
      let operand = body.dtype(of: operands[operands.count - 1], in: kernel)
      value = apply(primitive, arguments, operand: operand, dtype: dtype, lanes: lanes)
    case .index(let index, let dtype):
      value = coordinate(index, dtype, values)
    case .load(let buffer, let index):
      let place = place(of: index, values)
      let pointer = pointer(to: buffer, index, place, values.frame)
      value = load(kernel.buffers[buffer].dtype, pointer, place, lanes, mask: values.point.mask)
    case .gather(let buffer, let index, let data, let bounds):
      value = gather(buffer, index, data, bounds, &values)
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

  func pointer(to buffer: Int, _ index: AffineIndex, _ place: LanePlace, _ frame: StageFrame) -> LLVMValue {
    let type = memoryType(kernel.buffers[buffer].dtype)
    var pointer = frame.pointers[StageFrame.Access(buffer: buffer, index: index)]!
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

  // MARK: - Indices that are data

  /// The index as 64 bits, whether it may be used, and what it becomes under `clamp`.
  private func bounded(
    _ index: LLVMValue, _ dtype: DType, _ extent: LLVMValue, _ bounds: IndexBounds, _ lanes: Int
  ) -> (index: LLVMValue, isInside: LLVMValue) {
    let wide = convert(index, from: dtype, to: dtype.isSignedInteger ? .i64 : .u64, lanes)
    let limit = module.broadcast(extent, lanes)
    let zero = module.zero(module.vector(module.int64, lanes))
    switch bounds {
    case .check, .drop:
      return (wide, module.compare(.ult, wide, limit))
    case .clamp:
      let last = module.binary(.sub, limit, module.splat(module.index(1), lanes))
      let raised = dtype.isSignedInteger ? module.select(module.compare(.slt, wide, zero), zero, wide) : wide
      let lowered = module.select(module.compare(.ult, raised, limit), raised, last)
      return (lowered, module.compare(.sgt, limit, zero))
    }
  }

  /// Under `check`, writes `site` to the status word if a lane that exists is outside.
  private func report(_ bounds: IndexBounds, _ isInside: LLVMValue, _ site: Int, _ lanes: Int, mask: LLVMValue?) {
    guard bounds == .check else { return }
    var isOutside = module.binary(.xor, isInside, allLanes(lanes))
    if let mask { isOutside = module.binary(.and, isOutside, mask) }
    let bits = lanes == 1 ? isOutside : module.cast(.bitcast, isOutside, to: module.integer(lanes))
    let failed = module.block("outside", in: function)
    let after = module.block("inside", in: function)
    let isAny = module.compare(.ne, bits, module.constant(0, module.integer(lanes)))
    module.branch(if: isAny, to: failed, else: after)
    module.position(at: failed)
    module.store(module.constant(site, module.int32), status, alignment: 4)
    module.branch(to: after)
    module.position(at: after)
  }

  /// Where indices that are data lead: elements from the affine place, as one number for all lanes or one a lane, and
  /// whether the element there may be used.
  private struct Chosen {
    var offset: LLVMValue
    var isInside: LLVMValue
    var isUniform: Bool
  }

  private func choose(_ data: [DataIndex], _ bounds: IndexBounds, _ values: inout BodyValues) -> Chosen {
    let isUniform = data.allSatisfy { self.isUniform($0.value, values) }
    let lanes = isUniform ? 1 : values.point.lanes
    var chosen: Chosen?
    for index in data {
      let dtype = values.frame.stage.body.dtype(of: index.value, in: kernel)
      let number = isUniform ? evaluateUniform(index.value, &values) : evaluate(index.value, &values)
      let (element, isInside) = bounded(number, dtype, value(index.extent), bounds, lanes)
      report(bounds, isInside, index.site, lanes, mask: isUniform ? nil : values.point.mask)
      let offset = multiply(element, module.broadcast(value(index.stride), lanes))
      chosen = Chosen(
        offset: chosen.map { add($0.offset, offset) } ?? offset,
        isInside: chosen.map { module.binary(.and, $0.isInside, isInside) } ?? isInside, isUniform: isUniform)
    }
    return chosen ?? Chosen(offset: module.index(0), isInside: module.constant(1, module.int1), isUniform: true)
  }

  /// The lanes of an access by data, from `start`, and those of them that may be used.
  private func lanes(
    of place: LanePlace, _ chosen: Chosen, from start: LLVMValue, _ dtype: DType, _ point: Point
  ) -> (start: LLVMValue, place: LanePlace, mask: LLVMValue) {
    let lanes = point.lanes
    var place = place
    let isInside = chosen.isUniform ? module.broadcast(chosen.isInside, lanes) : chosen.isInside
    let mask = point.mask.map { module.binary(.and, $0, isInside) } ?? isInside
    if chosen.isUniform {
      if case .same = place.lanes { place.lanes = .scattered(module.zero(module.vector(module.int64, lanes))) }
      return (module.offset(start, chosen.offset, of: memoryType(dtype)), place, mask)
    }
    switch place.lanes {
    case .same: place.lanes = .scattered(chosen.offset)
    case .consecutive: place.lanes = .scattered(add(chosen.offset, iota(module.int64, lanes)))
    case .scattered(let more): place.lanes = .scattered(add(chosen.offset, more))
    }
    return (start, place, mask)
  }

  private func gather(
    _ buffer: Int, _ index: AffineIndex, _ data: [DataIndex], _ bounds: IndexBounds, _ values: inout BodyValues
  ) -> LLVMValue {
    let dtype = kernel.buffers[buffer].dtype
    let chosen = choose(data, bounds, &values)
    let place = place(of: index, values)
    let start = pointer(to: buffer, index, place, values.frame)
    let isOne = if case .same = place.lanes { chosen.isUniform } else { false }
    if values.point.lanes == 1 || isOne {
      let moved = module.offset(start, chosen.offset, of: memoryType(dtype))
      let safe = module.select(chosen.isInside, moved, zeroSlot)
      let element = fromMemory(module.load(memoryType(dtype), safe, alignment: dtype.byteCount), dtype, 1)
      return module.broadcast(element, values.point.lanes)
    }
    // One index for all lanes reads a row as a vector.
    let access = lanes(of: place, chosen, from: start, dtype, values.point)
    return load(dtype, access.start, access.place, values.point.lanes, mask: access.mask)
  }

  /// One update of a scatter, or one for each lane, which reach different elements. What updates one element comes one
  /// after the other (R5).
  func scatter(
    _ buffer: Int, _ index: AffineIndex, _ data: [DataIndex], _ combiner: ScatterCombiner, _ bounds: IndexBounds,
    _ update: BodyID, _ values: inout BodyValues
  ) {
    let dtype = kernel.buffers[buffer].dtype
    let lanes = values.point.lanes
    let new = evaluate(update, &values)
    let chosen = choose(data, bounds, &values)
    let place = place(of: index, values)
    let start = pointer(to: buffer, index, place, values.frame)
    func combined(_ old: () -> LLVMValue) -> LLVMValue {
      switch combiner {
      case .replace: new
      case .add: apply(.add, [old(), new], operand: dtype, dtype: dtype, lanes: lanes)
      case .multiply: apply(.multiply, [old(), new], operand: dtype, dtype: dtype, lanes: lanes)
      case .maximum: apply(.maximum, [old(), new], operand: dtype, dtype: dtype, lanes: lanes)
      case .minimum: apply(.minimum, [old(), new], operand: dtype, dtype: dtype, lanes: lanes)
      }
    }
    if lanes == 1 {
      // What falls outside is combined into eight bytes that nobody reads.
      let moved = module.offset(start, chosen.offset, of: memoryType(dtype))
      let target = module.select(chosen.isInside, moved, dropSlot)
      let result = combined { fromMemory(module.load(memoryType(dtype), target, alignment: dtype.byteCount), dtype, 1) }
      module.store(toMemory(result, dtype, 1), target, alignment: dtype.byteCount)
      return
    }
    let access = self.lanes(of: place, chosen, from: start, dtype, values.point)
    let result = combined { load(dtype, access.start, access.place, lanes, mask: access.mask) }
    store(result, dtype, access.start, access.place, lanes, mask: access.mask)
  }

  // MARK: - Values that all lanes share

  /// Whether a value of the body is the same in all lanes of the point.
  private func isUniform(_ id: BodyID, _ values: BodyValues) -> Bool {
    let (frame, point) = (values.frame, values.point)
    if point.lanes == 1 || frame.isInvariant(id) { return true }
    func isSame(_ index: AffineIndex) -> Bool {
      point.vectorAxis.map { index.strides[$0] == .constant(0) } ?? true
        && point.laneCoordinates.keys.allSatisfy { index.strides[$0] == .constant(0) }
    }
    switch frame.stage.body[id.index] {
    case .constant: return true
    case .operation(_, let operands, _): return operands.allSatisfy { isUniform($0, values) }
    case .index(let index, _), .load(_, let index): return isSame(index)
    case .gather(_, let index, let data, _): return isSame(index) && data.allSatisfy { isUniform($0.value, values) }
    case .loadScratch: return false
    case .reduced: return !frame.reducedVaries
    }
  }

  /// A value that all lanes share, as a scalar.
  private func evaluateUniform(_ id: BodyID, _ values: inout BodyValues) -> LLVMValue {
    if values.point.lanes == 1 { return evaluate(id, &values) }
    var point = values.point
    point.lanes = 1
    point.mask = nil
    point.laneCoordinates = [:]
    var scalars = BodyValues(frame: values.frame, point: point, known: values.uniform)
    let value = evaluate(id, &scalars)
    values.uniform = scalars.known
    return value
  }
}

import KilnIR

/// Gathers and scatters: places that data lead to, checked against their bounds. An index that all lanes share is a
/// scalar, and what it leads to a row of vectors.
extension KernelEmitter {
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

  /// Under `check`, writes `site` to the status word and the index behind it if a lane that exists is outside.
  private func report(
    _ bounds: IndexBounds, _ index: LLVMValue, _ isInside: LLVMValue, _ site: Int, _ lanes: Int, mask: LLVMValue?
  ) {
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
    var outside = index
    if lanes > 1 {
      // Of the lanes outside that with the greatest word.
      let type = module.vector(module.int64, lanes)
      outside = module.intrinsic(
        "llvm.vector.reduce.umax", [type], [module.select(isOutside, index, module.zero(type))])
    }
    module.store(outside, module.offset(status, module.index(1), of: module.int64), alignment: 8)
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

  private func choose(_ access: BufferAccess, _ values: inout BodyValues) -> Chosen {
    let bounds = access.bounds ?? .drop
    let isUniform = access.data.allSatisfy { self.isUniform($0.value, values) }
    let lanes = isUniform ? 1 : values.point.lanes
    var chosen: Chosen?
    for index in access.data {
      let dtype = kernel.dtype(of: index.value, in: values.frame.stage.body)
      let number = isUniform ? evaluateUniform(index.value, &values) : evaluate(index.value, &values)
      let (element, isInside) = bounded(number, dtype, value(index.extent), bounds, lanes)
      report(bounds, element, isInside, index.site, lanes, mask: isUniform ? nil : values.point.mask)
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

  func gather(_ access: BufferAccess, _ values: inout BodyValues) -> LLVMValue {
    let dtype = kernel.buffers[access.buffer].dtype
    let chosen = choose(access, &values)
    let place = place(of: access.index, values)
    let start = pointer(to: access, place, values.frame)
    let isOne = if case .same = place.lanes { chosen.isUniform } else { false }
    if values.point.lanes == 1 || isOne {
      let moved = module.offset(start, chosen.offset, of: memoryType(dtype))
      let safe = module.select(chosen.isInside, moved, context.zeroSlot)
      let element = fromMemory(module.load(memoryType(dtype), safe, alignment: dtype.byteCount), dtype, 1)
      return module.broadcast(element, values.point.lanes)
    }
    // One index for all lanes reads a row as a vector.
    let row = lanes(of: place, chosen, from: start, dtype, values.point)
    return load(dtype, row.start, row.place, values.point.lanes, mask: row.mask)
  }

  /// One update of a scatter, or one for each lane, which reach different elements. What updates one element comes one
  /// after the other (R5).
  func scatter(
    _ combiner: ScatterCombiner, _ update: BodyID, _ access: BufferAccess, _ values: inout BodyValues
  ) {
    let dtype = kernel.buffers[access.buffer].dtype
    let lanes = values.point.lanes
    let new = evaluate(update, &values)
    let chosen = choose(access, &values)
    let place = place(of: access.index, values)
    let start = pointer(to: access, place, values.frame)
    func combined(_ old: () -> LLVMValue) -> LLVMValue {
      guard let primitive = combiner.primitive else { return new }
      return apply(primitive, [old(), new], operand: dtype, dtype: dtype, lanes: lanes)
    }
    if lanes == 1 {
      // What falls outside is combined into eight bytes that are never read.
      let moved = module.offset(start, chosen.offset, of: memoryType(dtype))
      let target = module.select(chosen.isInside, moved, context.dropSlot)
      let result = combined { fromMemory(module.load(memoryType(dtype), target, alignment: dtype.byteCount), dtype, 1) }
      module.store(toMemory(result, dtype, 1), target, alignment: dtype.byteCount)
      return
    }
    let target = self.lanes(of: place, chosen, from: start, dtype, values.point)
    let result = combined { load(dtype, target.start, target.place, lanes, mask: target.mask) }
    store(result, dtype, target.start, target.place, lanes, mask: target.mask)
  }

  // MARK: - Values that all lanes share

  /// Whether a value of the body is the same in all lanes of the point.
  func isUniform(_ id: BodyID, _ values: BodyValues) -> Bool {
    let (frame, point) = (values.frame, values.point)
    if point.lanes == 1 || frame.isInvariant(id) { return true }
    func isSame(_ index: AffineIndex) -> Bool {
      point.vectorAxis.map { index.strides[$0] == .constant(0) } ?? true
        && point.laneCoordinates.keys.allSatisfy { index.strides[$0] == .constant(0) }
    }
    switch frame.stage.body[id.index] {
    case .constant: return true
    case .operation(_, let operands, _): return operands.allSatisfy { isUniform($0, values) }
    case .index(let index, _): return isSame(index)
    case .load(let access): return isSame(access.index) && access.data.allSatisfy { isUniform($0.value, values) }
    case .loadScratch: return false
    case .reduced: return !frame.reducedVaries
    }
  }

  /// A value that all lanes share, as a scalar.
  func evaluateUniform(_ id: BodyID, _ values: inout BodyValues) -> LLVMValue {
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

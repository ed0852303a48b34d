import KilnIR
import KilnRuntime

/// The stages after the dot of a contraction, on rows of a tile whose sums lie in scratch, and the test whether a tile
/// needs its sums. This is all the code that a contraction has of its own: begin and end are rows, and the scratch is
/// the record of their row block.
extension KernelEmitter {
  func emitEpilogue() throws(RuntimeError) {
    try forEachPiece { contraction, frames, point, sums in
      let outer = context.loadReduced
      let sum = module.load(registerType(contraction.dtype, point.lanes), sums, alignment: contraction.dtype.byteCount)
      context.loadReduced = { _, _ in sum }
      for frame in frames {
        var values = BodyValues(frame: frame, point: point)
        emitEffects(&values)
      }
      context.loadReduced = outer
    }
  }

  /// Writes to the record whether `condition` holds anywhere in the tile.
  func emitTest(of condition: DotCondition) throws(RuntimeError) {
    let place = module.offset(scratch, module.index(RowBlock.isNeeded), of: module.int64)
    module.store(module.index(0), place, alignment: 8)
    try forEachPiece { _, frames, point, _ in
      var values = BodyValues(frame: frames[0], point: point)
      var holds = evaluate(condition.value, &values)
      if !condition.isSeen { holds = module.binary(.xor, holds, allLanes(point.lanes)) }
      if let mask = point.mask { holds = module.binary(.and, holds, mask) }
      if point.lanes > 1 { holds = module.intrinsic("llvm.vector.reduce.or", [module.type(of: holds)], [holds]) }
      let known = module.load(module.int64, place, alignment: 8)
      module.store(
        module.binary(.or, known, module.cast(.zext, holds, to: module.int64)), place, alignment: 8)
    }
  }

  /// Emits a body for vectors of a tile's columns, row by row: the frames of the stages behind the dot, the point, and
  /// where its sums lie.
  private func forEachPiece(
    _ body: (Contraction, [StageFrame], Point, _ sums: LLVMValue) throws(RuntimeError) -> Void
  ) throws(RuntimeError) {
    guard let contraction = Contraction(kernel) else { throw unsupported("a contraction without roles") }
    let roles = contraction.roles
    let record = scratch
    let dtype = registerType(contraction.dtype)
    var coordinates: [LLVMValue?] = (0..<roles.batchAxes).map { word(record, RowBlock.batch + $0) }
    coordinates += [LLVMValue?](repeating: nil, count: kernel.outer.count - coordinates.count)
    let sums = module.load(module.pointer, record, alignment: 8)
    let pitch = word(record, RowBlock.pitch)
    let (column, present) = (word(record, RowBlock.column), word(record, RowBlock.present))
    _ = try loop(from: begin, to: end) { row, _ throws(RuntimeError) in
      if roles.rowAxes > 0 { coordinates[roles.batchAxes] = row }
      let start = module.offset(sums, multiply(difference(row, begin), pitch), of: dtype)
      try emitRow(contraction, coordinates, column: column, present: present, sums: start, body)
      return []
    }
  }

  /// One row: `present` columns from `column` on, whose sums lie at `sums`.
  private func emitRow(
    _ c: Contraction, _ coordinates: [LLVMValue?], column: LLVMValue, present: LLVMValue, sums: LLVMValue,
    _ body: (Contraction, [StageFrame], Point, _ sums: LLVMValue) throws(RuntimeError) -> Void
  ) throws(RuntimeError) {
    let axis = c.roles.columnAxis
    let hasColumns = axis < kernel.outer.count
    // Masks of narrower elements than 32 bits are slow.
    let lanes = hasColumns ? max(1, compiler.features.vectorClass.rawValue / 8 / max(4, c.dtype.byteCount)) : 1
    let frames = kernel.stages.indices.dropFirst().map {
      frame(ofStage: $0, coordinates: coordinates, varying: hasColumns ? [axis] : [], lanes: lanes, reducedVaries: true)
    }
    guard hasColumns else { return try body(c, frames, Point(coordinates: coordinates), sums) }
    func piece(_ first: LLVMValue, mask: LLVMValue?) throws(RuntimeError) {
      var point = Point(lanes: lanes, coordinates: coordinates)
      point.coordinates[axis] = add(column, first)
      point.vectorAxis = axis
      point.mask = mask
      try body(c, frames, point, module.offset(sums, first, of: registerType(c.dtype)))
    }
    let whole = module.binary(.and, present, module.index(~(lanes - 1)))
    _ = try loop(from: module.index(0), to: whole, step: lanes) { first, _ throws(RuntimeError) in
      try piece(first, mask: nil)
      return []
    }
    if lanes == 1 { return }
    _ = try branch(if: module.compare(.slt, whole, present)) { () throws(RuntimeError) in
      try piece(whole, mask: mask(count: difference(present, whole), lanes))
      return []
    }
  }
}

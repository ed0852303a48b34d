import KilnIR
import KilnRuntime

/// The stages after the dot, on the rows of a tile that is finished in scratch.
extension KernelEmitter {
  /// A function that runs the stages from 1 on. Its parameters: begin is the tile's first row within its row block, end
  /// the first column, then the record of the row block and the number of rows.
  func epilogue(_ c: TiledContraction) throws(RuntimeError) -> LLVMFunction {
    try subfunction("epilogue", [module.pointer, module.int64]) { () throws(RuntimeError) in
      let (record, rows) = (function.parameters[6], function.parameters[7])
      let column = end
      var coordinates: [LLVMValue?] = (0..<c.roles.batchAxes).map {
        module.load(module.int64, field(record, RowBlock.batch + $0), alignment: 8)
      }
      let firstRow = add(module.load(module.int64, field(record, RowBlock.row), alignment: 8), begin)
      coordinates += [LLVMValue?](repeating: nil, count: kernel.outer.count - coordinates.count)
      let columns = c.columnAxis.map { value(kernel.outer[$0]) } ?? module.index(1)
      let present = smaller(difference(columns, column), module.index(c.tileColumns))
      _ = try loop(from: module.index(0), to: rows) { row, _ throws(RuntimeError) in
        if let axis = c.rowAxis { coordinates[axis] = add(firstRow, row) }
        try emitRow(
          c, coordinates, column: column, present: present,
          sums: module.offset(scratch, multiply(row, module.index(c.tileColumns)), of: registerType(c.dtype)))
        return []
      }
    }
  }

  /// One row: `present` columns from `column` on, whose sums lie at `sums`.
  private func emitRow(
    _ c: TiledContraction, _ coordinates: [LLVMValue?], column: LLVMValue, present: LLVMValue, sums: LLVMValue
  ) throws(RuntimeError) {
    let stages = kernel.stages.indices.dropFirst()
    guard let axis = c.columnAxis else {
      try emitStages(
        c, stages.map { frame(ofStage: $0, coordinates: coordinates, varying: [], lanes: 1, reducedVaries: true) },
        Point(coordinates: coordinates), sums: sums)
      return
    }
    let lanes = c.tileColumns.isMultiple(of: 2 * c.lanes) ? 2 * c.lanes : c.lanes
    let frames = stages.map {
      frame(ofStage: $0, coordinates: coordinates, varying: [axis], lanes: lanes, reducedVaries: true)
    }
    // No panel has columns that do not exist.
    let isWhole =
      if case .constant(let columns) = kernel.outer[axis] { columns.isMultiple(of: c.tileColumns) } else { false }
    func piece(_ first: LLVMValue) throws(RuntimeError) {
      var point = Point(lanes: lanes, coordinates: coordinates)
      point.coordinates[axis] = add(column, first)
      point.vectorAxis = axis
      let values = module.offset(sums, first, of: registerType(c.dtype))
      if isWhole { return try emitStages(c, frames, point, sums: values) }
      let rest = difference(present, first)
      try either(module.compare(.sge, rest, module.index(lanes))) { () throws(RuntimeError) in
        try emitStages(c, frames, point, sums: values)
      } else: { () throws(RuntimeError) in
        var masked = point
        masked.mask = mask(count: rest, lanes)
        try emitStages(c, frames, masked, sums: values)
      }
    }
    if lanes == c.tileColumns { return try piece(module.index(0)) }
    _ = try loop(from: module.index(0), to: present, step: lanes) { first, _ throws(RuntimeError) in
      try piece(first)
      return []
    }
  }

  private func emitStages(_ c: TiledContraction, _ frames: [StageFrame], _ point: Point, sums: LLVMValue)
    throws(RuntimeError)
  {
    let outer = context.loadReduced
    let sum = module.load(registerType(c.dtype, point.lanes), sums, alignment: c.elementBytes)
    context.loadReduced = { _, _ in sum }
    for frame in frames {
      var values = BodyValues(frame: frame, point: point)
      emitEffects(&values)
    }
    context.loadReduced = outer
  }
}

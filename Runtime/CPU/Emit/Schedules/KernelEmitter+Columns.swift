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

/// The column schedule: vectors along the last outer axis, reductions stepping over rows. Accumulators live in the
/// scratch, for each reduction 32 rows (the lanes of R2) and 8 (the levels of Tree16); row 0 holds the result in the
/// end.
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
      context.loadReduced = { number, point in self.loadResult(number, point, strip) }
      for stage in kernel.stages.indices {
        if kernel.stages[stage].inner.isEmpty {
          try emitColumnPoints(stage, strip)
        } else {
          try emitColumnStage(stage, strip, counts)
        }
      }
    }
    context.loadReduced = nil
  }

  // MARK: - Loops and places

  /// Visits the strip in vectors, `copies` in a turn, then masked ones; masked ones only if `copies` is 0, which is
  /// less code. The points lack their inner coordinates.
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

  func read(
    _ reduction: Int, row: LLVMValue, _ dtype: DType, _ point: Point, _ strip: ColumnStrip
  ) -> LLVMValue {
    load(
      dtype, place(reduction, row: row, dtype, point, strip), LanePlace(lanes: .consecutive), point.lanes,
      mask: point.mask)
  }

  func write(
    _ value: LLVMValue, _ reduction: Int, row: LLVMValue, _ dtype: DType, _ point: Point, _ strip: ColumnStrip
  ) {
    store(
      value, dtype, place(reduction, row: row, dtype, point, strip), LanePlace(lanes: .consecutive), point.lanes,
      mask: point.mask)
  }

  /// The index of an extreme stands in row 1, beside its value.
  private func loadResult(_ number: Int, _ point: Point, _ strip: ColumnStrip) -> LLVMValue {
    let isIndex = kernel.stages.indices.flatMap(kernel.reductions(ofStage:)).contains {
      $0.isArgReduce && $0.number == number
    }
    return read(number, row: module.index(isIndex ? 1 : 0), reducedTypes[number], point, strip)
  }

  func copies(_ stage: KernelDefinition.Stage, _ reductions: Int) -> Int {
    let operations = stage.body.count { if case .operation = $0 { true } else { false } }
    return operations * max(1, reductions) <= 8 ? 4 : operations <= 24 ? 2 : 1
  }

  // MARK: - Stages

  /// A stage without inner axes: one visit of each column.
  private func emitColumnPoints(_ number: Int, _ strip: ColumnStrip) throws(RuntimeError) {
    let frame = frame(
      ofStage: number, coordinates: strip.coordinates, varying: [strip.axis], lanes: ColumnStrip.lanes,
      reducedVaries: true)
    let reductions = kernel.reductions(ofStage: number)
    try columnLoop(strip, copies: 1) { points throws(RuntimeError) in
      for point in points {
        var values = BodyValues(frame: frame, point: point)
        emitEffects(&values)
        for reduction in reductions {
          let value = evaluate(reduction.value, &values)
          switch reduction.operation {
          case .reduce: write(value, reduction.number, row: module.index(0), reduction.dtype, point, strip)
          case .argReduce, .dot: throw unsupported("\(reduction.operation) without inner axes in columns")
          }
        }
      }
    }
  }

  private func emitColumnStage(_ number: Int, _ strip: ColumnStrip, _ counts: LLVMValue) throws(RuntimeError) {
    let stage = kernel.stages[number]
    let count = product(of: stage.inner)
    let reductions = kernel.reductions(ofStage: number)
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
      let folds = reductions.filter { !$0.isDot && !$0.isArgReduce }
      let others = reductions.filter { $0.isDot || $0.isArgReduce }
      // The last walk over the elements is the one that stores: a result may lie over what the others read.
      if !others.isEmpty { try emitSequential(frame, others, count, strip, counts) }
      if stage.effects.first?.lineOperation != nil {
        try emitColumnScan(frame, count, strip)
      } else if !folds.isEmpty {
        try emitFolds(frame, folds, count, strip, counts)
      } else if stage.effects.count > others.count {
        try emitColumnRows(frame, count, strip)
      }
      return []
    }
  }

  private func writeEmpty(_ reduction: KernelReduction, _ point: Point, _ strip: ColumnStrip) {
    let lanes = ColumnStrip.lanes
    write(
      module.broadcast(emptyValue(reduction), lanes), reduction.number,
      row: module.index(reduction.isArgReduce ? 1 : 0),
      reduction.resultDType, point, strip)
  }

  /// The point in row `row` of the inner domain.
  func at(_ row: LLVMValue, _ point: Point, _ stage: KernelDefinition.Stage) -> Point {
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
          emitEffects(&values)
        }
      }
      return []
    }
  }
}

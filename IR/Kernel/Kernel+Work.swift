/// The cut of a kernel into phases and work units, and the memory that it needs beside its buffers. The plan, the
/// interpreter and the emitters share these figures.
///
/// A compiled phase has the C signature `void phaseN(void *const *buffers, const int64_t *integers, int64_t begin,
/// int64_t end, void *scratch, int32_t *status)` and runs the work units `begin ..< end`. `buffers` holds the kernel's
/// buffers and then, if `workspaceBytes` is not 0, the workspace. Units of one phase may run at once on several threads,
/// each with its own `scratch` of `scratchBytes`; phases follow one another.
extension Kernel {
  /// Elements of a block of R2, and terms of a block of D1.
  public static let reductionBlock = 1024
  public static let contractionBlock = 512

  public var phaseCount: Int {
    switch schedule {
    case .serial, .pointwise, .turned, .rows, .columns: 1
    case .splitRows: 2
    case .contraction(let schedule): schedule.packsRight ? 2 : 1
    }
  }

  /// The number of work units of a phase for these launch integers.
  public func workUnits(phase: Int, _ integers: [Int]) -> Int {
    let extents = outer.map { $0.value(integers) }
    let points = extents.reduce(1, *)
    guard points > 0 else { return 0 }
    switch schedule {
    case .serial, .rows: return points
    case .pointwise(_, _, let grain, _): return Self.stripUnits(extents, grain)
    case .turned(let axis, let lanes, let grain):
      var units = extents
      units[axis] = Self.ceilDivide(extents[axis], lanes)
      return Self.stripUnits(units, grain)
    case .columns(let strip): return Self.stripUnits(extents, strip)
    case .splitRows: return phase == 0 ? points * blocks(integers) : points
    case .contraction(let schedule):
      let shape = contractionShape(schedule, integers)
      let panels = Self.ceilDivide(shape.columns, schedule.tileColumns)
      if schedule.packsRight && phase == 0 { return rightBatches(schedule, integers) * panels }
      return shape.batches * Self.ceilDivide(shape.rows, schedule.tileRows) * panels
    }
  }

  /// Bytes shared by all phases and threads of one launch: block values of `splitRows`, packed panels of a contraction.
  public func workspaceBytes(_ integers: [Int]) -> Int {
    let extents = outer.map { $0.value(integers) }
    let points = extents.reduce(1, *)
    guard points > 0 else { return 0 }
    switch schedule {
    case .serial, .pointwise, .turned, .rows, .columns: return 0
    case .splitRows: return points * blocks(integers) * 8
    case .contraction(let schedule):
      guard schedule.packsRight else { return 0 }
      let shape = contractionShape(schedule, integers)
      let panels = Self.ceilDivide(shape.columns, schedule.tileColumns)
      return rightBatches(schedule, integers) * panels * shape.terms * schedule.tileColumns * elementBytesOfDot
    }
  }

  /// Bytes of scratch per thread: the scratch rows, each padded to whole cache lines with one line to spare for masked
  /// tails, and what the schedule needs for accumulators.
  public func scratchBytes(_ integers: [Int]) -> Int {
    var bytes = 0
    for row in scratchRows.indices { bytes += scratchRowBytes(row, integers) }
    switch schedule {
    case .serial: return bytes + sortScratchBytes(integers) + 4096
    case .pointwise, .turned, .rows, .splitRows: return bytes + 4096
    // 32 lanes and the levels of Tree16 for every column of the strip and every reduction.
    case .columns(let strip): return bytes + reductionCount * (32 + 8) * strip * 8 + 4096
    case .contraction(let schedule):
      let terms = contractionShape(schedule, integers).terms
      return bytes + schedule.scratchBytes(terms: terms, elementBytes: elementBytesOfDot) + 4096
    }
  }

  /// Bytes for sorting a line: two places for each key and each number, and a histogram of a byte for every byte of a key.
  private func sortScratchBytes(_ integers: [Int]) -> Int {
    guard sorts, let longest = stages.map({ $0.innerCount(integers) }).max() else { return 0 }
    return Self.ceilDivide(longest, 16) * 16 * Self.sortBytesPerElement + 8 * 256 * 8
  }

  /// The buffers of a kernel that does nothing but copy one to the other, element by element: where both are the same
  /// memory there is nothing to do.
  public var copiedBuffers: (source: Int, target: Int)? {
    guard stages.count == 1, stages[0].inner.isEmpty, stages[0].body.count == 1, stages[0].effects.count == 1,
      case .load(let source, let from) = stages[0].body[0],
      case .store(let target, let to, let value) = stages[0].effects[0], value.index == 0, from == to
    else { return nil }
    return (source, target)
  }

  public static let sortBytesPerElement = 24

  /// Bytes from one scratch row to the next: whole cache lines, with 128 spare bytes for masked tails.
  public func scratchRowBytes(_ row: Int, _ integers: [Int]) -> Int {
    let elements = firstStage(withScratchRow: row)?.innerCount(integers) ?? 0
    return Self.ceilDivide(elements * scratchRows[row].byteCount, 64) * 64 + 128
  }

  /// Extents of a contraction: batches × rows × columns outputs of `terms` products each.
  public func contractionShape(
    _ schedule: ContractionSchedule, _ integers: [Int]
  ) -> (batches: Int, rows: Int, columns: Int, terms: Int) {
    let extents = outer.map { $0.value(integers) }
    return (
      extents[..<schedule.batchAxes].reduce(1, *), schedule.rowAxes > 0 ? extents[schedule.batchAxes] : 1,
      extents[(schedule.batchAxes + schedule.rowAxes)...].reduce(1, *),
      stages[0].innerCount(integers)
    )
  }

  /// How many batches of the right operand are packed: one if it does not vary along the batch axes.
  public func rightBatches(_ schedule: ContractionSchedule, _ integers: [Int]) -> Int {
    guard case .dot(_, let rhs)? = stages[0].effects.first,
      case .load(_, let index) = stages[0].body.loadedOperand(rhs),
      index.strides[..<schedule.batchAxes].allSatisfy({ $0 == .constant(0) })
    else { return outer[..<schedule.batchAxes].product(integers) }
    return 1
  }

  private var elementBytesOfDot: Int { reductions(ofStage: 0).first?.dtype.byteCount ?? 8 }

  private func blocks(_ integers: [Int]) -> Int {
    max(1, Self.ceilDivide(stages[0].innerCount(integers), Self.reductionBlock))
  }

  private static func stripUnits(_ extents: [Int], _ strip: Int) -> Int {
    guard let last = extents.last else { return 1 }
    return extents.dropLast().reduce(1, *) * ceilDivide(last, strip)
  }

  static func ceilDivide(_ a: Int, _ b: Int) -> Int { (a + b - 1) / b }
}

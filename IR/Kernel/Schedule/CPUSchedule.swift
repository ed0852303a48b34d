/// How a processor runs a kernel. `lanes` are elements, whatever their width; vectors that registers cannot hold are
/// split.
///
/// A compiled phase has the C signature `void phaseN(void *const *buffers, const int64_t *integers, int64_t begin,
/// int64_t end, void *scratch, int32_t *status)` and runs the work units `begin ..< end`. `buffers` holds the kernel's
/// buffers and then, if `workspaceBytes` is not 0, the workspace. Units of one phase may run at once on several
/// threads, each with its own `scratch` of `scratchBytes`; phases follow one another.
public enum CPUSchedule: Hashable, Sendable {
  /// Scalar loops; any kernel. Work units are the outer points.
  case serial
  /// No inner axes in any stage. Vectors along the last outer axis, tails masked. Work units are (leading outer point,
  /// chunk of `grain` elements of the last axis). `streaming` asks for stores that bypass the caches.
  case pointwise(lanes: Int, unroll: Int, grain: Int, streaming: Bool)
  /// One stage, no inner axes. Square tiles of `lanes` × `lanes` points along `axis` and the last outer axis: what lies
  /// side by side along `axis` is loaded so and turned in registers. Work units are (other outer point, `lanes` points
  /// of `axis`, chunk of `grain` elements of the last axis).
  case turned(axis: Int, lanes: Int, grain: Int)
  /// Vectors along the inner axes: 32 lanes, the lanes of R2. Work units are the outer points.
  case rows
  /// One stage that reduces with one effect, then stages without inner axes. Few outer points, long rows: phase 0 has a
  /// work unit per (outer point, block of 1,024 elements) and writes block values to the workspace; phase 1 has a unit
  /// per outer point, combines them by Tree16 and runs the other stages.
  case splitRows
  /// Vectors along the last outer axis, reductions stepping over rows. Work units are (leading outer point, strip of
  /// `strip` elements of the last outer axis).
  case columns(strip: Int)
  /// A kernel with `contraction` roles, whose other stages have no inner axes. Register tiles of rows × columns.
  case contraction(ContractionSchedule)
}

// MARK: - Text

extension CPUSchedule: CustomStringConvertible {
  public var description: String {
    switch self {
    case .serial: "serial"
    case .pointwise(let lanes, let unroll, let grain, let streaming):
      "pointwise {lanes = \(lanes), unroll = \(unroll), grain = \(grain), streaming = \(streaming)}"
    case .turned(let axis, let lanes, let grain): "turned {axis = \(axis), lanes = \(lanes), grain = \(grain)}"
    case .rows: "rows"
    case .splitRows: "splitRows"
    case .columns(let strip): "columns {strip = \(strip)}"
    case .contraction(let schedule):
      "contraction {tile = \(Attribute.kernelIntegers([schedule.tileRows, schedule.tileColumns])), "
        + "packs = \(Attribute.kernelIntegers([schedule.packsRight, schedule.packsLeft]))}"
    }
  }

  /// Nil if there is no schedule of that name.
  init?(_ spelling: String, _ attributes: AttributeReader) throws(ConstraintFailure) {
    switch spelling {
    case "serial": self = .serial
    case "pointwise":
      self = .pointwise(
        lanes: try attributes.integer("lanes"), unroll: try attributes.integer("unroll"),
        grain: try attributes.integer("grain"), streaming: try attributes.truth("streaming"))
    case "turned":
      self = .turned(
        axis: try attributes.integer("axis"), lanes: try attributes.integer("lanes"),
        grain: try attributes.integer("grain"))
    case "rows": self = .rows
    case "splitRows": self = .splitRows
    case "columns": self = .columns(strip: try attributes.integer("strip"))
    case "contraction":
      let (tile, packs) = (try attributes.kernelIntegers("tile"), try attributes.kernelIntegers("packs"))
      guard tile.count == 2 else { throw attributes.malformed("tile", "[rows, columns]") }
      guard packs.count == 2 else { throw attributes.malformed("packs", "[right, left]") }
      self = .contraction(
        ContractionSchedule(tileRows: tile[0], tileColumns: tile[1], packsRight: packs[0], packsLeft: packs[1]))
    default: return nil
    }
  }
}

// MARK: - What it fits

extension CPUSchedule {
  func check(_ kernel: KernelDefinition) throws(ConstraintFailure) {
    func require(_ condition: Bool, _ message: String) throws(ConstraintFailure) {
      try KilnIR.require(condition, "kernel.C6", message)
    }
    let hasNoInnerAxes = kernel.stages.allSatisfy(\.inner.isEmpty)
    let loops = kernel.stages.filter { !$0.inner.isEmpty }
    switch self {
    case .serial: break
    case .pointwise(let lanes, let unroll, let grain, _):
      try require(lanes > 0 && unroll > 0 && grain > 0, "lanes, unroll and grain of a pointwise kernel are positive")
      try require(hasNoInnerAxes, "a pointwise kernel has no inner axes")
      try require(
        kernel.reductionCount == 0 && kernel.scratchRows.isEmpty,
        "a pointwise kernel does not reduce and has no scratch")
    case .turned(let axis, let lanes, let grain):
      try require(lanes > 0 && grain > 0, "lanes and grain of a turned kernel are positive")
      try require(
        axis >= 0 && axis < kernel.outer.count - 1, "a turned kernel has an outer axis \(axis) that is not the last")
      try require(
        kernel.stages.count == 1 && hasNoInnerAxes
          && kernel.stages[0].effects.allSatisfy { if case .store = $0 { true } else { false } },
        "a turned kernel has one stage, without inner axes, that stores only")
    case .rows:
      try require(
        loops.allSatisfy { $0.effects.allSatisfy(\.sharesElements) },
        "the lanes of a row kernel share its elements: it neither scans nor sorts nor scatters, and has no dot")
    case .splitRows:
      try require(
        kernel.stages.first.map { $0.effects.count == 1 && $0.reductionCount == 1 && $0.effects[0].dot == nil }
          ?? false,
        "stage 0 of a kernel of split rows has one effect, a reduction and no dot")
      try require(
        kernel.stages.dropFirst().allSatisfy(\.inner.isEmpty), "only stage 0 of a kernel of split rows has inner axes")
    case .columns(let strip):
      try require(kernel.wholeLine == nil, "a column kernel does not sort")
      try require(strip > 0, "the strip of a column kernel is positive")
      try require(
        !kernel.outer.isEmpty && kernel.scratchRows.isEmpty, "a column kernel has an outer axis and no scratch rows")
      try require(
        loops.allSatisfy { !$0.folds || !$0.effects.contains { if case .scatter = $0 { true } else { false } } },
        "a column kernel does not visit the rows of a reduction in their order, as a scatter needs it")
    case .contraction(let schedule):
      try require(kernel.contraction != nil, "a contraction has the roles of its axes")
      for case .argument(let index) in schedule.integers {
        try KilnIR.require(
          (0..<kernel.integerCount).contains(index), "kernel.C1",
          "there is no launch integer \(index) of \(kernel.integerCount)")
      }
    }
  }
}

extension KernelDefinition.Stage {
  /// Whether the stage reduces by a kind that combines elements.
  fileprivate var folds: Bool { effects.contains { if case .reduce(.reduce, _) = $0 { true } else { false } } }
}

// MARK: - Work

extension CPUSchedule {
  public var phaseCount: Int {
    switch self {
    case .serial, .pointwise, .turned, .rows, .columns: 1
    case .splitRows, .contraction: 2
    }
  }

  /// The number of work units of a phase for these launch integers.
  public func workUnits(_ kernel: KernelDefinition, phase: Int, _ integers: [Int]) -> Int {
    let extents = kernel.outer.map { $0.value(integers) }
    let points = extents.reduce(1, *)
    guard points > 0 else { return 0 }
    switch self {
    case .serial, .rows: return points
    case .pointwise(_, _, let grain, _): return Self.stripUnits(extents, grain)
    case .turned(let axis, let lanes, let grain):
      var units = extents
      units[axis] = ceilDivide(extents[axis], lanes)
      return Self.stripUnits(units, grain)
    case .columns(let strip): return Self.stripUnits(extents, strip)
    case .splitRows: return phase == 0 ? points * kernel.blockCount(integers) : points
    case .contraction(let schedule):
      guard let shape = Contraction(kernel)?.shape(integers) else { return 0 }
      let tile = schedule.tile(integers)
      let panels = ceilDivide(shape.columns, tile.columns)
      if phase == 0 { return tile.packsRight ? shape.rightBatches * panels : 0 }
      return shape.batches * ceilDivide(shape.rows, tile.rows) * panels
    }
  }

  /// Bytes shared by all phases and threads of one launch: block values of `splitRows`, packed panels of a contraction.
  public func workspaceBytes(_ kernel: KernelDefinition, _ integers: [Int]) -> Int {
    let points = kernel.outer.product(integers)
    guard points > 0 else { return 0 }
    switch self {
    case .serial, .pointwise, .turned, .rows, .columns: return 0
    case .splitRows: return points * kernel.blockCount(integers) * 8
    case .contraction(let schedule):
      let tile = schedule.tile(integers)
      guard tile.packsRight, let contraction = Contraction(kernel) else { return 0 }
      let shape = contraction.shape(integers)
      let panels = ceilDivide(shape.columns, tile.columns)
      return shape.rightBatches * panels * shape.terms * tile.columns * contraction.dtype.byteCount
    }
  }

  /// Bytes of scratch per thread: the scratch rows, each padded to whole cache lines with one line to spare for masked
  /// tails, and what the schedule needs for accumulators.
  public func scratchBytes(_ kernel: KernelDefinition, _ integers: [Int]) -> Int {
    var bytes = 4096
    for row in kernel.scratchRows.indices { bytes += Self.scratchRowBytes(kernel, row, integers) }
    switch self {
    case .serial: return bytes + Self.lineBytes(kernel, integers)
    case .pointwise, .turned, .rows, .splitRows: return bytes
    // 32 lanes and the levels of Tree16 for every column of the strip and every reduction.
    case .columns(let strip): return bytes + kernel.reductionCount * (32 + 8) * strip * 8
    case .contraction(let schedule):
      guard let contraction = Contraction(kernel) else { return bytes }
      return bytes
        + schedule.tile(integers).scratch(
          batchAxes: contraction.roles.batchAxes, terms: contraction.terms.product(integers),
          elementBytes: contraction.dtype.byteCount
        ).byteCount
    }
  }

  /// Nanoseconds on one core: a rough estimate of a launch, enough to decide whether other cores should help.
  public func estimatedNanoseconds(_ kernel: KernelDefinition, _ integers: [Int]) -> Int {
    let points = Double(kernel.outer.product(integers))
    let isSerial = self == .serial
    let total = kernel.stages.reduce(0.0) { total, stage in
      // The tile of a dot reads each element many times over; scalar code takes some thirty times as long as vectors.
      var perPoint = stage.body.reduce(0) { $0 + $1.nanoseconds } + stage.effects.reduce(0) { $0 + $1.nanoseconds }
      if stage.effects.contains(where: { $0.dot != nil }) { perPoint = isSerial ? perPoint + 0.97 : 0.02 }
      return total + points * Double(stage.innerCount(integers)) * (isSerial ? perPoint * 10 : perPoint)
    }
    return Int(min(total, 1e15))
  }

  /// How many pieces each thread's part of a loop is cut into: about 50 µs each, so that little is waited for when a
  /// core is taken away. A piece of a contraction meets its panels anew, so it is longer; one that packs its left
  /// operand begins with packing what others pack, too, so there are few.
  public func chunks(_ integers: [Int], nanoseconds: Int, threads: Int) -> Int {
    func pieces(of length: Int) -> Int { max(4, min(64, nanoseconds / threads / length)) }
    switch self {
    case .contraction(let schedule): return schedule.tile(integers).packsLeft ? 2 : pieces(of: 200_000)
    case .serial, .pointwise, .turned, .rows, .splitRows, .columns: return pieces(of: 50_000)
    }
  }

  /// Bytes from one scratch row to the next: whole cache lines, with 128 spare bytes for masked tails.
  static func scratchRowBytes(_ kernel: KernelDefinition, _ row: Int, _ integers: [Int]) -> Int {
    let elements = kernel.firstStage(withScratchRow: row)?.innerCount(integers) ?? 0
    return ceilDivide(elements * kernel.scratchRows[row].byteCount, 64) * 64 + 128
  }

  private static func lineBytes(_ kernel: KernelDefinition, _ integers: [Int]) -> Int {
    guard let operation = kernel.wholeLine?.operation else { return 0 }
    let longest = kernel.stages.map { $0.innerCount(integers) }.max() ?? 0
    return ceilDivide(longest, 16) * 16 * operation.scratchBytesPerElement + operation.scratchBytesPerLine
  }

  private static func stripUnits(_ extents: [Int], _ strip: Int) -> Int {
    guard let last = extents.last else { return 1 }
    return extents.dropLast().reduce(1, *) * ceilDivide(last, strip)
  }
}

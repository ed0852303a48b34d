import KilnIR

/// A launch with its schedule.
struct ScheduledLaunch {
  var launch: RegionLaunch
  var kernel: Kernel
  var integers: [Int]
}

/// Finds launches that are worth running together, a block of rows at a time (`LaunchChain`): a contraction and what
/// comes before or behind it, where what they hand on is more than a core's second cache holds.
struct ChainChoice {
  /// A chain with what becomes of its launches and buffers.
  struct Chain {
    var chain: LaunchChain
    var kernels: [Kernel]
    /// Buffers that only the chain uses: they have no memory but that of a block.
    var blocks: Set<BufferID>
    /// All others that it touches are in use from its first to its last step.
    var others: Set<BufferID>
  }

  private let flat: FlatPlan
  private let buffers: EntityTable<BufferID, PlanBuffer>
  /// By step.
  private let launches: [ScheduledLaunch?]
  private let device: DeviceDescription
  /// Results whose memory may be a parameter's.
  private let donated: Set<BufferID>
  private let options: CompilationOptions

  init(
    _ flat: FlatPlan, _ buffers: EntityTable<BufferID, PlanBuffer>, _ launches: [ScheduledLaunch?],
    _ device: DeviceDescription, donated: Set<BufferID>, options: CompilationOptions
  ) {
    self.options = options
    self.flat = flat
    self.buffers = buffers
    self.launches = launches
    self.device = device
    self.donated = donated
  }

  func chains() -> [Chain] {
    guard device.scheduleKind == .cpu else { return [] }
    var result: [Chain] = []
    for run in flat.launchRuns where run.count >= 2 {
      var next = run.lowerBound
      while next < run.upperBound - 1 {
        if let chain = chain(from: next, in: run) {
          result.append(chain)
          next = chain.chain.steps.upperBound
        } else {
          next += 1
        }
      }
    }
    return result
  }

  // MARK: One chain

  /// A chain that grows: its launches with the schedules that they have in it.
  private struct Draft {
    var batches: Int
    var rows: Int
    var steps: Range<Int>
    var kernels: [Kernel] = []
    /// Rows that each work unit has.
    var rowsOfUnits: Set<Int> = []
    var written: Set<BufferID> = []
    var rowCount: Int { batches * rows }
  }

  /// Rows that no block should fall below: tiles of fewer rows spend their time on fetching the right operand.
  private static let fewestRows = 24
  /// How many launches before the first contraction may belong to its chain.
  private static let lead = 2

  private func chain(from first: Int, in run: Range<Int>) -> Chain? {
    guard let (step, batches, rows) = rows(from: first, in: run), batches * rows > 1 else { return nil }
    var draft = Draft(batches: batches, rows: rows, steps: first..<first)
    var best: (draft: Draft, rowsAtOnce: Int)?
    for next in first..<run.upperBound {
      guard append(next, to: &draft) else { break }
      if draft.steps.count < 2 { continue }
      guard let rowsAtOnce = rowsAtOnce(draft) else { break }
      best = (draft, rowsAtOnce)
    }
    guard let (draft, rowsAtOnce) = best, draft.steps.contains(step) else { return nil }
    let chain = LaunchChain(
      steps: draft.steps, batches: draft.batches, rows: draft.rows, rowsAtOnce: rowsAtOnce)
    let handedOn = links(draft).reduce(0) { $0 + buffers[$1].type.byteCount }
    guard options.chainsAlways || handedOn > device.level2Bytes && chain.blockCount >= 2 * device.threads else {
      return nil
    }
    let touched = Set(draft.steps.flatMap { launches[$0]!.launch.buffers }.map(flat.whole))
    let blocks = touched.filter { livesIn(draft, $0) }
    return Chain(chain: chain, kernels: draft.kernels, blocks: blocks, others: touched.subtracting(blocks))
  }

  /// The rows of a chain that begins at a step, and the launch that says so.
  private func rows(from first: Int, in run: Range<Int>) -> (step: Int, batches: Int, rows: Int)? {
    for step in first..<min(first + Self.lead + 1, run.upperBound) {
      guard let scheduled = launches[step] else { continue }
      if let shape = Contraction(scheduled.kernel.definition)?.shape(scheduled.integers) {
        return (step, shape.batches, shape.rows)
      }
    }
    guard options.chainsAlways, let launch = launches[first], let axis = launch.kernel.definition.outer.first else {
      return nil
    }
    return (first, 1, axis.value(launch.integers))
  }

  /// Adds a launch to a chain: one that has the rows, and reads what the chain has written, row by row.
  private func append(_ step: Int, to draft: inout Draft) -> Bool {
    guard let scheduled = launches[step], scheduled.launch.draft.sites.isEmpty,
      !options.allowsLibrary || MatrixProduct(scheduled.kernel.definition, scheduled.integers) == nil,
      let (kernel, units) = inRows(scheduled, draft)
    else { return false }
    let written = scheduled.launch.written
    for buffer in written {
      switch buffers[buffer].place {
      case .local, .result: if donated.contains(buffer) { return false }
      case .parameter, .constant, .element: return false
      }
    }
    draft.kernels.append(kernel)
    draft.steps = draft.steps.lowerBound..<step + 1
    draft.rowsOfUnits.insert(units.rows)
    let isLinked = draft.steps.count == 1 || !draft.written.isDisjoint(with: scheduled.launch.buffers)
    draft.written.formUnion(written)
    return isLinked && draft.written.allSatisfy { isShared(row: draft, $0) }
  }

  /// The kernel with a schedule whose work units make up rows.
  private func inRows(_ scheduled: ScheduledLaunch, _ draft: Draft) -> (kernel: Kernel, units: RowUnits)? {
    guard var schedule = scheduled.kernel.schedule.cpu else { return nil }
    let definition = scheduled.kernel.definition
    if case .pointwise(let lanes, let unroll, var grain, _) = schedule {
      // What is handed on stays in the caches; an axis of several rows is cut at each.
      let points = definition.outer.product(scheduled.integers) / draft.rowCount
      if definition.outer.count == 1 { grain = max(1, min(points, 16384)) }
      schedule = .pointwise(lanes: lanes, unroll: unroll, grain: grain, streaming: false)
    }
    guard
      let units = schedule.rowUnits(definition, batches: draft.batches, rows: draft.rows, scheduled.integers)
    else { return nil }
    return (Kernel(definition, .cpu(schedule)), units)
  }

  /// Whether one launch alone touches a buffer that the chain writes, or all touch it row by row.
  private func isShared(row draft: Draft, _ buffer: BufferID) -> Bool {
    users(draft, buffer).count <= 1 || isRowByRow(draft, buffer)
  }

  /// The launches that touch a buffer or a part of it.
  private func users(_ draft: Draft, _ buffer: BufferID) -> [Int] {
    draft.steps.filter { launches[$0]!.launch.buffers.contains { flat.whole($0) == buffer } }
  }

  /// Whether the launches that touch a buffer do so row by row.
  private func isRowByRow(_ draft: Draft, _ buffer: BufferID) -> Bool {
    users(draft, buffer).allSatisfy { step in
      let scheduled = launches[step]!
      return scheduled.launch.buffers.indices.allSatisfy { number in
        let used = scheduled.launch.buffers[number]
        return flat.whole(used) != buffer
          || used == buffer
            && draft.kernels[step - draft.steps.lowerBound].touches(
              number, rowsOf: draft.rowCount, buffers[buffer].type.byteCount, scheduled.integers)
      }
    }
  }

  // MARK: Blocks

  /// Buffers that one launch hands on to another.
  private func links(_ draft: Draft) -> [BufferID] {
    draft.written.filter { users(draft, $0).count > 1 }
  }

  private func livesIn(_ draft: Draft, _ buffer: BufferID) -> Bool {
    guard case .local = buffers[buffer].place, let lifetime = flat.lifetimes[buffer],
      draft.written.contains(buffer), buffers[buffer].loops == flat.loops[draft.steps.lowerBound]
    else { return false }
    return draft.steps.contains(lifetime.lowerBound) && draft.steps.contains(lifetime.upperBound)
      && isRowByRow(draft, buffer)
  }

  /// The rows of a block: what is handed on, at most three eighths of the second cache, the rest of which is for what
  /// contractions read again and again. Nil if that is too few.
  private func rowsAtOnce(_ draft: Draft) -> Int? {
    let bytes = max(1, draft.steps.map { bytesPerRow(draft, at: $0) }.max() ?? 1)
    let step = draft.rowsOfUnits.reduce(1) { $0 / greatestCommonDivisor($0, $1) * $1 }
    if options.chainsAlways { return min(step, draft.rows) }
    let most = device.level2Bytes * 3 / 8 / bytes
    if most >= draft.rows { return draft.rows }
    guard most >= max(step, Self.fewestRows) else { return nil }
    let blocks = ceilDivide(draft.rows, most / step * step)
    return min(draft.rows, ceilDivide(ceilDivide(draft.rows, blocks), step) * step)
  }

  /// Bytes of a row of what is handed on and in use at a step; what is written in place counts once.
  private func bytesPerRow(_ draft: Draft, at step: Int) -> Int {
    var bytes = 0
    for buffer in links(draft) {
      let users = users(draft, buffer)
      guard let first = users.first, let last = users.last, first <= step, step <= last else { continue }
      let isOverwritten =
        step == last && flat.lifetimes[buffer]?.upperBound == step
        && launches[step]!.launch.written.contains {
          buffers[$0].type.byteCount == buffers[buffer].type.byteCount
            && launches[step]!.launch.canOverwrite(buffer, with: $0)
        }
      if !isOverwritten { bytes += buffers[buffer].type.byteCount / draft.rowCount }
    }
    return bytes
  }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }

import KilnIR

/// Chooses how a kernel runs on a device, from its definition and its sizes. The kernel's integers are still constants.
struct ScheduleChoice {
  let device: DeviceDescription

  /// Elements of a work unit of a pointwise kernel: small enough to share a few thousand elements between cores.
  private static let grain = 1024
  /// Columns of a strip: 32 lanes of them lie in the second-level cache.
  private static let strip = 1024
  /// Results that are larger bypass the caches.
  private static let streamingBytes = 16 << 20

  func choose(_ draft: inout KernelDraft) {
    let kernel = draft.kernel
    let stages = kernel.stages
    if stages.count >= 1, stages[0].effects.count == 1, case .dot = stages[0].effects[0] {
      chooseContraction(&draft)
    } else if stages.allSatisfy({ $0.inner.isEmpty && $0.reductionCount == 0 }) {
      draft.kernel.schedule = turned(kernel) ?? pointwise(kernel)
    } else if let strip = lineStrip(kernel) {
      draft.kernel.schedule = .columns(strip: strip)
    } else if stages.contains(where: { $0.needsSerialLoop }) {
      draft.kernel.schedule = .serial
    } else if rowsAreContiguous(kernel) {
      draft.kernel.schedule = splitPays(kernel) ? .splitRows : .rows
    } else if columnsAreContiguous(kernel) {
      draft.kernel.schedule = .columns(strip: Self.strip)
    } else {
      draft.kernel.schedule = .serial
    }
  }

  private func pointwise(_ kernel: Kernel) -> Schedule {
    if kernel.outer.isEmpty { return .pointwise(lanes: 1, unroll: 1, grain: 1, streaming: false) }
    let widest = kernel.buffers.map(\.dtype.byteCount).max() ?? 4
    let lanes = max(1, device.vectorBytes / max(widest, 4))
    let points = kernel.outer.product([])
    let written = kernel.buffers.filter(\.isWritten).map(\.dtype.byteCount).max() ?? 0
    return .pointwise(
      lanes: lanes, unroll: unroll(kernel), grain: Self.grain, streaming: points * written >= Self.streamingBytes)
  }

  /// Tiles for a kernel that reads along another axis than it writes along, as a transpose does: by element, every read would
  /// touch a cache line of its own.
  private func turned(_ kernel: Kernel) -> Schedule? {
    guard device.kind == .cpu, kernel.stages.count == 1, kernel.outer.count >= 2,
      kernel.outer.allSatisfy({ $0.value([]) >= 16 }), kernel.stages[0].body.count <= 12
    else { return nil }
    let last = kernel.outer.count - 1
    let isWrittenAlongLast = kernel.stages[0].effects.allSatisfy { effect in
      if case .store(_, let index, _) = effect { index.strides[last] == .constant(1) } else { false }
    }
    guard isWrittenAlongLast, kernel.buffers.allSatisfy({ $0.dtype != .bool }) else { return nil }
    for case .load(let buffer, let index) in kernel.stages[0].body {
      if [KernelInteger.constant(0), .constant(1)].contains(index.strides[last]) { continue }
      guard let axis = index.strides.firstIndex(of: .constant(1)) else { continue }
      let lanes = kernel.buffers[buffer].dtype.byteCount == 8 ? 8 : 16
      return .turned(axis: axis, lanes: lanes, grain: 256)
    }
    return nil
  }

  /// Long bodies have parallelism of their own and no registers to spare.
  private func unroll(_ kernel: Kernel) -> Int {
    switch kernel.stages.reduce(0, { $0 + $1.body.count }) {
    case ..<12: 4
    case ..<40: 2
    default: 1
    }
  }

  /// Rows: every access of a stage with inner axes has one inner axis, walked with step 1 or standing still.
  private func rowsAreContiguous(_ kernel: Kernel) -> Bool {
    kernel.stages.allSatisfy { stage in
      guard !stage.inner.isEmpty else { return true }
      guard stage.inner.count == 1 else { return false }
      return stage.affineIndices.allSatisfy { index in
        let step = index.strides.last?.value([]) ?? 0
        return step == 0 || step == 1
      }
    }
  }

  /// Columns: one reducing stage with inner axes, then only work per column; neighbours along the last outer axis
  /// are neighbours in memory or the same element.
  private func columnsAreContiguous(_ kernel: Kernel) -> Bool {
    guard !kernel.outer.isEmpty, !kernel.stages[0].inner.isEmpty, kernel.scratchRows.isEmpty,
      kernel.stages.dropFirst().allSatisfy({ $0.inner.isEmpty })
    else { return false }
    let last = kernel.outer.count - 1
    return kernel.stages.allSatisfy { stage in
      stage.affineIndices.allSatisfy { index in
        let step = index.strides[last].value([])
        return step == 0 || step == 1
      }
    }
  }

  /// The strip of a scatter or a scan whose points lie side by side in memory. A strip of a scatter walks all indices, so
  /// there are only as many as the threads want; a scan holds its strip in registers.
  private func lineStrip(_ kernel: Kernel) -> Int? {
    guard kernel.stages.count == 1, kernel.stages[0].effects.count == 1, columnsAreContiguous(kernel),
      let columns = kernel.outer.last?.value([])
    else { return nil }
    switch kernel.stages[0].effects[0] {
    case .scanReduce: return min(64, max(columns, 1))
    case .scatter:
      let points = kernel.outer.product([])
      let share = points / max(2 * device.threads, 1)
      return min(max(share / 64 * 64, 64), Self.strip, max(columns, 1))
    case .store, .storeScratch, .reduce, .argReduce, .dot, .argSort: return nil
    }
  }

  /// One long reduction over a few rows is cut at its blocks.
  private func splitPays(_ kernel: Kernel) -> Bool {
    let stages = kernel.stages
    guard stages[0].effects.count == 1, case .reduce = stages[0].effects[0], stages[0].inner.count == 1,
      stages.dropFirst().allSatisfy({ $0.inner.isEmpty })
    else { return false }
    let rows = kernel.outer.product([])
    return rows < 4 * device.threads && stages[0].inner[0].value([]) >= 1 << 15
  }

  // MARK: Contraction

  /// Sorts the outer axes into batch, row and column roles by the operand that moves along them.
  private func chooseContraction(_ draft: inout KernelDraft) {
    let stage = draft.kernel.stages[0]
    guard case .dot(let left, let right) = stage.effects[0], case .load(_, var lhs) = stage.body[left.index],
      case .load(let buffer, var rhs) = stage.body[right.index], stage.body.count == (left == right ? 1 : 2)
    else {
      draft.kernel.schedule = .serial
      return
    }
    let dtype = draft.kernel.buffers[buffer].dtype
    guard dtype == .f32 || dtype == .f64, draft.kernel.stages.count == 2 else {
      draft.kernel.schedule = .serial
      return
    }
    func moves(_ index: AffineIndex, _ axis: Int) -> Bool { index.strides[axis] != .constant(0) }
    let outer = Array(draft.kernel.outer.indices)
    if let last = outer.last, moves(lhs, last), moves(rhs, last), columnsAreContiguous(draft.kernel) {
      // Every channel is a product of its own: vectors run along the channels.
      draft.kernel.schedule = .columns(strip: Self.strip)
      return
    }
    if !outer.contains(where: { moves(rhs, $0) && !moves(lhs, $0) }) {
      // No columns: the rows take their place. Products commute.
      draft.kernel.stages[0].effects = [.dot(lhs: right, rhs: left)]
      swap(&lhs, &rhs)
    }
    let columns = outer.filter { moves(rhs, $0) && !moves(lhs, $0) }
    guard !columns.isEmpty else {
      draft.kernel.schedule = .serial
      return
    }
    let rows = outer.filter { moves(lhs, $0) && !moves(rhs, $0) }
    let shared = outer.filter { !columns.contains($0) && !rows.contains($0) }
    draft.permuteOuter(shared + rows.dropLast() + columns.dropLast() + rows.suffix(1) + columns.suffix(1))
    let batchAxes = shared.count + max(0, rows.count - 1) + max(0, columns.count - 1)
    let kernel = draft.kernel
    let rowAxes = min(rows.count, 1)
    let column = batchAxes + rowAxes
    // The axes moved: the indices are read again.
    func strides(_ id: BodyID) -> [Int] {
      guard case .load(_, let index) = kernel.stages[0].body[id.index] else { return [] }
      return index.strides.map { $0.value([]) }
    }
    guard case .dot(let lhsID, let rhsID) = kernel.stages[0].effects[0] else { return }
    let (lhsStrides, rhsStrides) = (strides(lhsID), strides(rhsID))
    draft.kernel.schedule = .contraction(
      ContractionSchedule.choose(
        batchAxes: batchAxes, rowAxes: rowAxes, rows: rowAxes == 1 ? kernel.outer[batchAxes].value([]) : 1,
        columns: kernel.outer[column].value([]), terms: kernel.stages[0].inner.product([]),
        rightUses: rhsStrides[..<batchAxes].allSatisfy { $0 == 0 }
          ? kernel.outer[..<batchAxes].product([]) : 1,
        leftRowStride: rowAxes == 1 ? lhsStrides[batchAxes] : 0, rightColumnStride: rhsStrides[column], dtype: dtype,
        for: device))
  }
}

extension Kernel.Stage {
  /// Effects that go one element after the other.
  var needsSerialLoop: Bool {
    effects.contains { effect in
      switch effect {
      case .scatter, .dot, .scanReduce, .argSort: true
      case .store, .storeScratch, .reduce, .argReduce: false
      }
    }
  }
}

import KilnIR

/// Chooses how a launch of a kernel with these integers runs on a device.
struct ScheduleChoice {
  let device: DeviceDescription
  let kernel: KernelDefinition
  let integers: [Int]

  /// Elements of a work unit of a pointwise kernel: small enough to share a few thousand elements between cores.
  private static let grain = 1024
  /// Columns of a strip: 32 lanes of them lie in the second-level cache.
  private static let strip = 1024
  /// Results that are larger bypass the caches.
  private static let streamingBytes = 16 << 20

  func schedule() -> CPUSchedule {
    if let contraction = Contraction(kernel) {
      return .contraction(ContractionSchedule(.choose(contraction, integers, for: device)))
    }
    let stages = kernel.stages
    if stages[0].effects.count == 1, stages[0].effects[0].dot != nil {
      return kernel.isChannelwiseDot ? .columns(strip: Self.strip) : .serial
    }
    if stages.allSatisfy({ $0.inner.isEmpty && $0.reductionCount == 0 }) { return turned() ?? pointwise() }
    if let strip = lineStrip() { return .columns(strip: strip) }
    if !stages.allSatisfy({ $0.effects.allSatisfy(\.sharesElements) }) { return .serial }
    if rowsAreContiguous() { return splitPays() ? .splitRows : .rows }
    return kernel.columnsAreContiguous ? .columns(strip: Self.strip) : .serial
  }

  private func pointwise() -> CPUSchedule {
    if kernel.outer.isEmpty { return .pointwise(lanes: 1, unroll: 1, grain: 1, streaming: false) }
    let widest = kernel.buffers.map(\.dtype.byteCount).max() ?? 4
    let lanes = max(1, device.vectorBytes / max(widest, 4))
    let points = kernel.outer.product(integers)
    let written = kernel.buffers.filter(\.isWritten).map(\.dtype.byteCount).max() ?? 0
    return .pointwise(
      lanes: lanes, unroll: unroll(), grain: Self.grain, streaming: points * written >= Self.streamingBytes)
  }

  /// Tiles for a kernel that reads along another axis than it writes along, as a transpose does: by element, every read
  /// would touch a cache line of its own.
  private func turned() -> CPUSchedule? {
    guard kernel.stages.count == 1, kernel.outer.count >= 2,
      kernel.outer.allSatisfy({ $0.value(integers) >= 16 }), kernel.stages[0].body.count <= 12
    else { return nil }
    let last = kernel.outer.count - 1
    let isWrittenAlongLast = kernel.stages[0].effects.allSatisfy { effect in
      if case .store(_, let access) = effect { access.index.strides[last] == .constant(1) } else { false }
    }
    guard isWrittenAlongLast, kernel.buffers.allSatisfy({ $0.dtype != .bool }) else { return nil }
    for access in kernel.stages[0].body.compactMap(\.plainAccess) {
      if access.index.strides[last].isUnitStep { continue }
      guard let axis = access.index.strides.firstIndex(of: .constant(1)) else { continue }
      let lanes = kernel.buffers[access.buffer].dtype.byteCount == 8 ? 8 : 16
      return .turned(axis: axis, lanes: lanes, grain: 256)
    }
    return nil
  }

  /// Long bodies have parallelism of their own and no registers to spare.
  private func unroll() -> Int {
    switch kernel.stages.reduce(0, { $0 + $1.body.count }) {
    case ..<12: 4
    case ..<40: 2
    default: 1
    }
  }

  /// Rows: every access of a stage with inner axes has one inner axis, walked with step 1 or standing still.
  private func rowsAreContiguous() -> Bool {
    kernel.stages.allSatisfy { stage in
      guard !stage.inner.isEmpty else { return true }
      guard stage.inner.count == 1 else { return false }
      return stage.affineIndices.allSatisfy { $0.strides.last?.isUnitStep ?? true }
    }
  }

  /// The strip of a scatter or a scan whose points lie side by side in memory. A strip of a scatter walks all indices,
  /// so there are only as many as the threads want; a scan holds its strip in registers.
  private func lineStrip() -> Int? {
    guard kernel.stages.count == 1, kernel.stages[0].effects.count == 1, kernel.columnsAreContiguous,
      let columns = kernel.outer.last?.value(integers)
    else { return nil }
    switch kernel.stages[0].effects[0] {
    case .line(let operation, _, _): return operation.needsWholeLine ? nil : min(64, max(columns, 1))
    case .scatter:
      let points = kernel.outer.product(integers)
      let share = points / max(2 * device.threads, 1)
      return min(max(share / 64 * 64, 64), Self.strip, max(columns, 1))
    case .store, .storeScratch, .reduce: return nil
    }
  }

  /// One long reduction over a few rows is cut at its blocks.
  private func splitPays() -> Bool {
    let stages = kernel.stages
    guard stages[0].effects.count == 1, case .reduce(.reduce, _) = stages[0].effects[0], stages[0].inner.count == 1,
      stages.dropFirst().allSatisfy({ $0.inner.isEmpty })
    else { return false }
    let rows = kernel.outer.product(integers)
    return rows < 4 * device.threads && stages[0].inner[0].value(integers) >= 1 << 15
  }
}

extension KernelDefinition {
  /// Columns: one reducing stage with inner axes, then only work per column; neighbours along the last outer axis
  /// are neighbours in memory or the same element.
  fileprivate var columnsAreContiguous: Bool {
    guard !outer.isEmpty, !stages[0].inner.isEmpty, scratchRows.isEmpty,
      stages.dropFirst().allSatisfy({ $0.inner.isEmpty })
    else { return false }
    let last = outer.count - 1
    return stages.allSatisfy { stage in
      stage.affineIndices.allSatisfy { $0.strides[last].isUnitStep }
    }
  }

  /// Whether both operands of the kernel's dot move along the last outer axis, side by side: every channel is a product
  /// of its own.
  var isChannelwiseDot: Bool {
    guard let dot = plainDot, let last = outer.indices.last else { return false }
    return columnsAreContiguous && [dot.lhs, dot.rhs].allSatisfy { $0.index.strides[last] != .constant(0) }
  }

  /// What a matrix product reads: stage 0 is a dot of what lies in buffers, converted or not, and one stage follows it.
  var plainDot: (lhs: BufferAccess, rhs: BufferAccess)? {
    guard stages.count == 2, stages[0].effects.count == 1, let (left, right) = stages[0].effects[0].dot,
      let lhs = stages[0].body.loadedOperand(left), let rhs = stages[0].body.loadedOperand(right)
    else { return nil }
    return (lhs, rhs)
  }
}

extension KernelInteger {
  /// Whether a step stands still or goes to the neighbour, in code for any launch.
  fileprivate var isUnitStep: Bool { self == .constant(0) || self == .constant(1) }
}

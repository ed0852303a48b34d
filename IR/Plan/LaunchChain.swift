/// Launches in a row that run together, a block of rows at a time: what one of them leaves for the next stays in the
/// caches of a core, and what only they use needs no memory but that of a block.
///
/// The leading outer axes of each kernel count the same rows: `rows` in each of `batches`. No block reaches over the
/// end of a batch. What one launch writes, another reads or writes row by row only
/// (`KernelDefinition.touches(_:rowsOf:byteCount:_:)`), so no row waits for another one, and the bits are those of the
/// launches one after the other.
public struct LaunchChain: Hashable, Sendable {
  /// Launches, and nothing else.
  public var steps: Range<Int>
  public var batches: Int
  public var rows: Int
  /// Rows of a block; the last one of a batch may have fewer.
  public var rowsAtOnce: Int

  public init(steps: Range<Int>, batches: Int, rows: Int, rowsAtOnce: Int) {
    self.steps = steps
    self.batches = batches
    self.rows = rows
    self.rowsAtOnce = rowsAtOnce
  }

  public var rowCount: Int { batches * rows }
  public var blocksPerBatch: Int { ceilDivide(rows, rowsAtOnce) }
  public var blockCount: Int { batches * blocksPerBatch }
}

/// The work units of a launch's last phase as a chain counts them: `perStep` for every `rows` rows of a batch.
public struct RowUnits: Hashable, Sendable {
  public var rows: Int
  public var perStep: Int
}

extension CPUSchedule {
  /// How rows make up work units; nil where a block of rows is not a range of them. Those of a contraction are its row
  /// blocks, each with all its tiles.
  public func rowUnits(_ kernel: KernelDefinition, batches: Int, rows: Int, _ integers: [Int]) -> RowUnits? {
    let count = batches * rows
    guard count > 0 else { return nil }
    let points = kernel.outer.product(integers)
    switch self {
    case .serial, .rows:
      return points > 0 && points.isMultiple(of: count) ? RowUnits(rows: 1, perStep: points / count) : nil
    case .pointwise(_, _, let grain, _):
      guard let last = kernel.outer.last?.value(integers), points > 0 else { return nil }
      let leading = points / last
      if leading.isMultiple(of: count) {
        return RowUnits(rows: 1, perStep: leading / count * ceilDivide(last, grain))
      }
      guard points.isMultiple(of: count), (points / count).isMultiple(of: grain), last.isMultiple(of: points / count)
      else { return nil }
      return RowUnits(rows: 1, perStep: points / count / grain)
    case .contraction(let schedule):
      guard let shape = Contraction(kernel)?.shape(integers), shape.batches == batches, shape.rows == rows else {
        return nil
      }
      return RowUnits(rows: schedule.tile(integers).rows, perStep: 1)
    case .turned, .splitRows, .columns: return nil
    }
  }
}

// MARK: - Row by row

extension KernelDefinition {
  /// Whether a kernel touches a buffer of `byteCount` bytes row by row: of `count` equal parts of the buffer, in their
  /// order, its points of row i touch part i alone.
  public func touches(_ buffer: Int, rowsOf count: Int, byteCount: Int, _ integers: [Int]) -> Bool {
    let elementBytes = buffers[buffer].dtype.byteCount
    guard count > 0, byteCount.isMultiple(of: count * elementBytes),
      let axes = RowAxes(outer.map { $0.value(integers) }, count: count)
    else { return false }
    let width = byteCount / count / elementBytes
    return stages.allSatisfy { stage in
      let inner = stage.inner.map { $0.value(integers) }
      return stage.accesses.allSatisfy { access in
        access.buffer != buffer
          || access.data.isEmpty
            && axes.stays(
              in: width, offset: access.index.offset.value(integers),
              strides: access.index.strides.map { $0.value(integers) }, inner: inner)
      }
    }
  }
}

/// Which outer axes count rows.
private struct RowAxes {
  /// How many rows each axis counts, and how many of its points one row has.
  let axes: [(rows: Int, points: Int)]

  /// Nil if no leading axes count `count` rows.
  init?(_ outer: [Int], count: Int) {
    var (left, axes) = (count, [(rows: Int, points: Int)]())
    for extent in outer {
      if left.isMultiple(of: max(extent, 1)) {
        axes.append((max(extent, 1), 1))
        left /= max(extent, 1)
      } else if extent.isMultiple(of: left) {
        axes.append((left, extent / left))
        left = 1
      } else {
        return nil
      }
    }
    guard left == 1 else { return nil }
    self.axes = axes
  }

  /// Whether an access stays in its row's part of `width` elements.
  func stays(in width: Int, offset: Int, strides: [Int], inner: [Int]) -> Bool {
    var (expected, low, high) = (width, offset, offset)
    func add(_ stride: Int, _ extent: Int) {
      let reach = stride * max(extent - 1, 0)
      (low, high) = (low + min(reach, 0), high + max(reach, 0))
    }
    for (axis, stride) in zip(axes, strides).reversed() {
      if axis.rows > 1 {
        guard stride * axis.points == expected else { return false }
        expected *= axis.rows
      }
      add(stride, axis.points)
    }
    for (stride, extent) in zip(strides.dropFirst(axes.count), inner) { add(stride, extent) }
    return low >= 0 && high < width
  }
}

// MARK: - In a plan

extension ExecutionPlan {
  /// The launches of a chain.
  package func launches(of chain: LaunchChain) -> [Launch] {
    steps[chain.steps].compactMap { if case .launch(let launch) = $0 { launch } else { nil } }
  }

  /// The chain that uses a slot.
  func chain(using slot: Int) -> LaunchChain? {
    chains.first { chain in launches(of: chain).contains { $0.slots.contains(slot) } }
  }

  /// Bytes of a slot in a block of a chain.
  package func blockBytes(ofSlot slot: Int, _ chain: LaunchChain) -> Int {
    slots[slot].type.byteCount / max(chain.rowCount, 1) * chain.rowsAtOnce
  }

  /// Bytes that a thread needs for the blocks of a chain.
  package func blockBytes(of chain: LaunchChain) -> Int {
    launches(of: chain).flatMap(\.slots).reduce(0) { bytes, slot in
      guard case .block(let offset) = slots[slot].place else { return bytes }
      return max(bytes, offset + blockBytes(ofSlot: slot, chain))
    }
  }
}

extension LaunchChain: CustomStringConvertible {
  public var description: String {
    "chain steps \(steps.lowerBound) ... \(steps.upperBound - 1): \(batches) batches of \(rows) rows, \(rowsAtOnce) at once"
  }
}

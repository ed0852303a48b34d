/// Work items of one phase.
public struct WorkRange: Hashable, Sendable {
  public var global: [Int]
  public var local: [Int]
}

extension WorkRange {
  /// The same work items in groups of at most `limit`, for a kernel that needs more registers than usual. The teams of
  /// a row group become fewer, which it allows for.
  package func limited(to limit: Int, isRowGroup: Bool) -> WorkRange {
    guard local.reduce(1, *) > limit, limit > 0 else { return self }
    if isRowGroup { return WorkRange(global: [global[0], 1], local: [local[0], 1]) }
    var range = self
    while range.local.reduce(1, *) > limit,
      let axis = range.local.indices.max(by: { range.local[$0] < range.local[$1] })
    {
      range.local[axis] /= 2
    }
    return range
  }
}

extension WorkMapping {
  /// The work items of a phase.
  package func range(_ kernel: KernelDefinition, _ integers: [Int], phase: Int, _ limits: WorkGroupLimits) -> WorkRange
  {
    let grid = kernel.pointGrid(integers)
    let points = grid.columns * grid.rows
    let blocks = kernel.blockCount(integers)
    switch self {
    case .points(let strides):
      // Where work items have scratch of their own they are few, but enough for the device.
      let most = kernel.scratchRows.isEmpty ? 1 << 22 : min(limits.fullWorkItems, 1 << 14)
      return Self.grid(grid.columns, grid.rows, most: strides ? most : nil, limits)
    case .rowGroups:
      let longest = kernel.stages.map { $0.innerCount(integers) }.max() ?? 1
      let teams = longest > KernelDefinition.reductionBlock ? 8 : 1
      let groups = min(points, kernel.scratchRows.isEmpty ? 1 << 16 : 1 << 10)
      return WorkRange(global: [32 * groups, teams], local: [32, teams])
    case .sortGroups:
      let width = min(limits.isProcessor ? 64 : 256, limits.maximumWorkGroupSize)
      let most = max(1, (64 << 20) / max(kernel.sortScratch(kernel.stages[0].innerCount(integers)), 1))
      return WorkRange(global: [width * min(points, most, 1 << 10), 1], local: [width, 1])
    case .columnGroups:
      return WorkRange(global: [Self.roundUp(grid.columns, 32), 8, min(grid.rows, 1 << 15)], local: [32, 8, 1])
    case .split(let columns):
      guard phase == 0 else { return Self.grid(grid.columns, grid.rows, most: nil, limits) }
      if columns {
        return WorkRange(global: [Self.roundUp(grid.columns, 32), 8, grid.rows * blocks], local: [32, 8, 1])
      }
      return WorkRange(global: [32, Self.roundUp(blocks, 8), points], local: [32, 8, 1])
    case .splitDot:
      return Self.grid(grid.columns, phase == 0 ? grid.rows * blocks : grid.rows, most: nil, limits)
    case .tiles(let tile), .registerTiles(let tile):
      guard let shape = Contraction(kernel)?.shape(integers) else { return Self.grid(1, 1, most: nil, limits) }
      let columns = ceilDivide(shape.columns, tile.columns) * tile.groupColumns
      let rows = ceilDivide(shape.rows, tile.rows) * tile.groupRows
      if case .registerTiles = self {
        return WorkRange(global: [columns, rows, shape.batches], local: [1, 1, 1])
      }
      return WorkRange(
        global: [columns, rows, min(shape.batches, 1 << 15)], local: [tile.groupColumns, tile.groupRows, 1])
    }
  }

  /// Bytes of scratch that all work items of the launch need.
  package func scratchBytes(_ kernel: KernelDefinition, _ integers: [Int], _ limits: WorkGroupLimits) -> Int {
    let perPoint = kernel.scratchRows.indices.reduce(0) { sum, row in
      let elements = kernel.firstStage(withScratchRow: row)?.innerCount(integers) ?? 0
      return sum + Self.roundUp(elements * kernel.scratchRows[row].byteCount, 64)
    }
    let grid = kernel.pointGrid(integers)
    switch self {
    case .points, .rowGroups:
      guard perPoint > 0 else { return 0 }
      let range = range(kernel, integers, phase: 0, limits)
      let owners = range.global.reduce(1, *) / (self == .rowGroups ? range.local.reduce(1, *) : 1)
      return owners * perPoint
    case .split, .splitDot:
      return kernel.reductionCount * grid.columns * grid.rows * kernel.blockCount(integers) * 8
    case .sortGroups:
      let range = range(kernel, integers, phase: 0, limits)
      return range.global[0] / range.local[0] * kernel.sortScratch(kernel.stages[0].innerCount(integers))
    case .columnGroups, .tiles, .registerTiles: return 0
    }
  }

  private static func roundUp(_ count: Int, _ multiple: Int) -> Int { ceilDivide(count, multiple) * multiple }

  /// A grid of work items, wide groups where the last axis is long; about `most` of them if they stride.
  private static func grid(_ columns: Int, _ rows: Int, most: Int?, _ limits: WorkGroupLimits) -> WorkRange {
    let size = min(limits.isProcessor ? 64 : 256, limits.maximumWorkGroupSize)
    var width = 1
    if limits.isProcessor {
      // A processor's compiler makes code for each shape of a group that it meets.
      width = columns >= 8 ? size : 1
    } else {
      while width < size && width < columns { width *= 2 }
    }
    let height = size / width
    var global = [roundUp(columns, width), roundUp(rows, height)]
    if let most {
      global[0] = min(global[0], max(width, most / width * width))
      global[1] = min(global[1], max(height, most / max(global[0], 1) / height * height))
    }
    return WorkRange(global: global, local: [width, height])
  }
}

extension KernelDefinition {
  /// Bytes for a line of `count` elements while it is sorted: a power of two of keys and numbers.
  package func sortScratch(_ count: Int) -> Int {
    var padded = 1
    while padded < count { padded *= 2 }
    return (padded * ((sortKey?.byteCount ?? 0) + 4) + 15) / 16 * 16
  }

  /// Points of the last outer axis, and of the others together.
  package func pointGrid(_ integers: [Int]) -> (columns: Int, rows: Int) {
    (outer.last?.value(integers) ?? 1, outer.dropLast().product(integers))
  }
}

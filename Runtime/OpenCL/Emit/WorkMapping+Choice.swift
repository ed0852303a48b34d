import KilnIR

extension WorkMapping {
  /// The mapping of a launch by a table for each class of devices.
  static func choose(_ facts: MappingFacts) -> WorkMapping {
    let limits = facts.limits
    if let contraction = choose(facts, facts.contraction) { return contraction }
    if facts.sortsLines { return .sortGroups }
    if let reduction = facts.reduction {
      let items = reduction.isColumn ? facts.points * 8 : facts.points * 32
      // One core of a processor reads a row at the speed of memory; groups that share one wait for each other.
      if reduction.canSplit && !limits.isProcessor && items < limits.fullWorkItems {
        return .split(columns: reduction.isColumn)
      }
      if !limits.isProcessor {
        if reduction.canShareColumns { return .columnGroups }
        if reduction.canShareRows { return .rowGroups }
      }
    }
    return .points(strides: facts.needsStrides)
  }

  private static func choose(_ facts: MappingFacts, _ contraction: MappingFacts.Contraction?) -> WorkMapping? {
    guard let contraction else { return nil }
    let limits = facts.limits
    if limits.isProcessor {
      if contraction.canTileRegisters { return registerTile(contraction) }
    } else {
      // Large tiles where they fill the device; small ones have more work groups.
      func groups(_ size: Int) -> Int {
        contraction.batches * ((contraction.rows + size - 1) / size) * ((contraction.columns + size - 1) / size)
      }
      let full = limits.fullWorkItems / 1024
      for size in contraction.tileSizes {
        let fits =
          switch size {
          case 8: groups(128) >= full
          case 4: groups(64) >= full || contraction.levels <= 1 && groups(64) >= full / 2
          default: contraction.blocks == 1 || groups(32) * 4 >= full
          }
        if fits { return tile(size, contraction) }
      }
    }
    let isShort = limits.isProcessor ? facts.points < 8 : facts.points < limits.fullWorkItems
    return contraction.canSplit && isShort ? .splitDot : nil
  }

  private static func tile(_ size: Int, _ contraction: MappingFacts.Contraction) -> WorkMapping {
    .tiles(
      TileShape(itemRows: size, itemColumns: size, groupRows: 16, groupColumns: 16, treeLevels: contraction.levels))
  }

  private static func registerTile(_ contraction: MappingFacts.Contraction) -> WorkMapping {
    .registerTiles(
      TileShape(itemRows: 4, itemColumns: 16, groupRows: 1, groupColumns: 1, treeLevels: contraction.levels))
  }

  /// All mappings that the launch may have, each with a name of its own, the one of the table first.
  static func candidates(_ facts: MappingFacts) -> [WorkMapping] {
    var all = [choose(facts)]
    func add(_ mapping: WorkMapping, if holds: Bool = true) {
      if holds && !all.contains(mapping) { all.append(mapping) }
    }
    if let contraction = facts.contraction {
      add(registerTile(contraction), if: contraction.canTileRegisters)
      for size in contraction.tileSizes { add(tile(size, contraction)) }
      add(.splitDot, if: contraction.canSplit)
      add(.points(strides: facts.needsStrides))
    } else if let reduction = facts.reduction {
      add(.split(columns: reduction.isColumn), if: reduction.canSplit)
      add(.columnGroups, if: reduction.canShareColumns)
      add(.rowGroups, if: reduction.canShareRows)
      add(.points(strides: facts.needsStrides))
    }
    return all
  }

  /// The work items of a phase.
  func range(_ kernel: Kernel, _ integers: [Int], phase: Int, _ limits: MappingLimits) -> WorkRange {
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
      let teams = longest > Kernel.reductionBlock ? 8 : 1
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
      guard case .contraction(let schedule) = kernel.schedule else { return Self.grid(1, 1, most: nil, limits) }
      let shape = kernel.contractionShape(schedule, integers)
      let columns = (shape.columns + tile.columns - 1) / tile.columns * tile.groupColumns
      let rows = (shape.rows + tile.rows - 1) / tile.rows * tile.groupRows
      if case .registerTiles = self {
        return WorkRange(global: [columns, rows, shape.batches], local: [1, 1, 1])
      }
      return WorkRange(
        global: [columns, rows, min(shape.batches, 1 << 15)], local: [tile.groupColumns, tile.groupRows, 1])
    }
  }

  /// Bytes of scratch that all work items of the launch need.
  func scratchBytes(_ kernel: Kernel, _ integers: [Int], _ limits: MappingLimits) -> Int {
    let perPoint = kernel.scratchRows.indices.reduce(0) { sum, row in
      let elements = kernel.firstStage(withScratchRow: row)?.innerCount(integers) ?? 0
      return sum + (elements * kernel.scratchRows[row].byteCount + 63) / 64 * 64
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

  private static func roundUp(_ count: Int, _ multiple: Int) -> Int { (count + multiple - 1) / multiple * multiple }

  /// A grid of work items, wide groups where the last axis is long; about `most` of them if they stride.
  private static func grid(_ columns: Int, _ rows: Int, most: Int?, _ limits: MappingLimits) -> WorkRange {
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

extension Kernel {
  /// Bytes for a line of `count` elements while it is sorted: a power of two of keys and numbers.
  func sortScratch(_ count: Int) -> Int {
    var padded = 1
    while padded < count { padded *= 2 }
    return (padded * ((sortKey?.byteCount ?? 0) + 4) + 15) / 16 * 16
  }

  /// Blocks of the reductions or of the dot of stage 0.
  func blockCount(_ integers: [Int]) -> Int {
    let isDot = stages[0].effects.contains { if case .dot = $0 { true } else { false } }
    let block = isDot ? Self.contractionBlock : Self.reductionBlock
    return max(1, (stages[0].innerCount(integers) + block - 1) / block)
  }
}

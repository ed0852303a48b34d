import KilnIR

extension WorkMapping {
  /// The mapping of a launch on a device.
  static func choose(_ kernel: Kernel, _ integers: [Int], _ limits: MappingLimits) -> WorkMapping {
    let grid = kernel.pointGrid(integers)
    let points = grid.columns * grid.rows
    if let contraction = contraction(kernel, integers, limits) { return contraction }
    if kernel.sortKey != nil, !kernel.stages[0].inner.isEmpty { return .sortGroups }
    let reductions = kernel.stages.flatMap(\.effects).filter(\.isReduction)
    let isReducing = !reductions.isEmpty || !kernel.scratchRows.isEmpty
    if isReducing, kernel.stages.allSatisfy(\.suitsGroups), limits.maximumWorkGroupSize >= 256 {
      let first = kernel.innerCount(0, integers)
      let blocks = (first + Kernel.reductionBlock - 1) / Kernel.reductionBlock
      let isOneStage =
        kernel.scratchRows.isEmpty && kernel.stages[0].inner.count == 1
        && kernel.stages.dropFirst().allSatisfy { $0.inner.isEmpty }
      let isColumn = isOneStage && kernel.walksColumns(integers)
      let isFold = kernel.stages[0].effects.allSatisfy { if case .argReduce = $0 { false } else { true } }
      let items = isColumn ? points * 8 : points * 32
      if isOneStage, isFold, blocks > 1, points * blocks <= 1 << 15,
        isColumn ? grid.rows * blocks < 1 << 15 : points < 1 << 15,
        limits.isProcessor ? points < 8 && blocks >= 32 : items < limits.fullWorkItems
      {
        return .split(columns: isColumn)
      }
      if !limits.isProcessor {
        if isColumn && first >= 8 { return .columnGroups }
        if !isColumn && first >= 16 && kernel.stages.contains(where: { !$0.inner.isEmpty }) { return .rowGroups }
      }
    }
    // The second dimension of a grid has at most 65,535 groups on some devices.
    let strides = !kernel.scratchRows.isEmpty || grid.rows > (limits.isProcessor ? 1 << 20 : 1 << 15)
    return .points(strides: strides)
  }

  private static func contraction(_ kernel: Kernel, _ integers: [Int], _ limits: MappingLimits) -> WorkMapping? {
    guard kernel.stages[0].effects.count == 1, case .dot(let lhs, _) = kernel.stages[0].effects[0],
      kernel.stages.dropFirst().allSatisfy({ $0.inner.isEmpty }), kernel.scratchRows.isEmpty
    else { return nil }
    let grid = kernel.pointGrid(integers)
    let points = grid.columns * grid.rows
    let terms = kernel.innerCount(0, integers)
    let blocks = (terms + Kernel.contractionBlock - 1) / Kernel.contractionBlock
    if case .contraction(let schedule) = kernel.schedule, kernel.stages[0].inner.count == 1,
      kernel.outer.count == schedule.batchAxes + schedule.rowAxes + 1
    {
      let shape = kernel.contractionShape(schedule, integers)
      let isDouble = kernel.stages[0].body.clType(of: lhs, in: kernel) == .f64
      var levels = 0
      var count = blocks
      while count > 1 {
        levels += 1
        count = (count + 15) / 16
      }
      if limits.isProcessor {
        if shape.rows >= 2 && shape.columns >= 16 && levels <= 3 && schedule.rowAxes == 1 && kernel.readsRightRows {
          return .registerTiles(
            TileShape(itemRows: 4, itemColumns: 16, groupRows: 1, groupColumns: 1, treeLevels: levels))
        }
      } else if shape.rows >= 16, shape.columns >= 16, levels <= 3, schedule.rowAxes == 1,
        limits.maximumWorkGroupSize >= 256, limits.localMemoryBytes >= 24 << 10
      {
        // Large tiles where they fill the device; small ones have more work groups.
        func groups(_ size: Int) -> Int {
          shape.batches * ((shape.rows + size - 1) / size) * ((shape.columns + size - 1) / size)
        }
        let fullGroups = limits.fullWorkItems / 1024
        if !isDouble && groups(128) >= fullGroups && levels <= 1 {
          return .tiles(TileShape(itemRows: 8, itemColumns: 8, groupRows: 16, groupColumns: 16, treeLevels: levels))
        }
        if groups(64) >= fullGroups || levels <= 1 && groups(64) >= fullGroups / 2 {
          return .tiles(TileShape(itemRows: 4, itemColumns: 4, groupRows: 16, groupColumns: 16, treeLevels: levels))
        }
        if blocks == 1 || groups(32) * 4 >= fullGroups {
          return .tiles(TileShape(itemRows: 2, itemColumns: 2, groupRows: 16, groupColumns: 16, treeLevels: levels))
        }
      }
    }
    if blocks > 1 && kernel.stages[0].inner.count == 1 && grid.rows * blocks < 1 << 15
      && (limits.isProcessor ? points < 8 : points < limits.fullWorkItems)
    {
      return .splitDot
    }
    return nil
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
      let longest = kernel.stages.indices.map { kernel.innerCount($0, integers) }.max() ?? 1
      let teams = longest > Kernel.reductionBlock ? 8 : 1
      let groups = min(points, kernel.scratchRows.isEmpty ? 1 << 16 : 1 << 10)
      return WorkRange(global: [32 * groups, teams], local: [32, teams])
    case .sortGroups:
      let width = min(limits.isProcessor ? 64 : 256, limits.maximumWorkGroupSize)
      let most = max(1, (64 << 20) / max(kernel.sortScratch(kernel.innerCount(0, integers)), 1))
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
      let stage = kernel.stages.firstIndex { $0.touchesScratch(row) }
      let elements = stage.map { kernel.innerCount($0, integers) } ?? 0
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
      return range.global[0] / range.local[0] * kernel.sortScratch(kernel.innerCount(0, integers))
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

extension Effect {
  fileprivate var isReduction: Bool {
    switch self {
    case .reduce, .argReduce, .dot: true
    case .store, .storeScratch, .scatter, .scanReduce, .argSort: false
    }
  }
}

extension Kernel.Stage {
  /// Whether work items of a group may share the elements: no element waits for another, and none is a term of a dot.
  fileprivate var suitsGroups: Bool {
    effects.allSatisfy { effect in
      switch effect {
      case .dot, .scatter, .scanReduce, .argSort: false
      case .reduce, .argReduce: !inner.isEmpty
      case .store, .storeScratch: true
      }
    }
  }
}

extension Kernel {
  /// The dtype of the keys by which the kernel sorts lines.
  var sortKey: DType? {
    guard case .argSort(let key, _, _)? = stages.first?.effects.first else { return nil }
    return stages[0].body.clType(of: key, in: self)
  }

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
    return max(1, (innerCount(0, integers) + block - 1) / block)
  }

  /// Whether neighbours along the columns are neighbours in memory in the right operand.
  fileprivate var readsRightRows: Bool {
    guard case .dot(_, let rhs)? = stages[0].effects.first, case .load(_, let index) = stages[0].body[rhs.index],
      let last = outer.indices.last
    else { return false }
    return index.strides[last] == .constant(1)
  }

  /// Whether neighbours along the last outer axis are neighbours in memory, and neighbours along the inner axis are not.
  fileprivate func walksColumns(_ integers: [Int]) -> Bool {
    guard let last = outer.indices.last else { return false }
    var (alongOuter, alongInner) = (0, 0)
    for case .load(_, let index) in stages[0].body {
      if index.strides[last].value(integers) == 1 { alongOuter += 1 }
      if index.strides.count > outer.count && index.strides[outer.count].value(integers) == 1 { alongInner += 1 }
    }
    return alongOuter > alongInner
  }
}

import KilnIR

/// How the points of a kernel become work items. The bits do not depend on it.
enum WorkMapping: Hashable {
  /// A work item for each outer point; with `strides`, each work item takes several.
  case points(strides: Bool)
  /// A work group for each outer point: 32 lanes of R2 times some teams, each with blocks of its own; trees in local memory.
  case rowGroups
  /// A work group for 32 neighbours along the last outer axis; its work items share the 32 lanes of R2.
  case columnGroups
  /// A work group for each outer point, whose line it sorts.
  case sortGroups
  /// Phase 0 computes block values of the reductions in stage 0 (along rows, or for columns), phase 1 the rest.
  case split(columns: Bool)
  /// Phase 0 computes block values of the one dot, a work item each; phase 1 the rest.
  case splitDot
  /// Tiles of a contraction through local memory.
  case tiles(TileShape)
  /// Tiles of a contraction in registers alone, for processors.
  case registerTiles(TileShape)

  var phaseCount: Int {
    switch self {
    case .split, .splitDot: 2
    case .points, .rowGroups, .columnGroups, .sortGroups, .tiles, .registerTiles: 1
    }
  }
}

extension WorkMapping {
  /// What reports call it.
  var name: String {
    switch self {
    case .points(strides: false): "points"
    case .points(strides: true): "points in strides"
    case .rowGroups: "row groups"
    case .columnGroups: "column groups"
    case .sortGroups: "sort groups"
    case .split(columns: false): "split rows"
    case .split(columns: true): "split columns"
    case .splitDot: "split dot"
    case .tiles(let tile): "tiles \(tile.itemRows)x\(tile.itemColumns)"
    case .registerTiles: "register tiles"
    }
  }

  /// The attribute by which a compiler keeps to the registers that a group of this size may have.
  func requiredGroup(phase: Int) -> String {
    let size: (Int, Int)
    switch self {
    case .columnGroups: size = (32, 8)
    case .split: size = phase == 0 ? (32, 8) : (0, 0)
    case .tiles(let tile): size = (tile.groupColumns, tile.groupRows)
    case .points, .rowGroups, .sortGroups, .splitDot, .registerTiles: size = (0, 0)
    }
    return size.0 == 0 ? "" : "__attribute__((reqd_work_group_size(\(size.0), \(size.1), 1))) "
  }
}

extension WorkRange {
  /// The same work items in groups of at most `limit`, for a kernel that needs more registers than usual. The teams of a
  /// row group become fewer, which it allows for.
  func limited(to limit: Int, isRowGroup: Bool) -> WorkRange {
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

/// The tile of a work item and of its group, in outputs.
struct TileShape: Hashable {
  /// Outputs of one work item.
  var itemRows: Int
  var itemColumns: Int
  /// Work items of a group.
  var groupRows: Int
  var groupColumns: Int
  /// Terms in local memory at a time; divides 512.
  var terms = 16
  /// Levels of Tree16 that the terms need: 0 for one block.
  var treeLevels: Int

  var rows: Int { itemRows * groupRows }
  var columns: Int { itemColumns * groupColumns }
}

/// What the choice of a mapping depends on.
struct MappingLimits: Hashable {
  var isProcessor: Bool
  var maximumWorkGroupSize: Int
  var localMemoryBytes: Int
  /// Work items that fill the device.
  var fullWorkItems: Int
}

/// Work items of one phase.
struct WorkRange: Hashable {
  var global: [Int]
  var local: [Int]
}

/// The arguments of a kernel beside its buffers.
struct KernelSignature: Hashable {
  var readsIntegers: Bool
  var hasScratch: Bool
  var hasStatus: Bool
  var hasZero: Bool

  init(_ kernel: Kernel, _ mapping: WorkMapping, _ style: CLStyle) {
    readsIntegers = style.readsIntegers && kernel.integerCount > 0
    hasZero = style.correctsProducts
    hasStatus = kernel.checksBounds
    switch mapping {
    case .points, .rowGroups: hasScratch = !kernel.scratchRows.isEmpty
    case .split, .splitDot, .sortGroups: hasScratch = true
    case .columnGroups, .tiles, .registerTiles: hasScratch = false
    }
  }

  /// Bytes of all arguments if the integers are arguments.
  static func byteCount(_ kernel: Kernel, isWide: Bool) -> Int {
    kernel.buffers.count * 16 + kernel.integerCount * (isWide ? 8 : 4) + 24
  }

  /// The most buffers whose arguments fit `parameterBytes` when the integers are read from a buffer of their own.
  static func maximumBuffers(parameterBytes: Int) -> Int { (parameterBytes - 24) / 16 - 1 }
}

extension Kernel {
  /// Points of the last outer axis, and of the others together.
  func pointGrid(_ integers: [Int]) -> (columns: Int, rows: Int) {
    let extents = outer.map { $0.value(integers) }
    return (extents.last ?? 1, extents.dropLast().reduce(1, *))
  }

  /// Whether every element index and count fits 32 bits with room for rounding up.
  func fits32Bits(_ integers: [Int]) -> Bool {
    let limit = 1 << 30
    let extents = outer.map { $0.value(integers) }
    guard extents.reduce(1, *) < limit else { return false }
    func reach(_ index: AffineIndex, _ extents: [Int]) -> Int {
      zip(index.strides, extents).reduce(abs(index.offset.value(integers))) {
        $0 + abs($1.0.value(integers)) * max($1.1 - 1, 0)
      }
    }
    for stage in stages {
      let inner = stage.inner.map { $0.value(integers) }
      guard inner.reduce(1, *) < limit else { return false }
      for index in stage.affineIndices where reach(index, extents + inner) >= limit { return false }
      for access in stage.accesses {
        let more = access.data.reduce(0) { $0 + abs($1.stride.value(integers)) * $1.extent.value(integers) }
        if reach(access.index, extents + inner) + more >= limit { return false }
      }
    }
    return true
  }
}

/// The names of all mappings, for the test that each is reached.
package enum WorkMappingNames {
  package static let all: [String] = {
    func tile(_ size: Int) -> TileShape {
      TileShape(itemRows: size, itemColumns: size, groupRows: 16, groupColumns: 16, treeLevels: 0)
    }
    let mappings: [WorkMapping] = [
      .points(strides: false), .points(strides: true), .rowGroups, .columnGroups, .sortGroups, .split(columns: false),
      .split(columns: true), .splitDot, .registerTiles(tile(4)), .tiles(tile(2)), .tiles(tile(4)), .tiles(tile(8)),
    ]
    return mappings.map(\.name)
  }()
}

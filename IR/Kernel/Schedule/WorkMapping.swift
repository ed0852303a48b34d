/// How the points of a kernel become work items of an OpenCL device.
public enum WorkMapping: Hashable, Sendable {
  /// A work item for each outer point; with `strides`, each work item takes several.
  case points(strides: Bool)
  /// A work group for each outer point: 32 lanes of R2 times some teams, each with blocks of its own; trees in local
  /// memory.
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
}

/// The tile of a work item and of its group, in outputs.
public struct TileShape: Hashable, Sendable {
  /// Outputs of one work item.
  public var itemRows: Int
  public var itemColumns: Int
  /// Work items of a group.
  public var groupRows: Int
  public var groupColumns: Int
  /// Terms in local memory at a time; divides 512.
  public var terms = 16
  /// Levels of Tree16 that the terms need: 0 for one block.
  public var treeLevels: Int

  public init(itemRows: Int, itemColumns: Int, groupRows: Int, groupColumns: Int, treeLevels: Int) {
    self.itemRows = itemRows
    self.itemColumns = itemColumns
    self.groupRows = groupRows
    self.groupColumns = groupColumns
    self.treeLevels = treeLevels
  }

  public var rows: Int { itemRows * groupRows }
  public var columns: Int { itemColumns * groupColumns }
}

/// The mapping of a kernel, and others that it may have: tuning measures which is the fastest.
public struct OpenCLSchedule: Hashable, Sendable {
  public var mapping: WorkMapping
  public var alternatives: [WorkMapping]

  public init(_ mapping: WorkMapping, alternatives: [WorkMapping] = []) {
    self.mapping = mapping
    self.alternatives = alternatives
  }

  public var candidates: [WorkMapping] { [mapping] + alternatives }
}

// MARK: - Text

extension WorkMapping: CustomStringConvertible {
  public var description: String {
    switch self {
    case .points(let strides): "points {strides = \(strides)}"
    case .rowGroups: "rowGroups"
    case .columnGroups: "columnGroups"
    case .sortGroups: "sortGroups"
    case .split(let columns): "split {columns = \(columns)}"
    case .splitDot: "splitDot"
    case .tiles(let tile): "tiles {\(tile)}"
    case .registerTiles(let tile): "registerTiles {\(tile)}"
    }
  }

  /// Nil if there is no mapping of that name.
  init?(_ spelling: String, _ attributes: AttributeReader) throws(ConstraintFailure) {
    switch spelling {
    case "points": self = .points(strides: try attributes.truth("strides"))
    case "rowGroups": self = .rowGroups
    case "columnGroups": self = .columnGroups
    case "sortGroups": self = .sortGroups
    case "split": self = .split(columns: try attributes.truth("columns"))
    case "splitDot": self = .splitDot
    case "tiles": self = .tiles(try TileShape(attributes))
    case "registerTiles": self = .registerTiles(try TileShape(attributes))
    default: return nil
    }
  }

  /// What reports call it.
  public var name: String {
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
}

extension TileShape: CustomStringConvertible {
  public var description: String {
    "itemRows = \(itemRows), itemColumns = \(itemColumns), groupRows = \(groupRows), groupColumns = \(groupColumns), "
      + "terms = \(terms), treeLevels = \(treeLevels)"
  }

  fileprivate init(_ attributes: AttributeReader) throws(ConstraintFailure) {
    self.init(
      itemRows: try attributes.integer("itemRows"), itemColumns: try attributes.integer("itemColumns"),
      groupRows: try attributes.integer("groupRows"), groupColumns: try attributes.integer("groupColumns"),
      treeLevels: try attributes.integer("treeLevels"))
    terms = try attributes.integer("terms")
  }
}

extension OpenCLSchedule: CustomStringConvertible {
  public var description: String { candidates.map(\.description).joined(separator: " or ") }
}

// MARK: - What it fits

extension OpenCLSchedule {
  func check(_ kernel: KernelDefinition) throws(ConstraintFailure) {
    for mapping in candidates { try mapping.check(kernel) }
  }
}

extension WorkMapping {
  public var phaseCount: Int {
    switch self {
    case .split, .splitDot: 2
    case .points, .rowGroups, .columnGroups, .sortGroups, .tiles, .registerTiles: 1
    }
  }

  fileprivate func check(_ kernel: KernelDefinition) throws(ConstraintFailure) {
    func require(_ condition: Bool, _ message: String) throws(ConstraintFailure) {
      try KilnIR.require(condition, "kernel.C6", message)
    }
    let shares = kernel.stages.allSatisfy { $0.effects.allSatisfy(\.sharesElements) }
    let rest = kernel.stages.dropFirst()
    switch self {
    case .points:
      try require(kernel.sortKey == nil || kernel.stages[0].inner.isEmpty, "a work item does not sort")
    case .rowGroups: try require(shares, "work items of a group share elements that wait for no other")
    case .columnGroups, .split:
      try require(
        shares && kernel.scratchRows.isEmpty && rest.allSatisfy(\.inner.isEmpty),
        "a group of columns or a split reduces in stage 0 only")
      try require(self == .split(columns: false) || !kernel.outer.isEmpty, "columns lie along an outer axis")
    case .sortGroups: try require(kernel.sortKey != nil, "sort groups sort lines")
    case .splitDot:
      try require(
        kernel.stages[0].effects.count == 1 && kernel.stages[0].effects[0].dot != nil
          && kernel.stages[0].inner.count == 1 && rest.allSatisfy(\.inner.isEmpty), "stage 0 of a split dot is one dot")
    case .tiles(let tile), .registerTiles(let tile):
      try require(
        kernel.contraction?.rowAxes == 1 && kernel.contraction?.columnAxis == kernel.outer.count - 1
          && kernel.stages[0].body.count <= 2 && kernel.scratchRows.isEmpty,
        "tiles have the roles of a contraction of plain loads, a row axis and a column axis")
      try require(
        [tile.itemRows, tile.itemColumns, tile.groupRows, tile.groupColumns, tile.terms].allSatisfy { $0 > 0 }
          && KernelDefinition.contractionBlock.isMultiple(of: tile.terms) && tile.treeLevels >= 0,
        "a tile has positive extents, and terms that divide a block")
    }
  }
}

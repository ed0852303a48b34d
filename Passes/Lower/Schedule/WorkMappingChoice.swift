import KilnIR

extension WorkMapping {
  /// The mapping of a kernel by a table for each class of devices.
  private static func choose(_ facts: MappingFacts) -> WorkMapping {
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
        contraction.batches * ceilDivide(contraction.rows, size) * ceilDivide(contraction.columns, size)
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

  /// The mapping by the table, and all others that the kernel may have, each with a name of its own.
  static func schedule(_ facts: MappingFacts) -> OpenCLSchedule {
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
    return OpenCLSchedule(all[0], alternatives: Array(all.dropFirst()))
  }
}

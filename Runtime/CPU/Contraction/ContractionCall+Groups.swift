import KilnIR

/// The loops around the tiles. A work unit is a tile; they are numbered so that neighbours share what lies in the
/// caches (see `ContractionSchedule`): group by group of row blocks, in a group panel by panel.
extension ContractionCall {
  /// What the tiles of one group of row blocks share.
  struct Group {
    let call: UnsafePointer<Fields>
    let buffers: Buffers
    let scratch: UnsafeMutableRawPointer
    let status: UnsafeMutablePointer<Int32>
    /// The number of its right operand, its first row block, and how many it has.
    let right: Int
    let firstBlock: Int
    let size: Int
    /// Its first column panel, packed or not, and the bytes from one to the next.
    let panels: UnsafeMutableRawPointer
    let panelStep: Int

    init(
      _ call: UnsafePointer<Fields>, _ buffers: Buffers, _ scratch: UnsafeMutableRawPointer,
      _ status: UnsafeMutablePointer<Int32>, right: Int, firstBlock: Int, size: Int
    ) {
      (self.call, self.buffers, self.scratch, self.status) = (call, buffers, scratch, status)
      (self.right, self.firstBlock, self.size) = (right, firstBlock, size)
      if call.pointee.packsRight {
        panels = buffers[call.pointee.workspace]! + right * call.pointee.panels * call.pointee.panelBytes
        panelStep = call.pointee.panelBytes
      } else {
        panels = base(call, call.pointee.right, buffers, batch: call.pointee.sharesRight ? 0 : right)
        panelStep = call.pointee.tileColumns * call.pointee.right.place
      }
    }
  }

  /// Phase 1: work units are tiles.
  static func runGroups(
    _ call: UnsafePointer<Fields>, _ buffers: Buffers, _ begin: Int, _ end: Int, _ scratch: UnsafeMutableRawPointer,
    _ status: UnsafeMutablePointer<Int32>
  ) {
    let (panels, blocks, most) = (call.pointee.panels, call.pointee.blocks, call.pointee.group)
    var unit = begin
    while unit < end {
      let right = unit / (blocks * panels)
      let inRight = unit - right * blocks * panels
      let firstBlock = inRight / (most * panels) * most
      let inGroup = inRight - firstBlock * panels
      let size = min(most, blocks - firstBlock)
      let tiles = inGroup..<min(inGroup + end - unit, size * panels)
      run(Group(call, buffers, scratch, status, right: right, firstBlock: firstBlock, size: size), tiles)
      unit += tiles.count
    }
  }

  /// Phase 1 in a chain: work units are row blocks.
  static func runRowBlocks(
    _ call: UnsafePointer<Fields>, _ buffers: Buffers, _ begin: Int, _ end: Int, _ scratch: UnsafeMutableRawPointer,
    _ status: UnsafeMutablePointer<Int32>
  ) {
    var block = begin
    while block < end {
      let right = block / call.pointee.blocks
      let firstBlock = block - right * call.pointee.blocks
      let size = min(call.pointee.group, min(end - block, call.pointee.blocks - firstBlock))
      run(
        Group(call, buffers, scratch, status, right: right, firstBlock: firstBlock, size: size),
        0..<size * call.pointee.panels)
      block += size
    }
  }

  private static func run(_ group: Group, _ tiles: Range<Int>) {
    if group.call.pointee.takesBlocks { runBlocks(group, tiles) } else { runTiles(group, tiles) }
  }

  /// Panel by panel, each with all its terms.
  private static func runTiles(_ group: Group, _ tiles: Range<Int>) {
    let call = group.call
    for number in 0..<group.size { prepare(group, number) }
    if call.pointee.packsLeft {
      for number in 0..<group.size { packLeft(group, number, first: 0, count: call.pointee.terms) }
    }
    let isOneChunk = call.pointee.chunkStarts[call.pointee.termBlocks] == 1
    forEachPanel(tiles, of: group) { panel, numbers, _ in
      if isOneChunk {
        // Sums that are used at once lie where those of the last tile did.
        for number in numbers {
          if isNeeded(group, panel, number) { addBlock(0, group, panel, number..<number + 1, waitingFrom: 0) }
          finish(group, panel, number..<number + 1, waitingFrom: 0)
        }
      } else {
        for block in 0..<call.pointee.termBlocks { addBlock(block, group, panel, numbers, waitingFrom: 0) }
        finish(group, panel, numbers, waitingFrom: 0)
      }
    }
  }

  /// The panels of a group's tiles in their order, each with its row blocks and its first tile's place among them all.
  private static func forEachPanel(
    _ tiles: Range<Int>, of group: Group, _ body: (_ panel: Int, _ numbers: Range<Int>, _ place: Int) -> Void
  ) {
    var tile = tiles.lowerBound
    while tile < tiles.upperBound {
      let panel = tile / group.size
      let first = tile - panel * group.size
      let count = min(group.size - first, tiles.upperBound - tile)
      body(panel, first..<first + count, tile - tiles.lowerBound)
      tile += count
    }
  }

  static func record(_ group: Group, _ number: Int) -> UnsafeMutablePointer<Int> {
    let scratch = group.call.pointee.scratch
    return (group.scratch + number * scratch.recordBytes).assumingMemoryBound(to: Int.self)
  }

  /// Fills in the record of a row block.
  static func prepare(_ group: Group, _ number: Int) {
    let (call, block) = (group.call, group.firstBlock + number)
    let batch = call.pointee.sharesRight ? block / call.pointee.rowBlocks : group.right
    let row = (call.pointee.sharesRight ? block - batch * call.pointee.rowBlocks : block) * call.pointee.tileRows
    let record = record(group, number)
    let left = base(call, call.pointee.left, group.buffers, batch: batch) + row * call.pointee.left.place
    record[RowBlock.pitch] = call.pointee.tileColumns
    record[RowBlock.left] = Int(bitPattern: left)
    record[RowBlock.row] = row
    record[RowBlock.rows] = min(call.pointee.tileRows, call.pointee.rows - row)
    var rest = batch
    for axis in (0..<call.pointee.batchAxes).reversed() {
      let outer = rest / call.pointee.batchExtents[axis]
      record[RowBlock.batch + axis] = rest - outer * call.pointee.batchExtents[axis]
      rest = outer
    }
  }

  /// Packs terms of a row block whose record is filled in.
  static func packLeft(_ group: Group, _ number: Int, first: Int, count: Int) {
    let record = record(group, number)
    pack(
      group.call.pointee.packingLeft, UnsafeRawPointer(bitPattern: record[RowBlock.left])!,
      packedLeft(group, number), places: record[RowBlock.rows], first: first, count: count)
  }

  static func packedLeft(_ group: Group, _ number: Int) -> UnsafeMutableRawPointer {
    group.scratch + group.call.pointee.scratch.packedLeftOffset + number * group.call.pointee.blockBytes
  }

  // MARK: - Blocks of terms

  /// All tiles with a block of the terms, then all with the next: as many tiles as there is room for their sums.
  private static func runBlocks(_ group: Group, _ tiles: Range<Int>) {
    let call = group.call
    for number in 0..<group.size { prepare(group, number) }
    var first = tiles.lowerBound
    while first < tiles.upperBound {
      let strip = first..<min(first + call.pointee.waiting.tiles, tiles.upperBound)
      for block in 0..<call.pointee.termBlocks {
        let start = block * KernelDefinition.contractionBlock
        let count = min(KernelDefinition.contractionBlock, call.pointee.terms - start)
        for number in 0..<group.size { packLeft(group, number, first: start, count: count) }
        forEachPanel(strip, of: group) { panel, numbers, place in
          addBlock(block, group, panel, numbers, waitingFrom: place)
        }
      }
      forEachPanel(strip, of: group) { panel, numbers, place in
        finish(group, panel, numbers, waitingFrom: place)
      }
      first = strip.upperBound
    }
  }
}

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
    if group.call.pointee.turns == 1 { runTiles(group, tiles) } else { runTurns(group, tiles) }
  }

  /// Each tile with all its terms.
  private static func runTiles(_ group: Group, _ tiles: Range<Int>) {
    let call = group.call
    for number in 0..<group.size { prepare(group, number) }
    if call.pointee.packsLeft {
      for number in 0..<group.size { packLeft(group, number, first: 0, count: call.pointee.terms) }
    }
    forEach(tiles, of: group) { _, panel, number in
      let record = enter(group, number, panel: panel, sums: group.scratch)
      let right = group.panels + panel * group.panelStep
      addTerms(group, number, record, call.pointee.tileWords, right, group.scratch)
      finish(group, record)
    }
  }

  /// The tiles of a group in their order, with the panel and the row block of each.
  private static func forEach(
    _ tiles: Range<Int>, of group: Group, _ body: (_ tile: Int, _ panel: Int, _ number: Int) -> Void
  ) {
    var panel = tiles.lowerBound / group.size
    var number = tiles.lowerBound - panel * group.size
    for tile in tiles {
      body(tile, panel, number)
      number += 1
      if number == group.size { (number, panel) = (0, panel + 1) }
    }
  }

  private static func record(_ group: Group, _ number: Int) -> UnsafeMutablePointer<Int> {
    let scratch = group.call.pointee.scratch
    return (group.scratch + scratch.recordsOffset + number * scratch.recordBytes).assumingMemoryBound(to: Int.self)
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

  private static func packedLeft(_ group: Group, _ number: Int) -> UnsafeMutableRawPointer {
    group.scratch + group.call.pointee.scratch.packedLeftOffset + number * group.call.pointee.blockBytes
  }

  /// Makes the record of a row block that of its tile with a column panel.
  static func enter(
    _ group: Group, _ number: Int, panel: Int, sums: UnsafeMutableRawPointer
  ) -> UnsafeMutablePointer<Int> {
    let record = record(group, number)
    let column = panel * group.call.pointee.tileColumns
    record[RowBlock.sums] = Int(bitPattern: sums)
    record[RowBlock.column] = column
    record[RowBlock.present] = min(group.call.pointee.tileColumns, group.call.pointee.columns - column)
    return record
  }

  /// Adds up terms of a tile, its rows covered from the top by tile functions: `sums` becomes the result.
  private static func addTerms(
    _ group: Group, _ number: Int, _ record: UnsafeMutablePointer<Int>, _ words: UnsafePointer<Int>,
    _ right: UnsafeMutableRawPointer, _ sums: UnsafeMutableRawPointer
  ) {
    let call = group.call
    let (rows, present) = (record[RowBlock.rows], record[RowBlock.present])
    let left =
      call.pointee.packsLeft
      ? UnsafeRawPointer(packedLeft(group, number)) : UnsafeRawPointer(bitPattern: record[RowBlock.left])!
    var done = 0
    for entry in 0..<call.pointee.heightCount {
      let height = call.pointee.heights[2 * entry]
      guard rows - done >= height else { continue }
      let tile = unsafeBitCast(call.pointee.heights[2 * entry + 1], to: MicroKernel.Tile.self)
      repeat {
        tile(words, left + done * call.pointee.leftRow, right, present, sums + done * call.pointee.tileRow)
        done += height
      } while rows - done >= height
    }
  }

  /// The stages after the dot.
  private static func finish(_ group: Group, _ record: UnsafeMutablePointer<Int>) {
    let (row, rows) = (record[RowBlock.row], record[RowBlock.rows])
    group.call.pointee.epilogue(
      group.buffers, group.call.pointee.integers, row, row + rows, UnsafeMutableRawPointer(record), group.status)
  }

  // MARK: - Blocks of terms

  /// All tiles with a block of the terms, then all with the next: as many tiles as there is room for their sums.
  private static func runTurns(_ group: Group, _ tiles: Range<Int>) {
    let call = group.call
    for number in 0..<group.size { prepare(group, number) }
    var first = tiles.lowerBound
    while first < tiles.upperBound {
      let strip = first..<min(first + call.pointee.waitingTiles, tiles.upperBound)
      for turn in 0..<call.pointee.turns { addTurn(group, strip, turn) }
      forEach(strip, of: group) { tile, panel, number in
        let sums = waiting(group, tile - strip.lowerBound)
        let record = enter(group, number, panel: panel, sums: sums)
        if call.pointee.turns > 16 {
          call.pointee.fold(sums, record[RowBlock.rows] * call.pointee.tileRow, call.pointee.turns)
        }
        finish(group, record)
      }
      first = strip.upperBound
    }
  }

  /// Where the sums of a strip's tile wait, with the levels of Tree16 behind them.
  private static func waiting(_ group: Group, _ tile: Int) -> UnsafeMutableRawPointer {
    group.scratch + group.call.pointee.scratch.waitingOffset + tile * group.call.pointee.waitingBytes
  }

  private static func addTurn(_ group: Group, _ strip: Range<Int>, _ turn: Int) {
    let call = group.call
    let isLast = turn == call.pointee.turns - 1
    let firstTerm = turn * call.pointee.termsAtOnce
    let terms = isLast ? call.pointee.terms - firstTerm : call.pointee.termsAtOnce
    for number in 0..<group.size { packLeft(group, number, first: firstTerm, count: terms) }
    let words = isLast ? call.pointee.lastWords : call.pointee.tileWords
    let panels = group.panels + firstTerm * call.pointee.tileRow
    forEach(strip, of: group) { tile, panel, number in
      let right = panels + panel * group.panelStep
      let sums = waiting(group, tile - strip.lowerBound)
      let record = enter(group, number, panel: panel, sums: sums)
      if turn & 15 == 0 {
        addTerms(group, number, record, words, right, sums)
      } else {
        addTerms(group, number, record, words, right, group.scratch)
        call.pointee.push(sums, group.scratch, record[RowBlock.rows] * call.pointee.tileRow, turn + 1)
      }
    }
  }
}

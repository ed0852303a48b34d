import CRuntime
import KilnIR

/// What happens to tiles of one panel: their terms are added up, and the stages after the dot run.
extension ContractionCall {
  /// Adds up a block of terms for the tiles of some row blocks with one panel, a chunk for all of them before the next
  /// one: its part of the panel stays in the first cache. Their sums wait from place `waitingFrom` on.
  static func addBlock(
    _ block: Int, _ group: Group, _ panel: Int, _ numbers: Range<Int>, waitingFrom place: Int
  ) {
    let call = group.call
    let isFirst = block & 15 == 0
    let right = group.panels + panel * group.panelStep
    let present = min(call.pointee.tileColumns, call.pointee.columns - panel * call.pointee.tileColumns)
    for chunk in call.pointee.chunkStarts[block]..<call.pointee.chunkStarts[block + 1] {
      let next = right + call.pointee.chunks[chunk].right + group.panelStep
      let part = call.pointee.chunks[chunk].words[TileWord.terms] * call.pointee.tileRow / group.size
      for number in numbers {
        // Each row block asks for its part of the next panel.
        if group.size > 1 && call.pointee.packsRight { kiln_prefetch(next + number * part, part) }
        let sums = waiting(group, place + number - numbers.lowerBound)
        addTerms(
          group, number, call.pointee.chunks[chunk], right, present, isFirst ? sums : sums + call.pointee.waiting.spare)
      }
    }
    if isFirst { return }
    for number in numbers {
      let sums = waiting(group, place + number - numbers.lowerBound)
      let bytes = record(group, number)[RowBlock.rows] * call.pointee.tileRow
      call.pointee.push(sums, sums + call.pointee.waiting.spare, bytes, block + 1)
    }
  }

  /// Adds up a chunk of terms of a tile, its rows covered from the top by tile functions.
  private static func addTerms(
    _ group: Group, _ number: Int, _ chunk: Chunk, _ right: UnsafeMutableRawPointer, _ present: Int,
    _ sums: UnsafeMutableRawPointer
  ) {
    let call = group.call
    let record = record(group, number)
    let rows = record[RowBlock.rows]
    let left =
      call.pointee.packsLeft
      ? UnsafeRawPointer(packedLeft(group, number)) : UnsafeRawPointer(bitPattern: record[RowBlock.left])!
    let stream = group.scratch + call.pointee.scratch.streamOffset
    var done = 0
    for entry in 0..<call.pointee.heightCount {
      let height = call.pointee.heights[2 * entry]
      guard rows - done >= height else { continue }
      let tile = unsafeBitCast(call.pointee.heights[2 * entry + 1], to: MicroKernel.Tile.self)
      repeat {
        tile(
          chunk.words, left + chunk.left + done * call.pointee.leftRow, right + chunk.right, present,
          sums + done * call.pointee.tileRow, stream)
        done += height
      } while rows - done >= height
    }
  }

  /// Where the sums of a tile under way lie, with the levels of Tree16 behind them.
  private static func waiting(_ group: Group, _ place: Int) -> UnsafeMutableRawPointer {
    group.scratch + group.call.pointee.scratch.waitingOffset + place * group.call.pointee.waiting.bytes
  }

  /// Whether the stages after the dot see the sums of a tile.
  static func isNeeded(_ group: Group, _ panel: Int, _ number: Int) -> Bool {
    guard let test = group.call.pointee.test else { return true }
    let record = enter(group, panel, number, sums: waiting(group, 0))
    let (row, rows) = (record[RowBlock.row], record[RowBlock.rows])
    test(
      group.buffers, group.call.pointee.integers, row, row + rows, UnsafeMutableRawPointer(record), group.status)
    return record[RowBlock.isNeeded] != 0
  }

  /// Makes the record of a row block that of its tile with a panel.
  private static func enter(
    _ group: Group, _ panel: Int, _ number: Int, sums: UnsafeMutableRawPointer
  ) -> UnsafeMutablePointer<Int> {
    let record = record(group, number)
    let column = panel * group.call.pointee.tileColumns
    record[RowBlock.sums] = Int(bitPattern: sums)
    record[RowBlock.column] = column
    record[RowBlock.present] = min(group.call.pointee.tileColumns, group.call.pointee.columns - column)
    return record
  }

  /// The stages after the dot, for the tiles of some row blocks with one panel.
  static func finish(_ group: Group, _ panel: Int, _ numbers: Range<Int>, waitingFrom place: Int) {
    let call = group.call
    for number in numbers {
      let sums = waiting(group, place + number - numbers.lowerBound)
      let record = enter(group, panel, number, sums: sums)
      let (row, rows) = (record[RowBlock.row], record[RowBlock.rows])
      if call.pointee.termBlocks > 16 {
        call.pointee.fold(sums, rows * call.pointee.tileRow, call.pointee.termBlocks)
      }
      call.pointee.epilogue(
        group.buffers, call.pointee.integers, row, row + rows, UnsafeMutableRawPointer(record), group.status)
    }
  }
}

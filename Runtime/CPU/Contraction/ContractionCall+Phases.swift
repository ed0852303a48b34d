import KilnIR

/// The loops around the tiles: work units are column panels to pack, then single tiles, numbered so that neighbours
/// share what lies in the caches (see `ContractionSchedule`). A group of row blocks is prepared once for all its column
/// panels.
extension ContractionCall {
  typealias Buffers = UnsafePointer<UnsafeMutableRawPointer?>

  /// Phase 0: work units are (right batch, column panel).
  static func packRight(_ call: UnsafePointer<Fields>, _ buffers: Buffers, _ begin: Int, _ end: Int) {
    guard call.pointee.packsRight else { return }
    let (panels, tileColumns) = (call.pointee.panels, call.pointee.tileColumns)
    for unit in begin..<end {
      let batch = unit / panels
      let first = (unit - batch * panels) * tileColumns
      let source = base(call, call.pointee.right, buffers, batch: batch) + first * call.pointee.right.place
      let target = buffers[call.pointee.workspace]! + unit * call.pointee.panelBytes
      pack(
        call.pointee.packingRight, UnsafeRawPointer(source), target, min(tileColumns, call.pointee.columns - first))
    }
  }

  /// The first element of an operand in a batch.
  private static func base(
    _ call: UnsafePointer<Fields>, _ operand: Operand, _ buffers: Buffers, batch: Int
  ) -> UnsafeMutableRawPointer {
    var address = buffers[operand.buffer]! + operand.offset
    var rest = batch
    var axis = call.pointee.batchAxes - 1
    while axis >= 0 && rest > 0 {
      let outer = rest / call.pointee.batchExtents[axis]
      address += (rest - outer * call.pointee.batchExtents[axis]) * operand.batch[axis]
      rest = outer
      axis -= 1
    }
    return address
  }

  /// Packs all terms of a panel.
  private static func pack(
    _ packing: Packing, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ places: Int
  ) {
    var target = target
    packRuns(packing, axis: 0, source, &target, places)
  }

  private static func packRuns(
    _ packing: Packing, axis: Int, _ source: UnsafeRawPointer, _ target: inout UnsafeMutableRawPointer, _ places: Int
  ) {
    let (extent, step) = (packing.axes[2 * axis], packing.axes[2 * axis + 1])
    guard axis == packing.axisCount - 1 else {
      for number in 0..<extent { packRuns(packing, axis: axis + 1, source + number * step, &target, places) }
      return
    }
    if extent == 0 { return }
    packing.function!(source, target, places, extent, packing.place, step)
    target += extent * packing.width
  }

  /// Phase 1: work units are tiles.
  static func runTiles(
    _ call: UnsafePointer<Fields>, _ buffers: Buffers, _ begin: Int, _ end: Int, _ scratch: UnsafeMutableRawPointer,
    _ status: UnsafeMutablePointer<Int32>
  ) {
    let (panels, blocks, group) = (call.pointee.panels, call.pointee.blocks, call.pointee.group)
    let panelStep =
      call.pointee.packsRight ? call.pointee.panelBytes : call.pointee.tileColumns * call.pointee.right.place
    var unit = begin
    while unit < end {
      let right = unit / (blocks * panels)
      let inRight = unit - right * blocks * panels
      let firstBlock = inRight / (group * panels) * group
      let size = min(group, blocks - firstBlock)
      let inGroup = inRight - firstBlock * panels
      let groupEnd = min(end, unit + size * panels - inGroup)
      for number in 0..<size {
        prepare(call, buffers, scratch, number, block: firstBlock + number, right: right)
      }
      let rightStart =
        call.pointee.packsRight
        ? buffers[call.pointee.workspace]! + right * panels * call.pointee.panelBytes
        : base(call, call.pointee.right, buffers, batch: call.pointee.sharesRight ? 0 : right)
      var panel = inGroup / size
      var number = inGroup - panel * size
      while unit < groupEnd {
        runTile(call, buffers, scratch, status, number, panel: panel, right: rightStart + panel * panelStep)
        number += 1
        if number == size { (number, panel) = (0, panel + 1) }
        unit += 1
      }
    }
  }

  private static func record(
    _ call: UnsafePointer<Fields>, _ scratch: UnsafeMutableRawPointer, _ number: Int
  ) -> UnsafeMutablePointer<Int> {
    (scratch + call.pointee.scratch.recordsOffset + number * call.pointee.scratch.recordBytes)
      .assumingMemoryBound(to: Int.self)
  }

  /// Fills in the record of a row block, and packs its rows.
  private static func prepare(
    _ call: UnsafePointer<Fields>, _ buffers: Buffers, _ scratch: UnsafeMutableRawPointer, _ number: Int, block: Int,
    right: Int
  ) {
    let batch = call.pointee.sharesRight ? block / call.pointee.rowBlocks : right
    let row = (call.pointee.sharesRight ? block - batch * call.pointee.rowBlocks : block) * call.pointee.tileRows
    let rows = min(call.pointee.tileRows, call.pointee.rows - row)
    var left = base(call, call.pointee.left, buffers, batch: batch) + row * call.pointee.left.place
    if call.pointee.packsLeft {
      let packed = scratch + call.pointee.scratch.packedLeftOffset + number * call.pointee.blockBytes
      pack(call.pointee.packingLeft, UnsafeRawPointer(left), packed, rows)
      left = packed
    }
    let record = record(call, scratch, number)
    record[RowBlock.sums] = Int(bitPattern: scratch)
    record[RowBlock.pitch] = call.pointee.tileColumns
    record[RowBlock.left] = Int(bitPattern: left)
    record[RowBlock.row] = row
    record[RowBlock.rows] = rows
    var rest = batch
    for axis in (0..<call.pointee.batchAxes).reversed() {
      let outer = rest / call.pointee.batchExtents[axis]
      record[RowBlock.batch + axis] = rest - outer * call.pointee.batchExtents[axis]
      rest = outer
    }
  }

  /// Covers the rows of one row block from the top, each part with its epilogue.
  private static func runTile(
    _ call: UnsafePointer<Fields>, _ buffers: Buffers, _ scratch: UnsafeMutableRawPointer,
    _ status: UnsafeMutablePointer<Int32>, _ number: Int, panel: Int, right: UnsafeMutableRawPointer
  ) {
    let record = record(call, scratch, number)
    let column = panel * call.pointee.tileColumns
    let present = min(call.pointee.tileColumns, call.pointee.columns - column)
    record[RowBlock.column] = column
    record[RowBlock.present] = present
    let (row, rows) = (record[RowBlock.row], record[RowBlock.rows])
    let left = UnsafeRawPointer(bitPattern: record[RowBlock.left])!
    var done = 0
    for entry in 0..<call.pointee.heightCount {
      let height = call.pointee.heights[2 * entry]
      guard rows - done >= height else { continue }
      let tile = unsafeBitCast(call.pointee.heights[2 * entry + 1], to: MicroKernel.Tile.self)
      repeat {
        tile(call.pointee.tileWords, left + done * call.pointee.leftRow, UnsafeRawPointer(right), present, scratch)
        call.pointee.epilogue(
          buffers, call.pointee.integers, row + done, row + done + height, UnsafeMutableRawPointer(record), status)
        done += height
      } while rows - done >= height
    }
  }
}

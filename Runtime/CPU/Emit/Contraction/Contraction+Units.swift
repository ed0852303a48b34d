import KilnIR
import KilnRuntime

/// The order of the tiles: work units are single tiles, numbered so that neighbours share what lies in the caches (see
/// `CPUSchedule`), and a group of row blocks is prepared once for all its column panels.
extension KernelEmitter {
  /// Fields of the record of a row block, 8 bytes each, in scratch: the left operand's first element (packed or not),
  /// the first row, the number of rows, then the batch coordinates.
  enum RowBlock {
    static let left = 0
    static let row = 1
    static let rows = 2
    static let batch = 3
  }

  func field(_ record: LLVMValue, _ number: Int) -> LLVMValue {
    module.offset(record, module.index(number), of: module.int64)
  }

  func emitTiles(_ c: TiledContraction) throws(RuntimeError) {
    let s = c.schedule
    let epilogue = try epilogue(c)
    let tree = TreeFunctions(
      accumulate: c.mayExceedOneBlock ? try accumulate(c) : nil, carry: c.mayExceedOneLevel ? try carry(c) : nil,
      fold: c.mayExceedOneLevel ? try fold(c) : nil)
    let stream = s.streamsRight ? try streaming(c) : nil
    var tiles: [(rows: Int, function: LLVMFunction)] = []
    for rows in tileHeights(c) {
      tiles.append((rows, try tile(c, rows: rows, tree: tree, stream: stream, epilogue: epilogue)))
    }
    let packLeft =
      s.packsLeft ? try packing(c, of: c.left, stride: c.left.row, width: s.tileRows, name: "pack_left") : nil

    let rows = c.rowAxis.map { value(kernel.outer[$0]) } ?? module.index(1)
    let columns = c.columnAxis.map { value(kernel.outer[$0]) } ?? module.index(1)
    let terms = product(of: c.inner)
    let batches = kernel.outer[..<c.roles.batchAxes].map(value)
    let rowBlocks = ceilDivide(rows, s.tileRows)
    let panels = ceilDivide(columns, s.tileColumns)
    // Row blocks that use one right operand.
    let blocks = c.rightVaries ? rowBlocks : multiply(rowBlocks, product(of: Array(kernel.outer[..<c.roles.batchAxes])))
    let group = groupSize(c, terms)
    let blockBytes = multiply(terms, module.index(s.tileRows * c.elementBytes))
    let panelBytes = multiply(terms, module.index(s.tileColumns * c.elementBytes))

    _ = try whileBelow(end, carrying: [begin]) { carried throws(RuntimeError) in
      let unit = carried[0]
      let right = module.binary(.udiv, unit, multiply(blocks, panels))
      let inRight = difference(unit, multiply(right, multiply(blocks, panels)))
      let groupNumber = module.binary(.udiv, inRight, multiply(group, panels))
      let firstBlock = multiply(groupNumber, group)
      let size = smaller(group, difference(blocks, firstBlock))
      let inGroup = difference(inRight, multiply(firstBlock, panels))
      let groupEnd = smaller(end, add(unit, difference(multiply(size, panels), inGroup)))
      let rightBatches = c.rightVaries ? coordinates(of: right, in: batches) : []

      _ = try loop(from: module.index(0), to: size) { number, _ throws(RuntimeError) in
        let block = add(firstBlock, number)
        let batch = c.rightVaries ? right : module.binary(.udiv, block, rowBlocks)
        let rowBlock = c.rightVaries ? block : difference(block, multiply(batch, rowBlocks))
        let place = coordinates(of: batch, in: batches)
        let row = multiply(rowBlock, module.index(s.tileRows))
        let count = smaller(module.index(s.tileRows), difference(rows, row))
        var left = moved(base(of: c.left, batches: place), multiply(row, bytes(c.left.row, c.left.dtype)))
        if let packLeft {
          let packed = moved(moved(scratch, module.index(c.scratch.packedLeftOffset)), multiply(number, blockBytes))
          callSubfunction(packLeft, begin: count, end: count, [left, packed])
          left = packed
        }
        let record = record(c, number)
        module.store(left, field(record, RowBlock.left), alignment: 8)
        module.store(row, field(record, RowBlock.row), alignment: 8)
        module.store(count, field(record, RowBlock.rows), alignment: 8)
        for (axis, coordinate) in place.enumerated() {
          module.store(coordinate, field(record, RowBlock.batch + axis), alignment: 8)
        }
        return []
      }

      let firstPanel = module.binary(.udiv, inGroup, size)
      let start = difference(inGroup, multiply(firstPanel, size))
      let rightBase =
        s.packsRight
        ? moved(context.workspace!, multiply(multiply(right, panels), panelBytes))
        : base(of: c.right, batches: rightBatches)
      let step = s.packsRight ? panelBytes : multiply(bytes(c.right.column, c.right.dtype), module.index(s.tileColumns))
      _ = try loop(from: unit, to: groupEnd, carrying: [firstPanel, start]) { _, carried throws(RuntimeError) in
        let (panel, number) = (carried[0], carried[1])
        let column = multiply(panel, module.index(s.tileColumns))
        let pointer = moved(rightBase, multiply(panel, step))
        try callTiles(tiles, c, record: record(c, number), column: column, right: pointer)
        let next = add(number, module.index(1))
        let wraps = module.compare(.eq, next, size)
        return [
          module.select(wraps, add(panel, module.index(1)), panel), module.select(wraps, module.index(0), next),
        ]
      }
      return [groupEnd]
    }
  }

  private func record(_ c: TiledContraction, _ number: LLVMValue) -> LLVMValue {
    let start = moved(scratch, module.index(c.scratch.recordsOffset))
    return moved(start, multiply(number, module.index(c.scratch.recordBytes)))
  }

  /// The group of `ContractionSchedule.group(terms:elementBytes:)`.
  private func groupSize(_ c: TiledContraction, _ terms: LLVMValue) -> LLVMValue {
    let blockBytes = larger(module.index(1), multiply(terms, module.index(c.tileRows * c.elementBytes)))
    let fitting = module.binary(.udiv, module.index(ContractionSchedule.groupBytes), blockBytes)
    return larger(module.index(1), smaller(module.index(ContractionSchedule.maximumGroup), fitting))
  }

  /// The heights of tiles that together make up every row block: the whole one, and for what may be left over the exact
  /// rest, or a few small ones if the rest is not known.
  private func tileHeights(_ c: TiledContraction) -> [Int] {
    let height = c.tileRows
    let rows = c.rowAxis.map { kernel.outer[$0] } ?? .constant(1)
    switch rows {
    case .constant(let rows):
      let rest = rows % height
      return (rows >= height ? [height] : []) + (rest > 0 ? [rest] : [])
    case .argument:
      return [height] + [4, 2, 1].filter { $0 < height }
    }
  }

  /// Covers the rows of one row block from the top.
  private func callTiles(
    _ tiles: [(rows: Int, function: LLVMFunction)], _ c: TiledContraction, record: LLVMValue, column: LLVMValue,
    right: LLVMValue
  ) throws(RuntimeError) {
    let rows = module.load(module.int64, field(record, RowBlock.rows), alignment: 8)
    var done = module.index(0)
    for (height, function) in tiles {
      let limit = difference(rows, module.index(height - 1))
      done = try whileBelow(limit, carrying: [done]) { carried in
        callSubfunction(function, begin: carried[0], end: column, [record, right])
        return [add(carried[0], module.index(height))]
      }[0]
    }
  }
}

import KilnIR

extension ContractionTile {
  /// The tile for a contraction of these extents, and what to pack, as measured with AVX-512 on a Zen 4.
  static func choose(_ contraction: Contraction, _ integers: [Int], for device: DeviceDescription) -> ContractionTile {
    let (roles, dtype, shape) = (contraction.roles, contraction.dtype, contraction.shape(integers))
    let (rows, columns, terms) = (shape.rows, shape.columns, shape.terms)
    // How many batches share one right operand, and elements from column to column of it, from row to row of the left
    // one.
    let rightUses = shape.batches / max(shape.rightBatches, 1)
    let rightColumnStride = contraction.right.index.strides[roles.columnAxis].value(integers)
    let leftRowStride = roles.rowAxes == 1 ? contraction.left.index.strides[roles.batchAxes].value(integers) : 0
    let lanes = max(1, device.vectorBytes / dtype.byteCount)
    let tileRows = max(1, min(rows, device.vectorRegisters >= 32 ? 14 : 6))
    let isReadOnce = rightUses == 1 && rows <= tileRows
    let streamsRight = rightColumnStride != 1 && isReadOnce
    // What is read column by column is read from no more columns at once than the hardware can follow.
    let readsColumns = streamsRight && contraction.right.index.strides.last == .constant(1) && dtype.byteCount >= 4
    let mostOfRows = contraction.convertsRight && isReadOnce ? 16 : 8
    let widest = readsColumns && terms > KernelDefinition.contractionBlock ? 1 : streamsRight ? 4 : mostOfRows
    let tileColumns =
      lanes * columnVectors(rows: tileRows, columns: columns, lanes: lanes, device.vectorRegisters, widest)
    let panels = ceilDivide(columns, tileColumns)

    // Vectors of narrow elements have no cheap masks, so those at the edge are packed; so is what is converted, once
    // instead of with every use.
    let isEdged = dtype.byteCount < 4 && !columns.isMultiple(of: tileColumns)
    let preparesRight = rightColumnStride != 1 || isEdged || contraction.convertsRight
    // Many row blocks read a right operand that no cache of one core holds: in panels each of its pages is met once.
    let isLarge = rows >= 4 * tileRows && terms * columns * dtype.byteCount > 2 * device.level2Bytes
    // Rows a multiple of 4 KiB apart fall into the same places of the first cache.
    let pageBytes = 4096
    let collides = tileRows > 8 && leftRowStride != 0 && leftRowStride * dtype.byteCount % pageBytes == 0
    return ContractionTile(
      rows: tileRows, columns: tileColumns, packsRight: isLarge || preparesRight && !isReadOnce,
      packsLeft: (collides || contraction.convertsLeft) && panels >= 2 || isLarge && panels >= 8)
  }

  /// Vectors in a row of the tile: few rows leave registers for more of them. Every element of the tile has a register
  /// of its own; a row of the right operand, an element of the left one and a spare need the others. One row keeps
  /// nothing of the right operand, and reads memory the faster the more of it lies side by side.
  private static func columnVectors(rows: Int, columns: Int, lanes: Int, _ registers: Int, _ widest: Int) -> Int {
    let most = rows == 1 ? widest : min(widest, (registers - 2) / (rows + 1))
    func padded(_ vectors: Int) -> Int { ceilDivide(columns, vectors * lanes) * vectors * lanes }
    // A tile of one vector keeps the multipliers busy from some eight rows on; with fewer rows it is the width that
    // does.
    var best = 1
    for vectors in 1...max(1, most) where vectors <= 4 || vectors.isMultiple(of: 2) {
      if Double(padded(vectors)) <= 1.05 * Double(padded(best)) || rows * best < 8 && padded(best) > best * lanes {
        best = vectors
      }
    }
    return best
  }
}

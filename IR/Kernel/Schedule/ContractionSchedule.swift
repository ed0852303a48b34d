/// How a processor runs a contraction. Its numbers shape no code of the kernel: they choose among tile functions that
/// all kernels share, so they may be launch integers, as extents are.
///
/// **Work units** of phase 0, if the right operand is packed, are its column panels; those of phase 1 are tiles. Tiles
/// are numbered so that neighbours share what lies in the caches: by right operand (one for each batch, or one for
/// all), then by group of `ContractionTile.group(blocks:terms:elementBytes:)` row blocks, then by column panel, then by
/// row block within the group. Row blocks of several batches stand in one row if the right operand is the same for all.
public struct ContractionSchedule: Hashable, Sendable {
  /// Elements of the register tile.
  public var tileRows: KernelInteger
  public var tileColumns: KernelInteger
  /// 1 if an operand is packed before it is used, else 0.
  public var packsRight: KernelInteger
  public var packsLeft: KernelInteger

  public init(
    tileRows: KernelInteger, tileColumns: KernelInteger, packsRight: KernelInteger, packsLeft: KernelInteger
  ) {
    self.tileRows = tileRows
    self.tileColumns = tileColumns
    self.packsRight = packsRight
    self.packsLeft = packsLeft
  }

  public init(_ tile: ContractionTile) {
    self.init(
      tileRows: .constant(tile.rows), tileColumns: .constant(tile.columns),
      packsRight: .constant(tile.packsRight ? 1 : 0), packsLeft: .constant(tile.packsLeft ? 1 : 0))
  }

  package var integers: [KernelInteger] { [tileRows, tileColumns, packsRight, packsLeft] }

  package func mapIntegers(_ change: (KernelInteger) -> KernelInteger) -> ContractionSchedule {
    ContractionSchedule(
      tileRows: change(tileRows), tileColumns: change(tileColumns), packsRight: change(packsRight),
      packsLeft: change(packsLeft))
  }

  /// The tile of a launch.
  public func tile(_ integers: [Int]) -> ContractionTile {
    ContractionTile(
      rows: tileRows.value(integers), columns: tileColumns.value(integers), packsRight: packsRight.value(integers) != 0,
      packsLeft: packsLeft.value(integers) != 0)
  }

  /// - Throws: `kernel.C6` for a tile that lowering does not choose: code is made for it.
  func check(_ integers: [Int]) throws(ConstraintFailure) {
    let tile = tile(integers)
    try require(
      (1...ContractionTile.maximumRows).contains(tile.rows)
        && (1...ContractionTile.maximumColumns).contains(tile.columns), "kernel.C6",
      "a tile has 1 to \(ContractionTile.maximumRows) rows and 1 to \(ContractionTile.maximumColumns) columns, found "
        + "\(tile.rows) and \(tile.columns)")
  }
}

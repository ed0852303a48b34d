/// How a processor runs a contraction. Its numbers shape no code of the kernel: they choose among tile functions that
/// all kernels share, so they may be launch integers, as extents are.
///
/// **Work units** of phase 0, if the right operand is packed, are its column panels; those of phase 1 are tiles. Tiles
/// are numbered so that neighbours share what lies in the caches: by right operand (one for each batch, or one for
/// all), then by group of `ContractionTile.group(terms:elementBytes:)` row blocks, then by column panel, then by row
/// block within the group. Row blocks of several batches stand in one row if the right operand is the same for all.
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

/// The register tile of a launch, and what is packed for it.
public struct ContractionTile: Hashable, Sendable {
  public var rows: Int
  public var columns: Int
  /// Whether the right operand is packed into column panels (phase 0) before it is used: for each panel of `columns`
  /// columns all terms, for each term its columns side by side. Columns beyond the last hold anything. A right operand
  /// whose columns are not side by side and that is not packed so is packed by each tile on its way, `streamedTerms`
  /// terms at a time.
  public var packsRight: Bool
  /// Whether each thread packs the row blocks of a group in its scratch, for each term its rows side by side.
  public var packsLeft: Bool

  public init(rows: Int, columns: Int, packsRight: Bool = false, packsLeft: Bool = false) {
    self.rows = rows
    self.columns = columns
    self.packsRight = packsRight
    self.packsLeft = packsLeft
  }

  /// Levels of Tree16 over blocks of 512 terms: enough for 2⁴¹ terms.
  public static let levels = 8
  /// The most row blocks of a group, and the bytes of the left operand that a group should not exceed: it stays in the
  /// second cache while the column panels pass by.
  static let maximumGroup = 16
  private static let groupBytes = 384 << 10
  static let maximumRows = 64
  static let maximumColumns = 1024

  /// How many row blocks share each column panel while it is in the cache.
  public func group(terms: Int, elementBytes: Int) -> Int {
    max(1, min(Self.maximumGroup, Self.groupBytes / max(1, rows * terms * elementBytes)))
  }

  public var streamedTerms: Int { max(16, 4096 / columns) }

  /// Where the parts of a thread's scratch lie: a tile for each level of Tree16 and a spare one, a record for each row
  /// block of a group, the streamed part of a column panel, and the packed row blocks.
  public struct Scratch: Hashable, Sendable {
    /// The records of row blocks, and the size of one: `recordWords` and the coordinates of its batch.
    public let recordsOffset: Int
    public let recordBytes: Int
    /// The streamed part of a column panel.
    public let streamOffset: Int
    /// The packed row blocks.
    public let packedLeftOffset: Int

    public static let recordWords = 7
  }

  public func scratch(batchAxes: Int) -> Scratch {
    let recordsOffset = (Self.levels + 1) * rows * columns * 8
    let recordBytes = 8 * (Scratch.recordWords + batchAxes)
    let streamOffset = ceilDivide(recordsOffset + Self.maximumGroup * recordBytes, 64) * 64
    return Scratch(
      recordsOffset: recordsOffset, recordBytes: recordBytes, streamOffset: streamOffset,
      packedLeftOffset: streamOffset + (packsRight ? 0 : streamedTerms * columns * 8))
  }

  func scratchBytes(batchAxes: Int, terms: Int, elementBytes: Int) -> Int {
    let start = scratch(batchAxes: batchAxes).packedLeftOffset
    guard packsLeft else { return start }
    return start + group(terms: terms, elementBytes: elementBytes) * rows * terms * elementBytes
  }
}

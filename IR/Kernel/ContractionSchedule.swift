/// The tile and the roles of the outer axes of a contraction.
///
/// **Work units** of the last phase are tiles. They are numbered so that neighbours share what lies in the caches: by
/// right operand (one for each batch, or one for all), then by group of `group(terms:elementBytes:)` row blocks, then by
/// column panel, then by row block within the group. Row blocks of several batches stand in one row if the right operand
/// is the same for all.
///
/// **Scratch** holds a tile for each level of Tree16 and a spare one, a record for each row block of a group, the streamed
/// part of a column panel, and the packed row blocks.
public struct ContractionSchedule: Hashable, Sendable {
  /// How many of the outer axes are batch axes, and how many then are row axes (0 or 1); the rest (0 or 1) are columns.
  public var batchAxes: Int
  public var rowAxes: Int
  /// Elements of the register tile.
  public var tileRows: Int
  public var tileColumns: Int
  /// Whether the right operand is packed into column panels (phase 0) before it is used: for each panel of `tileColumns`
  /// columns all terms, for each term its columns side by side. Columns beyond the last hold anything.
  public var packsRight: Bool
  /// Whether the tile packs its column panel itself, `streamedTerms` terms at a time in scratch: for a right operand whose
  /// columns are not side by side and that only one row block reads. Not together with `packsRight`.
  public var streamsRight: Bool
  /// Whether each thread packs the row blocks of a group in its scratch, for each term its rows side by side.
  public var packsLeft: Bool

  public init(
    batchAxes: Int, rowAxes: Int, tileRows: Int, tileColumns: Int, packsRight: Bool, streamsRight: Bool = false,
    packsLeft: Bool = false
  ) {
    self.batchAxes = batchAxes
    self.rowAxes = rowAxes
    self.tileRows = tileRows
    self.tileColumns = tileColumns
    self.packsRight = packsRight
    self.streamsRight = streamsRight
    self.packsLeft = packsLeft
  }

  /// Levels of Tree16 over blocks of 512 terms: enough for 2⁴¹ terms.
  public static let levels = 8
  /// The most row blocks of a group, and the bytes of the left operand that a group should not exceed: it stays in the
  /// second cache while the column panels pass by.
  public static let maximumGroup = 16
  public static let groupBytes = 384 << 10

  /// How many row blocks share each column panel while it is in the cache.
  public func group(terms: Int, elementBytes: Int) -> Int {
    max(1, min(Self.maximumGroup, Self.groupBytes / max(1, tileRows * terms * elementBytes)))
  }

  /// Where the records of row blocks lie in scratch, and their size.
  public var recordsOffset: Int { (Self.levels + 1) * tileRows * tileColumns * 8 }
  public var recordBytes: Int { 8 * (3 + batchAxes) }
  /// Where the streamed part of a column panel lies in scratch, and how many terms it holds.
  public var streamOffset: Int { (recordsOffset + Self.maximumGroup * recordBytes + 63) / 64 * 64 }
  public var streamedTerms: Int { max(16, 4096 / tileColumns) }
  /// Where the packed row blocks lie in scratch.
  public var packedLeftOffset: Int { streamOffset + (streamsRight ? streamedTerms * tileColumns * 8 : 0) }

  func scratchBytes(terms: Int, elementBytes: Int) -> Int {
    guard packsLeft else { return packedLeftOffset }
    return packedLeftOffset + group(terms: terms, elementBytes: elementBytes) * tileRows * terms * elementBytes
  }
}

extension [BodyInstruction] {
  /// The load behind a dot's operand: itself or, if the dot works in another dtype than memory, below its conversion.
  public func loadedOperand(_ id: BodyID) -> BodyInstruction? {
    switch self[id.index] {
    case .load: self[id.index]
    case .operation(.convert, let operands, _): loadedOperand(operands[0])
    case .operation, .constant, .index, .gather, .loadScratch, .reduced: nil
    }
  }
}

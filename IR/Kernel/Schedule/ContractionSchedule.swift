/// How a processor runs a contraction: the tile, and what is packed.
///
/// **Work units** of the last phase are tiles. They are numbered so that neighbours share what lies in the caches: by
/// right operand (one for each batch, or one for all), then by group of `group(terms:elementBytes:)` row blocks, then
/// by column panel, then by row block within the group. Row blocks of several batches stand in one row if the right
/// operand is the same for all.
///
/// **Scratch** holds a tile for each level of Tree16 and a spare one, a record for each row block of a group, the
/// streamed part of a column panel, and the packed row blocks.
public struct ContractionSchedule: Hashable, Sendable {
  /// Elements of the register tile.
  public var tileRows: Int
  public var tileColumns: Int
  /// Whether the right operand is packed into column panels (phase 0) before it is used: for each panel of
  /// `tileColumns` columns all terms, for each term its columns side by side. Columns beyond the last hold anything.
  public var packsRight: Bool
  /// Whether the tile packs its column panel itself, `streamedTerms` terms at a time in scratch: for a right operand
  /// whose columns are not side by side and that only one row block reads. Not together with `packsRight`.
  public var streamsRight: Bool
  /// Whether each thread packs the row blocks of a group in its scratch, for each term its rows side by side.
  public var packsLeft: Bool

  public init(
    tileRows: Int, tileColumns: Int, packsRight: Bool, streamsRight: Bool = false, packsLeft: Bool = false
  ) {
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

  public var streamedTerms: Int { max(16, 4096 / tileColumns) }

  /// Where the parts of the scratch lie, for a number of batch axes.
  public func scratch(batchAxes: Int) -> Scratch { Scratch(self, batchAxes: batchAxes) }

  public struct Scratch: Hashable, Sendable {
    private let schedule: ContractionSchedule
    /// The records of row blocks, and the size of one.
    public let recordsOffset: Int
    public let recordBytes: Int
    /// The streamed part of a column panel.
    public let streamOffset: Int
    /// The packed row blocks.
    public let packedLeftOffset: Int

    fileprivate init(_ schedule: ContractionSchedule, batchAxes: Int) {
      self.schedule = schedule
      recordsOffset = (ContractionSchedule.levels + 1) * schedule.tileRows * schedule.tileColumns * 8
      recordBytes = 8 * (3 + batchAxes)
      let records = ContractionSchedule.maximumGroup * recordBytes
      streamOffset = ceilDivide(recordsOffset + records, 64) * 64
      let streamed = schedule.streamsRight ? schedule.streamedTerms * schedule.tileColumns * 8 : 0
      packedLeftOffset = streamOffset + streamed
    }

    func byteCount(terms: Int, elementBytes: Int) -> Int {
      guard schedule.packsLeft else { return packedLeftOffset }
      let group = schedule.group(terms: terms, elementBytes: elementBytes)
      return packedLeftOffset + group * schedule.tileRows * terms * elementBytes
    }
  }
}

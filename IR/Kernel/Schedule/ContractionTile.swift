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
  /// Bytes of sums that wait for their next block of terms where both operands are packed.
  private static let waitingBytes = 192 << 10
  static let maximumRows = 64
  static let maximumColumns = 1024

  /// How many row blocks share each column panel while it is in the cache: about as many in each group.
  /// - Parameter blocks: row blocks that use one right operand.
  public func group(blocks: Int, terms: Int, elementBytes: Int) -> Int {
    let most = min(Self.maximumGroup, Self.groupBytes / max(1, rows * termsAtOnce(terms) * elementBytes))
    return ceilDivide(blocks, max(1, ceilDivide(blocks, max(1, most))))
  }

  public var streamedTerms: Int { max(16, 4096 / columns) }
}

// MARK: - Blocks of terms

extension ContractionTile {
  /// The terms that tiles add up before they go on to the next ones: all of them, or a block of 512 where both operands
  /// are packed. A block of a column panel then stays in the first cache, one of a group of row blocks in the second,
  /// and the sums of the tiles wait in scratch.
  public func termsAtOnce(_ terms: Int) -> Int {
    packsLeft && packsRight ? min(terms, KernelDefinition.contractionBlock) : terms
  }

  /// The most terms that a tile takes before the next row block takes the same ones; no bits change, as the chain of a
  /// block of 512 terms goes on where it was left. Of a left operand that is not packed the rows may fall into the same
  /// places of the first cache: half of it is left to them.
  /// - Parameter group: row blocks that share a column panel.
  public func chunk(group: Int, elementBytes: Int) -> Int {
    if group == 1 || packsLeft { return KernelDefinition.contractionBlock }
    let panelBytes = 16 << 10
    return min(KernelDefinition.contractionBlock, max(32, panelBytes / (columns * elementBytes)))
  }

  /// Tiles whose sums are under way at once, at most, and the bytes of each: a tile for each level of Tree16 that the
  /// blocks fill, and one for the block under way where there are several.
  public struct Waiting: Hashable, Sendable {
    public let tiles: Int
    public let bytes: Int
    /// Where the sums of the block under way lie, if it is not the first of its group of 16.
    public let spare: Int
  }

  public func waiting(terms: Int, elementBytes: Int) -> Waiting {
    let blocks = ceilDivide(terms, KernelDefinition.contractionBlock)
    var (levels, left) = (0, max(blocks, 1))
    while left > 0 { (levels, left) = (levels + 1, left / 16) }
    let tileBytes = rows * columns * elementBytes
    let bytes = (blocks > 1 ? levels + 1 : levels) * tileBytes
    let tiles = termsAtOnce(terms) < terms ? max(Self.maximumGroup, Self.waitingBytes / bytes) : Self.maximumGroup
    return Waiting(tiles: tiles, bytes: bytes, spare: levels * tileBytes)
  }
}

// MARK: - Scratch

extension ContractionTile {
  /// Where the parts of a thread's scratch lie: at its start a record for each row block of a group, then the streamed
  /// part of a column panel, the packed row blocks, and the sums of tiles under way.
  public struct Scratch: Hashable, Sendable {
    /// The size of the record of a row block: `recordWords` and the coordinates of its batch.
    public let recordBytes: Int
    /// The streamed part of a column panel.
    public let streamOffset: Int
    /// The packed row blocks.
    public let packedLeftOffset: Int
    public let waitingOffset: Int
    let byteCount: Int

    public static let recordWords = 8
  }

  public func scratch(batchAxes: Int, terms: Int, elementBytes: Int) -> Scratch {
    func aligned(_ bytes: Int) -> Int { ceilDivide(bytes, 64) * 64 }
    let recordBytes = 8 * (Scratch.recordWords + batchAxes)
    let streamOffset = aligned(Self.maximumGroup * recordBytes)
    // Without terms nothing is packed beforehand.
    let streams = !packsRight || terms == 0
    let packedLeftOffset = streamOffset + (streams ? streamedTerms * columns * 8 : 0)
    // The last vector that is packed may run over the end.
    let packedBytes = Self.maximumGroup * rows * termsAtOnce(terms) * elementBytes + 64
    let waitingOffset = aligned(packedLeftOffset + (packsLeft ? packedBytes : 0))
    let waiting = waiting(terms: terms, elementBytes: elementBytes)
    return Scratch(
      recordBytes: recordBytes, streamOffset: streamOffset, packedLeftOffset: packedLeftOffset,
      waitingOffset: waitingOffset, byteCount: waitingOffset + waiting.tiles * waiting.bytes)
  }
}

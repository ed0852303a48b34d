import KilnIR
import KilnRuntime

/// What the phases of a contraction read, in memory that outlives them. A launch has one; its `start` stands where
/// other kernels have the launch integers.
// @unchecked: nothing changes once it is made.
final class ContractionCall: @unchecked Sendable {
  let start: UnsafeMutablePointer<Fields>
  private let words: UnsafeMutablePointer<Int>
  private let chunks: UnsafeMutableBufferPointer<Chunk>

  static let phases: [CompiledCode.Phase] = [
    { buffers, call, begin, end, _, _ in
      packRight(fields(call), buffers, begin, end)
    },
    { buffers, call, begin, end, scratch, status in
      runGroups(fields(call), buffers, begin, end, scratch!, status)
    },
  ]

  /// Phase 1 as a chain runs it: work units are row blocks, each with all its tiles.
  static let rowBlocks: CompiledCode.Phase = { buffers, call, begin, end, scratch, status in
    runRowBlocks(fields(call), buffers, begin, end, scratch!, status)
  }

  private static func fields(_ call: UnsafePointer<Int>) -> UnsafePointer<Fields> {
    UnsafeRawPointer(call).assumingMemoryBound(to: Fields.self)
  }

  /// All sizes and steps are in bytes but for the extents.
  struct Fields {
    var epilogue: CompiledCode.Phase
    /// Says in the record whether a tile needs its sums; nil where each does, or that is known no sooner than the sums.
    var test: CompiledCode.Phase?
    var integers: UnsafePointer<Int>
    /// The heights of the tile, each with the address of its function.
    var heights: UnsafePointer<Int>
    var heightCount: Int
    /// The terms in blocks of 512, and those in chunks: `chunkStarts` has the first chunk of each block, and the end.
    var termBlocks: Int
    var chunks: UnsafePointer<Chunk>
    var chunkStarts: UnsafePointer<Int>
    /// Whether all tiles of a group take a block of terms before they go on to the next.
    var takesBlocks: Bool
    var terms: Int
    var push: MicroKernel.Push
    var fold: MicroKernel.Fold
    var waiting: ContractionTile.Waiting
    var left: Operand
    var right: Operand
    var packsLeft: Bool
    var packsRight: Bool
    var packingLeft: Packing
    var packingRight: Packing
    /// The entry of the workspace in the table of buffers.
    var workspace: Int
    var batchAxes: Int
    var batchExtents: UnsafePointer<Int>
    var rows: Int
    var columns: Int
    var tileRows: Int
    var tileColumns: Int
    var rowBlocks: Int
    /// Row blocks that use one right operand.
    var blocks: Int
    var panels: Int
    /// Row blocks that share each column panel while it is in the cache.
    var group: Int
    /// From row to row of what the tiles read, packed or not; a packed row block and a packed column panel; a row of a
    /// tile, which is a term of a panel and a row of sums.
    var leftRow: Int
    var blockBytes: Int
    var panelBytes: Int
    var tileRow: Int
    var sharesRight: Bool
    var scratch: ContractionTile.Scratch
  }

  /// Fewer products take no longer than the test whether they are needed.
  private static let termsWorthTesting = 16

  /// Rows that are packed side by side: each is read from one end of the thread's panels to the other, as the hardware
  /// reads ahead.
  private static let packedTerms = 32

  /// Terms that a tile takes at once: its words, and where they begin in both operands.
  struct Chunk {
    var words: UnsafePointer<Int>
    var left: Int
    var right: Int
  }

  struct Operand {
    var buffer: Int
    var offset: Int
    var batch: UnsafePointer<Int>
    var place: Int
  }

  struct Packing {
    var function: MicroKernel.Packing?
    /// Contracted axes: extents, steps, and the terms of one step.
    var axes: UnsafePointer<Int>
    var axisCount: Int
    var place: Int
    /// A packed term.
    var width: Int
    /// Terms of a panel to pack before those of the next panel.
    var termsAtOnce: Int
  }

  /// - Parameter code: of the kernel, then of `ContractionLaunch.shared`.
  init(_ launch: ContractionLaunch, _ integers: [Int], bufferCount: Int, _ code: [CompiledCode]) {
    let (tile, shape, key) = (launch.tile, launch.shape, launch.key)
    let extents = launch.contraction.outer[..<launch.contraction.roles.batchAxes].map { $0.value(integers) }
    var packingCode = code.dropFirst(3)
    let packLeft = launch.packingLeft.flatMap { _ in packingCode.popFirst()?.functions[0] }
    let packRight = launch.packingRight.flatMap { _ in packingCode.popFirst()?.functions[0] }

    let elementBytes = key.dtype.byteCount
    let leftRow = tile.packsLeft ? elementBytes : launch.left.place
    let sharesRight = launch.contraction.sharesRight
    let rowBlocks = ceilDivide(shape.rows, tile.rows)
    let blocks = sharesRight ? rowBlocks * shape.batches : rowBlocks
    let group = tile.group(blocks: blocks, terms: shape.terms, elementBytes: elementBytes)
    let runs = TermRuns(launch, chunk: tile.chunk(group: group, elementBytes: elementBytes))

    // One block of words for all tables.
    let tree = code[2].functions
    let tileWords = runs.all.flatMap { run in
      [run.count, leftRow, run.carries ? 1 : 0, run.position, Int(bitPattern: packRight ?? 0), launch.right.place]
        + launch.termAxes.flatMap { [$0.extent, $0.left, $0.right] } + run.coordinates
    }
    let wordsOfRun = TileWord.count(axes: launch.termAxes.count)
    let heights = zip(key.heights, code[1].functions).flatMap { [$0, Int(bitPattern: $1)] }
    func axes(_ packing: ContractionLaunch.Packing?) -> [Int] {
      guard let axes = packing?.axes else { return [] }
      return axes.indices.flatMap {
        [axes[$0].extent, axes[$0].left, axes[($0 + 1)...].reduce(1) { $0 * $1.extent }]
      }
    }
    let tables = [
      integers, heights, tileWords, launch.left.batch, launch.right.batch, axes(launch.packingLeft),
      axes(launch.packingRight), extents, runs.starts,
    ]
    let words = UnsafeMutablePointer<Int>.allocate(capacity: tables.reduce(1) { $0 + $1.count })
    self.words = words
    var next = words
    let places = tables.map { table in
      defer { next += table.count }
      next.initialize(from: table, count: table.count)
      return UnsafePointer(next)
    }
    chunks = .allocate(capacity: runs.all.count)
    _ = chunks.initialize(
      from: runs.all.enumerated().map {
        Chunk(words: places[2] + $0 * wordsOfRun, left: $1.left, right: $1.right)
      })

    func operand(_ operand: ContractionLaunch.Operand, _ batch: UnsafePointer<Int>) -> Operand {
      Operand(buffer: operand.buffer, offset: operand.offset, batch: batch, place: operand.place)
    }
    func packing(
      _ packing: ContractionLaunch.Packing?, _ address: UInt?, _ axes: UnsafePointer<Int>, _ place: Int
    ) -> Packing {
      Packing(
        function: address.map { unsafeBitCast($0, to: MicroKernel.Packing.self) }, axes: axes,
        axisCount: packing?.axes.count ?? 0, place: place, width: (packing?.key.width ?? 0) * elementBytes,
        termsAtOnce: packing?.key.order == .places ? Self.packedTerms : max(1, shape.terms))
    }
    start = .allocate(capacity: 1)
    start.initialize(
      to: Fields(
        epilogue: unsafeBitCast(code[0].functions[0], to: CompiledCode.Phase.self),
        test: code[0].functions.count > 1 && shape.terms >= Self.termsWorthTesting
          ? unsafeBitCast(code[0].functions[1], to: CompiledCode.Phase.self) : nil,
        integers: places[0],
        heights: places[1], heightCount: key.heights.count, termBlocks: runs.starts.count - 1,
        chunks: UnsafePointer(chunks.baseAddress!), chunkStarts: places[8], takesBlocks: runs.takesBlocks,
        terms: shape.terms, push: unsafeBitCast(tree[0], to: MicroKernel.Push.self),
        fold: unsafeBitCast(tree[1], to: MicroKernel.Fold.self),
        waiting: tile.waiting(terms: shape.terms, elementBytes: elementBytes), left: operand(launch.left, places[3]),
        right: operand(launch.right, places[4]), packsLeft: tile.packsLeft, packsRight: tile.packsRight,
        packingLeft: packing(launch.packingLeft, packLeft, places[5], launch.left.place),
        packingRight: packing(launch.packingRight, packRight, places[6], launch.right.place), workspace: bufferCount,
        batchAxes: extents.count, batchExtents: places[7], rows: shape.rows, columns: shape.columns,
        tileRows: tile.rows, tileColumns: tile.columns, rowBlocks: rowBlocks, blocks: blocks,
        panels: ceilDivide(shape.columns, tile.columns), group: group, leftRow: leftRow,
        blockBytes: tile.termsAtOnce(shape.terms) * tile.rows * elementBytes,
        panelBytes: shape.terms * tile.columns * elementBytes, tileRow: tile.columns * elementBytes,
        sharesRight: sharesRight, scratch: launch.scratch))
  }

  deinit {
    start.deallocate()
    chunks.deallocate()
    words.deallocate()
  }
}

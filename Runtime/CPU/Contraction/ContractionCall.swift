import KilnIR
import KilnRuntime

/// What the phases of a contraction read, in memory that outlives them. A launch has one; its `start` stands where
/// other kernels have the launch integers.
// @unchecked: nothing changes once it is made.
final class ContractionCall: @unchecked Sendable {
  let start: UnsafeMutablePointer<Fields>
  private let words: UnsafeMutablePointer<Int>

  static let phases: [CompiledCode.Phase] = [
    { buffers, call, begin, end, _, _ in
      packRight(fields(call), buffers, begin, end)
    },
    { buffers, call, begin, end, scratch, status in
      runTiles(fields(call), buffers, begin, end, scratch!, status)
    },
  ]

  private static func fields(_ call: UnsafePointer<Int>) -> UnsafePointer<Fields> {
    UnsafeRawPointer(call).assumingMemoryBound(to: Fields.self)
  }

  /// All sizes and steps are in bytes but for the extents.
  struct Fields {
    var epilogue: CompiledCode.Phase
    var integers: UnsafePointer<Int>
    /// The heights of the tile, each with the address of its function.
    var heights: UnsafePointer<Int>
    var heightCount: Int
    var tileWords: UnsafePointer<Int>
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
    /// From row to row of what the tiles read, packed or not; a packed row block and a packed column panel.
    var leftRow: Int
    var blockBytes: Int
    var panelBytes: Int
    var sharesRight: Bool
    var scratch: ContractionTile.Scratch
  }

  struct Operand {
    var buffer: Int
    var offset: Int
    var batch: UnsafePointer<Int>
    var place: Int
  }

  struct Packing {
    var function: MicroKernel.Packing?
    /// Contracted axes: extents and steps.
    var axes: UnsafePointer<Int>
    var axisCount: Int
    var place: Int
    /// A packed term.
    var width: Int
  }

  /// - Parameter code: of the kernel, then of `ContractionLaunch.shared`.
  init(_ launch: ContractionLaunch, _ integers: [Int], bufferCount: Int, _ code: [CompiledCode]) {
    let (tile, shape, key) = (launch.tile, launch.shape, launch.key)
    let extents = launch.contraction.outer[..<launch.contraction.roles.batchAxes].map { $0.value(integers) }
    var packingCode = code.dropFirst(3)
    let packLeft = launch.packingLeft.flatMap { _ in packingCode.popFirst()?.functions[0] }
    let packRight = launch.packingRight.flatMap { _ in packingCode.popFirst()?.functions[0] }

    // One block of words for all tables.
    let elementBytes = key.dtype.byteCount
    let leftRow = tile.packsLeft ? elementBytes : launch.left.place
    let (tree, streamStart) = (code[2].functions, launch.scratch.streamOffset)
    let tileWords =
      [
        shape.terms, leftRow, Int(bitPattern: tree[0]), Int(bitPattern: tree[1]), Int(bitPattern: packRight ?? 0),
        launch.right.place, streamStart,
      ] + launch.termAxes.flatMap { [$0.extent, $0.left, $0.right] }
    let heights = zip(key.heights, code[1].functions).flatMap { [$0, Int(bitPattern: $1)] }
    func axes(_ packing: ContractionLaunch.Packing?) -> [Int] { packing?.axes.flatMap { [$0.extent, $0.left] } ?? [] }
    let tables = [
      integers, heights, tileWords, launch.left.batch, launch.right.batch, axes(launch.packingLeft),
      axes(launch.packingRight), extents,
    ]
    let words = UnsafeMutablePointer<Int>.allocate(capacity: tables.reduce(1) { $0 + $1.count })
    self.words = words
    var next = words
    let places = tables.map { table in
      defer { next += table.count }
      next.initialize(from: table, count: table.count)
      return UnsafePointer(next)
    }

    func operand(_ operand: ContractionLaunch.Operand, _ batch: UnsafePointer<Int>) -> Operand {
      Operand(buffer: operand.buffer, offset: operand.offset, batch: batch, place: operand.place)
    }
    func packing(
      _ packing: ContractionLaunch.Packing?, _ address: UInt?, _ axes: UnsafePointer<Int>, _ place: Int
    ) -> Packing {
      Packing(
        function: address.map { unsafeBitCast($0, to: MicroKernel.Packing.self) }, axes: axes,
        axisCount: packing?.axes.count ?? 0, place: place, width: (packing?.key.width ?? 0) * elementBytes)
    }
    let rowBlocks = ceilDivide(shape.rows, tile.rows)
    let sharesRight = launch.contraction.sharesRight
    start = .allocate(capacity: 1)
    start.initialize(
      to: Fields(
        epilogue: unsafeBitCast(code[0].functions[0], to: CompiledCode.Phase.self), integers: places[0],
        heights: places[1], heightCount: key.heights.count, tileWords: places[2],
        left: operand(launch.left, places[3]), right: operand(launch.right, places[4]), packsLeft: tile.packsLeft,
        packsRight: tile.packsRight, packingLeft: packing(launch.packingLeft, packLeft, places[5], launch.left.place),
        packingRight: packing(launch.packingRight, packRight, places[6], launch.right.place), workspace: bufferCount,
        batchAxes: extents.count, batchExtents: places[7], rows: shape.rows, columns: shape.columns,
        tileRows: tile.rows, tileColumns: tile.columns, rowBlocks: rowBlocks,
        blocks: sharesRight ? rowBlocks * shape.batches : rowBlocks, panels: ceilDivide(shape.columns, tile.columns),
        group: tile.group(terms: shape.terms, elementBytes: elementBytes), leftRow: leftRow,
        blockBytes: shape.terms * tile.rows * elementBytes, panelBytes: shape.terms * tile.columns * elementBytes,
        sharesRight: sharesRight, scratch: launch.scratch))
  }

  deinit {
    start.deallocate()
    words.deallocate()
  }
}

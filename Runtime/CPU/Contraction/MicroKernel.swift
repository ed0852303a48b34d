package import KilnIR

/// Code of contractions that no program owns: one object per machine and value of this type, which all kernels share.
/// The description is the text of the key under which it is cached.
package enum MicroKernel: Hashable, Sendable {
  /// A function for each of the tile's heights.
  case tile(TileKey)
  /// Two functions of Tree16 (Numerics.md R1) on tiles in scratch: push and fold.
  case tree(dtype: DType, lanes: Int)
  /// A function that packs a run of terms.
  case packing(PackingKey)

  var functionCount: Int {
    switch self {
    case .tile(let key): key.heights.count
    case .tree: 2
    case .packing: 1
    }
  }
}

/// What shapes a register tile.
package struct TileKey: Hashable, Sendable {
  /// The element type of products and sums, and those of the operands in the memory that the tile reads.
  var dtype: DType
  var left: DType
  var right: DType
  /// Elements of a vector; a row of the tile is `columns` / `lanes` of them.
  var lanes: Int
  var columns: Int
  /// The rows of its functions, the tallest first. They have one object, so that no number of rows needs another.
  var heights: [Int]
  /// Contracted axes that are not walked as one.
  var termAxes: Int
  /// Whether columns of the right operand may be missing and must not be touched.
  var isMasked: Bool
  /// Whether the columns of the right operand are not side by side: the tile packs them on its way.
  var streams: Bool
  /// Whether its terms are side by side instead: the tile turns whole squares in registers, and packs what is left.
  var turns: Bool
  /// Whether its terms are far apart in memory that no cache holds, where the hardware fetches nothing ahead: the tile
  /// asks for them some terms before their turn.
  var fetchesAhead: Bool

  var vectors: Int { columns / lanes }
}

/// What shapes the packing of `width` places, neighbours along the rows of the left or the columns of the right
/// operand.
package struct PackingKey: Hashable, Sendable {
  enum Order: String, Hashable, Sendable {
    /// The places lie side by side in memory; the terms do, and squares are turned in registers; neither.
    case places, terms, scattered
  }
  var source: DType
  var dtype: DType
  var lanes: Int
  var width: Int
  var order: Order

  /// - Parameters:
  ///   - place: elements from place to place in the source.
  ///   - term: elements from term to term.
  init(from source: DType, to dtype: DType, lanes: Int, width: Int, place: Int, term: Int) {
    (self.source, self.dtype, self.width) = (source, dtype, width)
    self.lanes = dtype.isNarrow ? min(lanes, 8) : lanes
    let isWhole = width.isMultiple(of: self.lanes)
    let canTurn = lanes > 1 && (width <= self.lanes || isWhole)
    order = place == 1 && (isWhole || !source.isNarrow) ? .places : term == 1 && canTurn ? .terms : .scattered
  }

  var vectors: Int { (width + lanes - 1) / lanes }
}

extension DType {
  /// Whether elements have fewer than 32 bits: loads of some lanes of a vector of them are slow without AVX-512.
  var isNarrow: Bool { byteCount < 4 }
}

extension MicroKernel: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tile(let key):
      "tile \(key.heights)×\(key.columns) of \(key.lanes) lanes {dtype = \(key.dtype), left = \(key.left), "
        + "right = \(key.right), termAxes = \(key.termAxes), isMasked = \(key.isMasked), streams = \(key.streams), "
        + "turns = \(key.turns), fetchesAhead = \(key.fetchesAhead)}"
    case .tree(let dtype, let lanes): "tree {dtype = \(dtype), lanes = \(lanes)}"
    case .packing(let key):
      "packing \(key.width) of \(key.lanes) lanes {source = \(key.source), dtype = \(key.dtype), order = \(key.order)}"
    }
  }
}

// MARK: - How they are called

/// The numbers that a tile function reads, 8 bytes each, the same for all tiles of a launch that take these terms.
/// Steps are in bytes.
enum TileWord {
  /// How many terms.
  static let terms = 0
  /// From row to row of the left operand.
  static let leftRow = 1
  /// Whether the sums go on from those in memory; otherwise they begin at 0.
  static let carries = 2
  /// With several axes: how far the first term is along the last one.
  static let position = 3
  /// For a tile that packs on its way: the address of the packing function, and from column to column of the right
  /// operand.
  static let pack = 4
  static let rightColumn = 5
  /// For each of the key's `termAxes`: its extent, and a step along it in the left and in the right operand.
  static let axes = 6
  static func extent(_ axis: Int) -> Int { axes + 3 * axis }
  static func left(_ axis: Int) -> Int { axes + 3 * axis + 1 }
  static func right(_ axis: Int) -> Int { axes + 3 * axis + 2 }
  /// Behind the axes: the coordinate of the first term along each but the last.
  static func coordinate(_ axis: Int, axes count: Int) -> Int { extent(count) + axis }
  static func count(axes: Int) -> Int { extent(axes) + axes - 1 }
}

/// The record of a row block in scratch, 8 bytes a field, `ContractionTile.Scratch.recordBytes` in all: what the
/// epilogue of its tiles reads.
enum RowBlock {
  /// The address of the sums of the rows under way, elements from row to row of them, their first column, and how many
  /// columns there are.
  static let sums = 0
  static let pitch = 1
  static let column = 2
  static let present = 3
  /// The address of the left operand's first element, packed or not, the first row, and the number of rows.
  static let left = 4
  static let row = 5
  static let rows = 6
  /// Whether the tile under way needs its sums.
  static let isNeeded = 7
  /// The batch coordinates.
  static let batch = ContractionTile.Scratch.recordWords
}

extension MicroKernel {
  /// Adds up terms of a tile: its words, its first row of the left operand and its columns of the right one, each where
  /// the run along the last axis begins, how many columns there are, where the sums are, and where a tile that packs on
  /// its way may do so.
  typealias Tile =
    @convention(c) (
      UnsafePointer<Int>, UnsafeRawPointer, UnsafeRawPointer, Int, UnsafeMutableRawPointer, UnsafeMutableRawPointer
    ) -> Void

  /// Packs terms of a panel: the first element, the destination, how many places there are, how many terms (at least
  /// one), and bytes from place to place and from term to term. Places beyond the last hold anything.
  typealias Packing =
    @convention(c) (UnsafeRawPointer, UnsafeMutableRawPointer, Int, Int, Int, Int) -> Void

  /// Tree16 (see `emitPush`, `emitFold`): level 0 and the new block's sums, or level 0; the bytes of a level; blocks
  /// that are done.
  typealias Push = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, Int, Int) -> Void
  typealias Fold = @convention(c) (UnsafeMutableRawPointer, Int, Int) -> Void
}

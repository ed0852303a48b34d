import KilnIR
import KilnRuntime

/// A contraction with the numbers of one launch: which micro kernels it calls, and with what.
struct ContractionLaunch {
  let contraction: Contraction
  let shape: Contraction.Shape
  let tile: ContractionTile
  let scratch: ContractionTile.Scratch
  let key: TileKey
  let left: Operand
  let right: Operand
  /// The contracted axes as the tile walks them.
  let termAxes: [TermAxis]
  let packingLeft: Packing?
  /// The packing of column panels, ahead of the tiles or by each tile on its way.
  let packingRight: Packing?

  /// An operand in memory; steps in bytes.
  struct Operand {
    let buffer: Int
    let dtype: DType
    let offset: Int
    let batch: [Int]
    /// Along the rows of the left, the columns of the right operand.
    let place: Int
    let terms: [Int]
  }

  struct TermAxis {
    var extent: Int
    /// Bytes from term to term in the left and in the right operand.
    var left: Int
    var right: Int
  }

  struct Packing {
    let key: PackingKey
    let axes: [TermAxis]
  }

  /// Nil for a kernel without a contraction.
  init?(_ kernel: Kernel, _ integers: [Int], on machine: CPUMachine) {
    guard case .cpu(.contraction(let schedule)) = kernel.schedule, let contraction = Contraction(kernel.definition)
    else { return nil }
    let (roles, dtype) = (contraction.roles, contraction.dtype)
    let outerCount = kernel.definition.outer.count
    func operand(_ access: BufferAccess, placeAxis: Int?) -> Operand {
      let memory = kernel.definition.buffers[access.buffer].dtype
      let strides = access.index.strides.map { $0.value(integers) * memory.byteCount }
      return Operand(
        buffer: access.buffer, dtype: memory, offset: access.index.offset.value(integers) * memory.byteCount,
        batch: Array(strides[..<roles.batchAxes]), place: placeAxis.map { strides[$0] } ?? 0,
        terms: Array(strides[outerCount...]))
    }
    self.contraction = contraction
    shape = contraction.shape(integers)
    var tile = schedule.tile(integers)
    // Without terms there is no workspace.
    if shape.terms == 0 { tile.packsRight = false }
    self.tile = tile
    scratch = tile.scratch(batchAxes: roles.batchAxes, terms: shape.terms, elementBytes: dtype.byteCount)
    let left = operand(contraction.left, placeAxis: roles.rowAxes > 0 ? roles.batchAxes : nil)
    let right = operand(contraction.right, placeAxis: roles.columnAxis < outerCount ? roles.columnAxis : nil)
    (self.left, self.right) = (left, right)

    var lanes = max(1, machine.features.vectorClass.rawValue / 8 / dtype.byteCount)
    while !tile.columns.isMultiple(of: lanes) { lanes /= 2 }
    let extents = contraction.terms.map { $0.value(integers) }
    func packing(_ operand: Operand, width: Int) -> Packing {
      let axes = Self.joined(zip(extents, operand.terms).map { TermAxis(extent: $0, left: $1, right: 0) })
      let size = operand.dtype.byteCount
      let key = PackingKey(
        from: operand.dtype, to: dtype, lanes: lanes, width: width, place: operand.place / size,
        term: axes[axes.count - 1].left / size)
      return Packing(key: key, axes: axes)
    }
    let isRagged = !shape.columns.isMultiple(of: tile.columns)
    let isScattered = shape.columns > 1 && right.place != right.dtype.byteCount
    let streams = !tile.packsRight && (isScattered || isRagged && right.dtype.isNarrow)
    packingLeft = tile.packsLeft ? packing(left, width: tile.rows) : nil
    packingRight = tile.packsRight || streams ? packing(right, width: tile.columns) : nil

    let turns = streams && packingRight?.key.order == .terms && !dtype.isNarrow && tile.columns.isMultiple(of: lanes)

    // A packed operand has its terms side by side.
    func steps(_ operand: Operand, packed width: Int?) -> [Int] {
      guard let width else { return operand.terms }
      return extents.indices.map { extents[($0 + 1)...].reduce(width * dtype.byteCount, *) }
    }
    let leftSteps = steps(left, packed: tile.packsLeft ? tile.rows : nil)
    let rightSteps = steps(right, packed: tile.packsRight ? tile.columns : nil)
    var termAxes = Self.joined(
      extents.indices.map { TermAxis(extent: extents[$0], left: leftSteps[$0], right: rightSteps[$0]) })
    // Two axes are walked by the code of three.
    if termAxes.count == 2 { termAxes.insert(TermAxis(extent: 1, left: 0, right: 0), at: 0) }
    self.termAxes = termAxes
    key = TileKey(
      dtype: dtype, left: tile.packsLeft ? dtype : left.dtype,
      right: tile.packsRight || streams && !turns ? dtype : right.dtype, lanes: lanes, columns: tile.columns,
      heights: Self.heights(tile.rows, rows: shape.rows), termAxes: termAxes.count,
      isMasked: !tile.packsRight && !streams && isRagged, streams: streams,
      turns: turns, fetchesAhead: Self.fetchesAhead(right, shape, tile))
  }

  /// Whether a right operand that is read once lies where its terms are at least a page apart, and is larger than a
  /// core's caches.
  private static func fetchesAhead(_ right: Operand, _ shape: Contraction.Shape, _ tile: ContractionTile) -> Bool {
    let (pageBytes, cacheBytes) = (4096, 1 << 20)
    return !tile.packsRight && shape.rows <= tile.rows && right.place == right.dtype.byteCount
      && (right.terms.last ?? 0) >= pageBytes && shape.terms * shape.columns * right.place > cacheBytes
  }

  /// The micro kernels in the order in which `ContractionCall` takes them.
  var shared: [MicroKernel] {
    [.tile(key), .tree(dtype: key.dtype, lanes: key.lanes)]
      + [packingLeft, packingRight].compactMap { $0.map { .packing($0.key) } }
  }

  /// Rows that one tile holds have that tile alone. For others the tile comes with smaller ones, which make up whatever
  /// is left over: then no number of rows needs code of its own.
  private static func heights(_ height: Int, rows: Int) -> [Int] {
    rows == height ? [height] : [height] + [8, 4, 2, 1].filter { $0 < height }
  }

  /// Axes without those of one element, neighbours joined that both operands walk as one; at least one.
  private static func joined(_ axes: [TermAxis]) -> [TermAxis] {
    guard axes.allSatisfy({ $0.extent > 0 }) else { return [TermAxis(extent: 0, left: 0, right: 0)] }
    var result: [TermAxis] = []
    for axis in axes where axis.extent != 1 {
      if let last = result.last, last.left == axis.left * axis.extent, last.right == axis.right * axis.extent {
        result[result.count - 1] = TermAxis(extent: last.extent * axis.extent, left: axis.left, right: axis.right)
      } else {
        result.append(axis)
      }
    }
    return result.isEmpty ? [TermAxis(extent: 1, left: 0, right: 0)] : result
  }
}

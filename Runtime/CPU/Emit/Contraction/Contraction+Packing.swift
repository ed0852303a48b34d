import KilnIR
import KilnRuntime

/// Packing: `width` neighbours along the rows of the left or the columns of the right operand, term after term, so that
/// the tile reads one stream. Places beyond the operand's end hold anything; their products are never stored.
extension KernelEmitter {
  /// A function that packs all terms of one panel. Its parameters: begin is the number of places that exist, then the
  /// panel's first element and the destination.
  func packing(
    _ c: TiledContraction, of operand: ContractionOperand, stride: KernelInteger, width: Int, name: String
  ) throws(RuntimeError) -> LLVMFunction {
    try subfunction(name, [module.pointer, module.pointer]) { () throws(RuntimeError) in
      let panel = panel(c, operand, stride, width)
      let (source, destination) = (function.parameters[6], function.parameters[7])
      let terms = product(of: c.inner)
      _ = try branch(if: module.compare(.sgt, terms, module.index(0))) { () throws(RuntimeError) in
        try forRuns(c.inner, from: module.index(0), count: terms, isFlat: false, carrying: []) {
          term, coordinates, count, _ throws(RuntimeError) in
          let from = moved(source, termBytes(operand, coordinates))
          let to = moved(destination, multiply(term, module.index(width * c.elementBytes)))
          try packRun(panel, from: from, to: to, count: count)
          return []
        }
      }
    }
  }

  /// A function that packs `end` terms, at least one, of a run of the right operand; the other parameters are those of
  /// `packing`.
  func streaming(_ c: TiledContraction) throws(RuntimeError) -> LLVMFunction {
    try subfunction("stream_right", [module.pointer, module.pointer]) { () throws(RuntimeError) in
      try packRun(
        panel(c, c.right, c.right.column, c.tileColumns), from: function.parameters[6], to: function.parameters[7],
        count: end)
    }
  }

  private func panel(_ c: TiledContraction, _ operand: ContractionOperand, _ stride: KernelInteger, _ width: Int)
    -> Panel
  {
    Panel(
      operand: operand, dtype: c.dtype, lanes: c.lanes, width: width, stride: stride,
      termStride: operand.inner.last ?? .constant(0))
  }

  /// One kind of panel: what it is read from, and how.
  private struct Panel {
    let operand: ContractionOperand
    let dtype: DType
    /// Elements of a vector register.
    let lanes: Int
    let width: Int
    /// Elements from one place to the next and from one term to the next, in the source.
    let stride: KernelInteger
    let termStride: KernelInteger

    var vectors: Int { (width + lanes - 1) / lanes }
    /// A vector's store may run over the places of the next term, which is written later.
    var overlaps: Bool { !width.isMultiple(of: lanes) }
    var canTranspose: Bool { lanes > 1 && (vectors == 1 || !overlaps) }
  }

  private func packRun(_ p: Panel, from: LLVMValue, to: LLVMValue, count: LLVMValue) throws(RuntimeError) {
    let one = KernelInteger.constant(1)
    func unlessTransposed() throws(RuntimeError) {
      if p.termStride == one && p.canTranspose { return try packTransposed(p, from: from, to: to, count: count) }
      guard !p.termStride.isConstant && p.canTranspose else {
        return packPlaces(p, from: from, to: to, first: module.index(0), count: count)
      }
      try either(module.compare(.eq, value(p.termStride), module.index(1))) { () throws(RuntimeError) in
        try packTransposed(p, from: from, to: to, count: count)
      } else: {
        packPlaces(p, from: from, to: to, first: module.index(0), count: count)
      }
    }
    if p.stride == one { return packNeighbours(p, from: from, to: to, count: count) }
    guard !p.stride.isConstant else { return try unlessTransposed() }
    try either(module.compare(.eq, value(p.stride), module.index(1))) {
      packNeighbours(p, from: from, to: to, count: count)
    } else: { () throws(RuntimeError) in
      try unlessTransposed()
    }
  }

  private func vector(_ p: Panel, _ pointer: LLVMValue, mask: LLVMValue?) -> LLVMValue {
    let loaded = load(p.operand.dtype, pointer, LanePlace(lanes: .consecutive), p.lanes, mask: mask)
    return convert(loaded, from: p.operand.dtype, to: p.dtype, p.lanes)
  }

  private func element(_ p: Panel, _ pointer: LLVMValue) -> LLVMValue {
    let loaded = module.load(memoryType(p.operand.dtype), pointer, alignment: p.operand.dtype.byteCount)
    return convert(fromMemory(loaded, p.operand.dtype, 1), from: p.operand.dtype, to: p.dtype, 1)
  }

  /// The places lie side by side in the source.
  private func packNeighbours(_ p: Panel, from: LLVMValue, to: LLVMValue, count: LLVMValue) {
    let masks = (0..<p.vectors).map { number in
      let limit = min(p.lanes, p.width - number * p.lanes)
      return mask(count: smaller(difference(begin, module.index(number * p.lanes)), module.index(limit)), p.lanes)
    }
    let step = bytes(p.termStride, p.operand.dtype)
    let width = module.index(p.width * p.dtype.byteCount)
    _ = countedLoop(count, carrying: [from, to]) { carried in
      for number in 0..<p.vectors {
        let at = module.offset(carried[0], module.index(number * p.lanes), of: memoryType(p.operand.dtype))
        let target = module.offset(carried[1], module.index(number * p.lanes), of: registerType(p.dtype))
        module.store(vector(p, at, mask: masks[number]), target, alignment: p.dtype.byteCount)
      }
      return [moved(carried[0], step), moved(carried[1], width)]
    }
  }

  /// How far ahead the rows of a transposed panel are fetched: too many for the hardware to follow.
  private static var prefetchedBytes: Int { 512 }

  private func prefetch(_ pointer: LLVMValue) {
    let (reads, keeps, data) = (
      module.constant(0, module.int32), module.constant(3, module.int32), module.constant(1, module.int32)
    )
    _ = module.intrinsic("llvm.prefetch", [module.pointer], [pointer, reads, keeps, data])
  }

  /// The terms lie side by side in the source: squares of `lanes` terms × `lanes` places are transposed in registers.
  private func packTransposed(_ p: Panel, from: LLVMValue, to: LLVMValue, count: LLVMValue) throws(RuntimeError) {
    let lanes = module.index(p.lanes)
    let squares = module.binary(.udiv, count, lanes)
    let last = difference(begin, module.index(1))
    let rowBytes = bytes(p.stride, p.operand.dtype)
    for number in 0..<p.vectors {
      let places = min(p.lanes, p.width - number * p.lanes)
      // Places beyond the end repeat the last one.
      let rows = (0..<places).map {
        moved(from, multiply(smaller(module.index(number * p.lanes + $0), last), rowBytes))
      }
      _ = try loop(from: module.index(0), to: squares) { square, _ in
        let first = multiply(square, lanes)
        let loaded = rows.map { row in
          let at = module.offset(row, first, of: memoryType(p.operand.dtype))
          prefetch(moved(at, module.index(Self.prefetchedBytes)))
          return vector(p, at, mask: nil)
        }
        let padded = loaded + [LLVMValue](repeating: loaded[0], count: p.lanes - places)
        let start = moved(to, multiply(first, module.index(p.width * p.dtype.byteCount)))
        for (term, vector) in transposed(padded).enumerated() {
          let target = module.offset(start, module.index(term * p.width + number * p.lanes), of: registerType(p.dtype))
          module.store(vector, target, alignment: p.dtype.byteCount)
        }
        return []
      }
    }
    packPlaces(p, from: from, to: to, first: multiply(squares, lanes), count: count)
  }

  /// Element by element, from term `first` on.
  private func packPlaces(_ p: Panel, from: LLVMValue, to: LLVMValue, first: LLVMValue, count: LLVMValue) {
    let termBytes = bytes(p.termStride, p.operand.dtype)
    let placeBytes = bytes(p.stride, p.operand.dtype)
    _ = module.loop(in: function, from: first, to: count, step: module.index(1)) { term, _ in
      let start = moved(to, multiply(term, module.index(p.width * p.dtype.byteCount)))
      _ = countedLoop(begin, carrying: [moved(from, multiply(term, termBytes)), start]) { carried in
        module.store(element(p, carried[0]), carried[1], alignment: p.dtype.byteCount)
        return [moved(carried[0], placeBytes), moved(carried[1], module.index(p.dtype.byteCount))]
      }
      return []
    }
  }

  /// A square of n vectors of n lanes, n a power of two: log n rounds that exchange the off-diagonal halves of ever
  /// larger blocks.
  private func transposed(_ rows: [LLVMValue]) -> [LLVMValue] {
    var rows = rows
    let count = rows.count
    var half = 1
    while half < count {
      for row in 0..<count where row & half == 0 {
        let (a, b) = (rows[row], rows[row + half])
        rows[row] = module.shuffle(a, b, lanes: (0..<count).map { $0 & half == 0 ? $0 : count + $0 - half })
        rows[row + half] = module.shuffle(a, b, lanes: (0..<count).map { $0 & half == 0 ? $0 + half : count + $0 })
      }
      half *= 2
    }
    return rows
  }

  // MARK: - Phase 0

  /// Work units are (right batch, column panel).
  func emitRightPanels(_ c: TiledContraction) throws(RuntimeError) {
    let pack = try packing(c, of: c.right, stride: c.right.column, width: c.tileColumns, name: "pack_right")
    let columns = c.columnAxis.map { value(kernel.outer[$0]) } ?? module.index(1)
    let panels = ceilDivide(columns, c.tileColumns)
    let panelBytes = multiply(product(of: c.inner), module.index(c.tileColumns * c.elementBytes))
    let batches = kernel.outer[..<c.roles.batchAxes].map(value)
    _ = try loop(from: begin, to: end) { unit, _ in
      let batch = module.binary(.udiv, unit, panels)
      let panel = difference(unit, multiply(batch, panels))
      let start = base(of: c.right, batches: c.rightVaries ? coordinates(of: batch, in: batches) : [])
      let first = multiply(panel, module.index(c.tileColumns))
      let source = moved(start, multiply(first, bytes(c.right.column, c.right.dtype)))
      let count = smaller(module.index(c.tileColumns), difference(columns, first))
      callSubfunction(
        pack, begin: count, end: count, [source, moved(context.workspace!, multiply(unit, panelBytes))])
      return []
    }
  }
}

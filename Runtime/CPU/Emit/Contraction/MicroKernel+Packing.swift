import KilnIR
import KilnRuntime

/// Packing: `width` neighbours along the rows of the left or the columns of the right operand, term after term, so that
/// the tile reads one stream. Places beyond the operand's end hold anything; their products are never stored.
extension KernelEmitter {
  /// What the parts of one packing function share.
  private struct Panel {
    let key: PackingKey
    let source: LLVMValue
    let target: LLVMValue
    let places: LLVMValue
    let terms: LLVMValue
    let placeBytes: LLVMValue
    let termBytes: LLVMValue
    let widthBytes: LLVMValue
  }

  /// A function of the type `MicroKernel.Packing`.
  func emitPacking(_ key: PackingKey, _ name: String) throws(RuntimeError) {
    let (pointer, integer) = (module.pointer, module.int64)
    beginFunction(name, taking: [pointer, pointer, integer, integer, integer, integer])
    let parameters = function.parameters
    let panel = Panel(
      key: key, source: parameters[0], target: parameters[1], places: parameters[2], terms: parameters[3],
      placeBytes: parameters[4], termBytes: parameters[5],
      widthBytes: module.index(key.width * key.dtype.byteCount))
    switch key.order {
    case .places where key.source.isNarrow:
      try either(module.compare(.sge, panel.places, module.index(key.width))) {
        packNeighbours(panel, masks: [])
      } else: {
        packPlaces(panel, first: module.index(0))
      }
    case .places:
      let masks = (0..<key.vectors).map { number in
        let first = number * key.lanes
        let limit = module.index(min(key.lanes, key.width - first))
        return mask(count: smaller(difference(panel.places, module.index(first)), limit), key.lanes)
      }
      packNeighbours(panel, masks: masks)
    case .terms: try packTransposed(panel)
    case .scattered: packPlaces(panel, first: module.index(0))
    }
    module.returnVoid()
  }

  private func vector(_ p: Panel, _ pointer: LLVMValue, mask: LLVMValue?) -> LLVMValue {
    let loaded = load(p.key.source, pointer, LanePlace(lanes: .consecutive), p.key.lanes, mask: mask)
    return convert(loaded, from: p.key.source, to: p.key.dtype, p.key.lanes)
  }

  private func store(_ vector: LLVMValue, _ p: Panel, _ start: LLVMValue, _ place: Int) {
    let target = module.offset(start, module.index(place), of: registerType(p.key.dtype))
    module.store(vector, target, alignment: p.key.dtype.byteCount)
  }

  /// The places lie side by side in the source; without masks all of them are there. A vector's store may run over the
  /// places of the next term, which is written later.
  private func packNeighbours(_ p: Panel, masks: [LLVMValue]) {
    let lanes = p.key.lanes
    _ = countedLoop(p.terms, carrying: [p.source, p.target]) { carried in
      for number in 0..<p.key.vectors {
        let at = module.offset(carried[0], module.index(number * lanes), of: memoryType(p.key.source))
        store(vector(p, at, mask: masks.isEmpty ? nil : masks[number]), p, carried[1], number * lanes)
      }
      return [moved(carried[0], p.termBytes), moved(carried[1], p.widthBytes)]
    }
  }

  /// How far ahead the rows of a transposed panel are fetched: too many for the hardware to follow.
  private static var prefetchedBytes: Int { 512 }

  func prefetch(_ pointer: LLVMValue) {
    let (reads, keeps, data) = (
      module.constant(0, module.int32), module.constant(3, module.int32), module.constant(1, module.int32)
    )
    _ = module.intrinsic("llvm.prefetch", [module.pointer], [pointer, reads, keeps, data])
  }

  /// The terms lie side by side in the source: squares of `lanes` terms × `lanes` places are transposed in registers.
  private func packTransposed(_ p: Panel) throws(RuntimeError) {
    let (lanes, width) = (p.key.lanes, p.key.width)
    let squares = module.binary(.udiv, p.terms, module.index(lanes))
    let last = difference(p.places, module.index(1))
    for number in 0..<p.key.vectors {
      let places = min(lanes, width - number * lanes)
      // Places beyond the end repeat the last one.
      let rows = (0..<places).map {
        moved(p.source, multiply(smaller(module.index(number * lanes + $0), last), p.placeBytes))
      }
      _ = try loop(from: module.index(0), to: squares) { square, _ in
        let first = multiply(square, module.index(lanes))
        let loaded = rows.map { row in
          let at = module.offset(row, first, of: memoryType(p.key.source))
          prefetch(moved(at, module.index(Self.prefetchedBytes)))
          return vector(p, at, mask: nil)
        }
        let padded = loaded + [LLVMValue](repeating: loaded[0], count: lanes - places)
        let start = moved(p.target, multiply(first, p.widthBytes))
        for (term, vector) in transposed(padded).enumerated() {
          store(vector, p, start, term * width + number * lanes)
        }
        return []
      }
    }
    packPlaces(p, first: multiply(squares, module.index(lanes)))
  }

  /// Element by element, from term `first` on.
  private func packPlaces(_ p: Panel, first: LLVMValue) {
    let (source, dtype) = (p.key.source, p.key.dtype)
    _ = module.loop(in: function, from: first, to: p.terms, step: module.index(1)) { term, _ in
      let start = moved(p.target, multiply(term, p.widthBytes))
      _ = countedLoop(p.places, carrying: [moved(p.source, multiply(term, p.termBytes)), start]) { carried in
        let loaded = module.load(memoryType(source), carried[0], alignment: source.byteCount)
        let element = convert(fromMemory(loaded, source, 1), from: source, to: dtype, 1)
        module.store(element, carried[1], alignment: dtype.byteCount)
        return [moved(carried[0], p.placeBytes), moved(carried[1], module.index(dtype.byteCount))]
      }
      return []
    }
  }
}

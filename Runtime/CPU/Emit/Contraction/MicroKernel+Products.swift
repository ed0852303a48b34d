import KilnIR
import KilnRuntime

/// The innermost loops of a register tile: products of elements of the left operand, one for all lanes, with vectors
/// along the columns of the right one.
extension KernelEmitter {
  /// The innermost loop: `count` terms, each a broadcast element of every row times a row of the right operand.
  func multiplyAdd(
    _ t: Tile, left: LLVMValue, right: LLVMValue, count: LLVMValue, _ sums: [LLVMValue]
  ) -> [LLVMValue] {
    let key = t.key
    let rightStep = key.streams ? module.index(key.columns * key.dtype.byteCount) : t.rightTerm
    let rows = SpacedPointers(left, t.rows, step: t.leftRow, self)
    let ahead = multiply(rightStep, module.index(Self.termsAhead))
    let results = countedLoop(count, carrying: sums + rows.pointers + [right]) { carried in
      let rightPointer = carried[carried.count - 1]
      let rows = rows.at(Array(carried[sums.count..<carried.count - 1]))
      let columns = (0..<key.vectors).map { rightVector(t, rightPointer, $0) }
      if key.fetchesAhead {
        let later = moved(rightPointer, ahead)
        for line in stride(from: 0, to: key.columns * key.right.byteCount, by: 64) {
          prefetch(moved(later, module.index(line)))
        }
      }
      return addProducts(t, rows, columns, to: Array(carried[..<sums.count]))
        + rows.pointers.map { moved($0, t.leftTerm) } + [moved(rightPointer, rightStep)]
    }
    return Array(results[..<sums.count])
  }

  /// How many terms ahead a tile asks for: some 64 lines are then under way.
  private static var termsAhead: Int { 16 }

  /// Pointers a step apart. Three share one: an address then takes one register, and the step once or twice.
  struct SpacedPointers {
    let pointers: [LLVMValue]
    let count: Int
    private let once: LLVMValue
    private let twice: LLVMValue

    init(_ first: LLVMValue, _ count: Int, step: LLVMValue, _ e: KernelEmitter) {
      (self.count, once, twice) = (count, step, e.add(step, step))
      pointers = stride(from: 0, to: count, by: 3).map { e.moved(first, e.multiply(step, e.module.index($0))) }
    }

    private init(_ pointers: [LLVMValue], like other: SpacedPointers) {
      (self.pointers, count, once, twice) = (pointers, other.count, other.once, other.twice)
    }

    /// The same steps at other places.
    func at(_ pointers: [LLVMValue]) -> SpacedPointers { SpacedPointers(pointers, like: self) }

    func pointer(_ number: Int, _ e: KernelEmitter) -> LLVMValue {
      number % 3 == 0 ? pointers[number / 3] : e.moved(pointers[number / 3], number % 3 == 1 ? once : twice)
    }
  }

  /// One term: the element of every row times vectors of the right operand.
  private func addProducts(
    _ t: Tile, _ rows: SpacedPointers, _ columns: [LLVMValue], to sums: [LLVMValue]
  ) -> [LLVMValue] {
    let key = t.key
    var next: [LLVMValue] = []
    for row in 0..<t.rows {
      let element = module.load(memoryType(key.left), rows.pointer(row, self), alignment: key.left.byteCount)
      let scalar = convert(fromMemory(element, key.left, 1), from: key.left, to: key.dtype, 1)
      let spread = module.broadcast(scalar, key.lanes)
      for column in columns { next.append(multiplyAdd(key.dtype, spread, column, sums[next.count])) }
    }
    return next
  }

  /// `count` terms of a right operand whose terms lie side by side, a multiple of the lanes: squares of lanes × lanes
  /// are turned in registers. One vector of columns after the other, so that the hardware can follow its columns.
  func multiplyTurned(
    _ t: Tile, left: LLVMValue, right: LLVMValue, count: LLVMValue, _ sums: [LLVMValue]
  ) throws(RuntimeError) -> [LLVMValue] {
    let (key, step) = (t.key, word(t.words, TileWord.rightColumn))
    let rows = SpacedPointers(left, t.rows, step: t.leftRow, self)
    var sums = sums
    for vector in 0..<key.vectors {
      let places = stride(from: vector, to: sums.count, by: key.vectors)
      let first = moved(right, multiply(step, module.index(vector * key.lanes)))
      let columns = SpacedPointers(first, key.lanes, step: step, self)
      let starts = columns.pointers + rows.pointers + places.map { sums[$0] }
      let results = try loop(from: module.index(0), to: count, step: key.lanes, carrying: starts) { _, carried in
        let columns = columns.at(Array(carried[..<columns.pointers.count]))
        var rows = rows.at(Array(carried[columns.pointers.count..<columns.pointers.count + rows.pointers.count]))
        var next = Array(carried[(columns.pointers.count + rows.pointers.count)...])
        let loaded = (0..<key.lanes).map { column in
          let vector = load(
            key.right, columns.pointer(column, self), LanePlace(lanes: .consecutive), key.lanes, mask: nil)
          return convert(vector, from: key.right, to: key.dtype, key.lanes)
        }
        for column in transposed(loaded) {
          next = addProducts(t, rows, [column], to: next)
          rows = rows.at(rows.pointers.map { moved($0, t.leftTerm) })
        }
        let bytes = module.index(key.lanes * key.right.byteCount)
        return columns.pointers.map { moved($0, bytes) } + rows.pointers + next
      }
      for (place, sum) in zip(places, results.suffix(t.rows)) { sums[place] = sum }
    }
    return sums
  }

  private func multiplyAdd(_ dtype: DType, _ a: LLVMValue, _ b: LLVMValue, _ sum: LLVMValue) -> LLVMValue {
    guard dtype.isReal else { return add(sum, multiply(a, b)) }
    return module.intrinsic("llvm.fma", [module.type(of: sum)], [a, b, sum])
  }

  private func rightVector(_ t: Tile, _ pointer: LLVMValue, _ number: Int) -> LLVMValue {
    let key = t.key
    let source = key.streams ? key.dtype : key.right
    let at = module.offset(pointer, module.index(number * key.lanes), of: memoryType(source))
    let loaded = load(source, at, LanePlace(lanes: .consecutive), key.lanes, mask: key.isMasked ? t.masks[number] : nil)
    return convert(loaded, from: source, to: key.dtype, key.lanes)
  }
}

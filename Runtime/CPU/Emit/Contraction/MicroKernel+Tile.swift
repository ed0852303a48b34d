import KilnIR
import KilnRuntime

/// The register tile (Numerics.md D1): for each block of 512 terms, rows × columns chains of fused multiply-adds in
/// registers, then the streaming form of Tree16 in scratch.
extension KernelEmitter {
  /// What the parts of one tile function share.
  struct Tile {
    let key: TileKey
    let rows: Int
    let words: LLVMValue
    let present: LLVMValue
    let sums: LLVMValue
    let terms: LLVMValue
    let leftRow: LLVMValue
    /// From term to term along the last axis.
    let leftTerm: LLVMValue
    let rightTerm: LLVMValue
    /// The columns that exist, for each vector of a row; empty if the right operand may be read beyond them.
    let masks: [LLVMValue]

    var byteCount: Int { rows * key.columns * key.dtype.byteCount }
    var sumCount: Int { rows * key.vectors }
  }

  /// A function of the type `MicroKernel.Tile` for `rows` rows.
  func emitTile(_ key: TileKey, rows: Int, _ name: String) throws(RuntimeError) {
    let pointer = module.pointer
    beginFunction(name, taking: [pointer, pointer, pointer, module.int64, pointer])
    let parameters = function.parameters
    let (words, present) = (parameters[0], parameters[3])
    let last = key.termAxes - 1
    let vectors = key.isMasked ? 0..<key.vectors : 0..<0
    let masks = vectors.map { mask(count: difference(present, module.index($0 * key.lanes)), key.lanes) }
    let tile = Tile(
      key: key, rows: rows, words: words, present: present, sums: parameters[4], terms: word(words, TileWord.terms),
      leftRow: word(words, TileWord.leftRow), leftTerm: word(words, TileWord.left(last)),
      rightTerm: word(words, TileWord.right(last)), masks: masks)
    try either(module.compare(.sgt, tile.terms, module.index(0))) { () throws(RuntimeError) in
      try sumBlocks(tile, left: parameters[1], right: parameters[2])
    } else: {
      storeTile(tile, zeros(tile), at: tile.sums)
    }
    module.returnVoid()
  }

  private func zeros(_ t: Tile) -> [LLVMValue] {
    [LLVMValue](repeating: module.zero(registerType(t.key.dtype, t.key.lanes)), count: t.sumCount)
  }

  /// One block of terms after the other; the sum ends up in level 0.
  private func sumBlocks(_ t: Tile, left: LLVMValue, right: LLVMValue) throws(RuntimeError) {
    let blockTerms = module.index(KernelDefinition.contractionBlock)
    let blocks = ceilDivide(t.terms, KernelDefinition.contractionBlock)
    let walk = TermWalk(t, self)
    _ = try loop(
      from: module.index(0), to: blocks, carrying: walk.start(left, right)
    ) { block, place throws(RuntimeError) in
      let count = smaller(blockTerms, difference(t.terms, multiply(block, blockTerms)))
      let (sums, next) = try sumRuns(t, walk, from: place, count: count)
      try push(t, sums, block: block)
      return next
    }
    _ = try branch(if: module.compare(.sgt, blocks, module.index(16))) { () throws(RuntimeError) in
      call(t, TileWord.fold, [t.sums, module.index(t.byteCount), blocks])
      return []
    }
  }

  // MARK: - Terms

  /// The way through the terms: along the last axis in runs, and at the end of a run one step along the others, counted
  /// and not divided. A place is the left and the right operand at the start of the run, how far the run has come, and
  /// the coordinates along the other axes; with one axis it is the operands alone, and all terms are one run.
  private struct TermWalk {
    struct Axis {
      let extent, left, right, leftBack, rightBack: LLVMValue
    }
    let others: [Axis]
    let length: LLVMValue
    let zero: LLVMValue

    init(_ t: Tile, _ e: KernelEmitter) {
      zero = e.module.index(0)
      length = e.word(t.words, TileWord.extent(t.key.termAxes - 1))
      others = (0..<t.key.termAxes - 1).map { axis in
        let extent = e.word(t.words, TileWord.extent(axis))
        let left = e.word(t.words, TileWord.left(axis))
        let right = e.word(t.words, TileWord.right(axis))
        let back = e.difference(e.module.index(1), extent)
        return Axis(
          extent: extent, left: left, right: right, leftBack: e.multiply(back, left),
          rightBack: e.multiply(back, right))
      }
    }

    func start(_ left: LLVMValue, _ right: LLVMValue) -> [LLVMValue] {
      [left, right] + (others.isEmpty ? [] : [zero] + others.map { _ in zero })
    }
  }

  /// The sums of `count` terms from a place on, and the place behind them.
  private func sumRuns(
    _ t: Tile, _ walk: TermWalk, from place: [LLVMValue], count: LLVMValue
  ) throws(RuntimeError) -> (sums: [LLVMValue], place: [LLVMValue]) {
    if walk.others.isEmpty {
      let sums = try sumRun(t, left: place[0], right: place[1], count: count, zeros(t))
      return (sums, [moved(place[0], multiply(count, t.leftTerm)), moved(place[1], multiply(count, t.rightTerm))])
    }
    let results = try whileBelow(
      count, carrying: [module.index(0)] + place + zeros(t)
    ) { carried throws(RuntimeError) in
      let (done, left, right, position) = (carried[0], carried[1], carried[2], carried[3])
      let length = smaller(difference(walk.length, position), difference(count, done))
      let sums = try sumRun(
        t, left: moved(left, multiply(position, t.leftTerm)), right: moved(right, multiply(position, t.rightTerm)),
        count: length, Array(carried[(1 + place.count)...]))
      let next = step(walk, from: Array(carried[1..<1 + place.count]), by: length)
      return [add(done, length)] + next + sums
    }
    return (Array(results[(1 + place.count)...]), Array(results[1..<1 + place.count]))
  }

  /// The place `length` terms on, at most at the end of the run.
  private func step(_ walk: TermWalk, from place: [LLVMValue], by length: LLVMValue) -> [LLVMValue] {
    let zero = module.index(0)
    let position = add(place[2], length)
    var carries = module.compare(.eq, position, walk.length)
    var next = place
    next[2] = module.select(carries, zero, position)
    for (number, axis) in walk.others.enumerated().reversed() {
      let up = add(place[3 + number], module.index(1))
      let wraps = module.compare(.eq, up, axis.extent)
      func chosen(_ back: LLVMValue, _ forward: LLVMValue, _ stay: LLVMValue) -> LLVMValue {
        module.select(carries, module.select(wraps, back, forward), stay)
      }
      next[3 + number] = chosen(zero, up, place[3 + number])
      next[0] = moved(next[0], chosen(axis.leftBack, axis.left, zero))
      next[1] = moved(next[1], chosen(axis.rightBack, axis.right, zero))
      carries = module.binary(.and, carries, wraps)
    }
    return next
  }

  private func sumRun(
    _ t: Tile, left: LLVMValue, right: LLVMValue, count: LLVMValue, _ sums: [LLVMValue]
  ) throws(RuntimeError) -> [LLVMValue] {
    guard t.key.streams else { return multiplyAdd(t, left: left, right: right, count: count, sums) }
    var (sums, done) = (sums, module.index(0))
    if t.key.turns {
      let whole = module.binary(.and, count, module.index(~(t.key.lanes - 1)))
      done = module.select(module.compare(.sge, t.present, module.index(t.key.columns)), whole, done)
      sums = try multiplyTurned(t, left: left, right: right, count: done, sums)
    }
    // Part by part, each packed in scratch before it is used.
    let part = moved(t.sums, word(t.words, TileWord.stream))
    let most = ContractionTile(rows: t.rows, columns: t.key.columns).streamedTerms
    return try loop(from: done, to: count, step: most, carrying: sums) { first, sums in
      let length = smaller(module.index(most), difference(count, first))
      let from = moved(right, multiply(first, t.rightTerm))
      call(t, TileWord.pack, [from, part, t.present, length, word(t.words, TileWord.rightColumn), t.rightTerm])
      return multiplyAdd(t, left: moved(left, multiply(first, t.leftTerm)), right: part, count: length, sums)
    }
  }

  // MARK: - Tree16

  /// Adds a block's values to the running sums of the current group of 16 blocks (Numerics.md R1), which are level 0.
  private func push(_ t: Tile, _ sums: [LLVMValue], block: LLVMValue) throws(RuntimeError) {
    let number = module.binary(.and, block, module.index(15))
    let isFirst = module.compare(.eq, number, module.index(0))
    let spare = moved(t.sums, module.index(ContractionTile.levels * t.byteCount))
    storeTile(t, sums, at: module.select(isFirst, t.sums, spare))
    _ = try branch(if: module.compare(.ne, number, module.index(0))) { () throws(RuntimeError) in
      call(t, TileWord.push, [t.sums, spare, module.index(t.byteCount), add(block, module.index(1))])
      return []
    }
  }

  private func storeTile(_ t: Tile, _ values: [LLVMValue], at start: LLVMValue) {
    for (index, value) in values.enumerated() {
      let place = module.offset(start, module.index(index * t.key.lanes), of: registerType(t.key.dtype))
      module.store(value, place, alignment: t.key.dtype.byteCount)
    }
  }

  private func call(_ t: Tile, _ address: Int, _ arguments: [LLVMValue]) {
    module.call(address: word(t.words, address), arguments)
  }
}

import KilnIR
import KilnRuntime

/// The register tile (Numerics.md D1): rows × columns chains of fused multiply-adds in registers, over a run of the
/// terms of a block of 512. What comes before the run has been added by an earlier call, what comes behind it is by a
/// later one.
extension KernelEmitter {
  /// What the parts of one tile function share.
  struct Tile {
    let key: TileKey
    let rows: Int
    let words: LLVMValue
    let present: LLVMValue
    let leftRow: LLVMValue
    /// From term to term along the last axis.
    let leftTerm: LLVMValue
    let rightTerm: LLVMValue
    /// Where a tile packs on its way.
    let stream: LLVMValue
    /// The columns that exist, for each vector of a row; empty if the right operand may be read beyond them.
    let masks: [LLVMValue]
  }

  /// A function of the type `MicroKernel.Tile` for `rows` rows.
  func emitTile(_ key: TileKey, rows: Int, _ name: String) throws(RuntimeError) {
    let pointer = module.pointer
    beginFunction(name, taking: [pointer, pointer, pointer, module.int64, pointer, pointer])
    let parameters = function.parameters
    let (words, present) = (parameters[0], parameters[3])
    let last = key.termAxes - 1
    let vectors = key.isMasked ? 0..<key.vectors : 0..<0
    let masks = vectors.map { mask(count: difference(present, module.index($0 * key.lanes)), key.lanes) }
    let tile = Tile(
      key: key, rows: rows, words: words, present: present, leftRow: word(words, TileWord.leftRow),
      leftTerm: word(words, TileWord.left(last)), rightTerm: word(words, TileWord.right(last)),
      stream: parameters[5], masks: masks)
    let carries = module.compare(.ne, word(words, TileWord.carries), module.index(0))
    let type = registerType(key.dtype, key.lanes)
    let places = (0..<rows * key.vectors).map {
      module.offset(parameters[4], module.index($0 * key.lanes), of: registerType(key.dtype))
    }
    let zeros = places.map { _ in module.zero(type) }
    func store(_ sums: [LLVMValue]) {
      for (sum, place) in zip(sums, places) { module.store(sum, place, alignment: key.dtype.byteCount) }
    }
    try either(module.compare(.sgt, word(words, TileWord.terms), module.index(0))) { () throws(RuntimeError) in
      let start = try branch(if: carries, otherwise: zeros) {
        places.map { module.load(type, $0, alignment: key.dtype.byteCount) }
      }
      store(try sumRuns(tile, left: parameters[1], right: parameters[2], start))
    } else: {
      store(zeros)
    }
    module.returnVoid()
  }

  // MARK: - Terms

  /// The way through the terms: along the last axis in runs, and at the end of a run one step along the others, counted
  /// and not divided. A place is the left and the right operand at the start of the run, how far the run has come, and
  /// the coordinates along the other axes. With one axis all terms are one run.
  private struct TermWalk {
    struct Axis {
      let extent, left, right, leftBack, rightBack: LLVMValue
    }
    let others: [Axis]
    let length: LLVMValue

    init(_ t: Tile, _ e: KernelEmitter) {
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
  }

  /// The sums with those of the run's terms.
  private func sumRuns(
    _ t: Tile, left: LLVMValue, right: LLVMValue, _ sums: [LLVMValue]
  ) throws(RuntimeError) -> [LLVMValue] {
    let count = word(t.words, TileWord.terms)
    if t.key.termAxes == 1 { return try sumRun(t, left: left, right: right, count: count, sums) }
    let walk = TermWalk(t, self)
    let place =
      [left, right, word(t.words, TileWord.position)]
      + walk.others.indices.map { word(t.words, TileWord.coordinate($0, axes: t.key.termAxes)) }
    let results = try whileBelow(
      count, carrying: [module.index(0)] + place + sums
    ) { carried throws(RuntimeError) in
      let (done, left, right, position) = (carried[0], carried[1], carried[2], carried[3])
      let length = smaller(difference(walk.length, position), difference(count, done))
      let sums = try sumRun(
        t, left: moved(left, multiply(position, t.leftTerm)), right: moved(right, multiply(position, t.rightTerm)),
        count: length, Array(carried[(1 + place.count)...]))
      let next = step(walk, from: Array(carried[1..<1 + place.count]), by: length)
      return [add(done, length)] + next + sums
    }
    return Array(results[(1 + place.count)...])
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
    let most = ContractionTile(rows: t.rows, columns: t.key.columns).streamedTerms
    return try loop(from: done, to: count, step: most, carrying: sums) { first, sums in
      let length = smaller(module.index(most), difference(count, first))
      let from = moved(right, multiply(first, t.rightTerm))
      module.call(
        address: word(t.words, TileWord.pack),
        [from, t.stream, t.present, length, word(t.words, TileWord.rightColumn), t.rightTerm])
      return multiplyAdd(t, left: moved(left, multiply(first, t.leftTerm)), right: t.stream, count: length, sums)
    }
  }
}

/// Reductions of rows of words, by the definitions of Numerics.md section 3 and 4. Both interpreters use them: the
/// graph interpreter on whole arrays, the kernel interpreter on the elements of a stage.
enum RowReduction {
  /// The reduction of each of `rows` runs of `count` consecutive words.
  static func reduce(
    _ words: [UInt64], rows: Int, count: Int, _ kind: ReductionKind, _ dtype: DType
  ) -> [UInt64] {
    switch (kind, dtype) {
    case (.sum, .f32): ordered(words, rows, count, Float.self, empty: 0, +)
    case (.sum, .f64): ordered(words, rows, count, Double.self, empty: 0, +)
    case (.product, .f32): ordered(words, rows, count, Float.self, empty: 1, *)
    case (.product, .f64): ordered(words, rows, count, Double.self, empty: 1, *)
    case (.sum, _), (.product, _), (.max, _), (.min, _), (.and, _), (.or, _):
      orderFree(words, rows, count, kind, dtype)
    }
  }

  // MARK: R1 and R2

  private static func ordered<Real: RealWord>(
    _ words: [UInt64], _ rows: Int, _ count: Int, _ type: Real.Type, empty: Real, _ combine: (Real, Real) -> Real
  ) -> [UInt64] {
    let terms = words.map { Real(word: $0) }
    return terms.withUnsafeBufferPointer { terms in
      (0..<rows).map { row in
        reduced(UnsafeBufferPointer(rebasing: terms[row * count..<(row + 1) * count]), empty: empty, combine).word
      }
    }
  }

  /// R2: the reduction of `terms` in blocks of 1024 with 32 lanes, then Tree16; `empty` if there are no terms.
  private static func reduced<Real: RealWord>(
    _ terms: UnsafeBufferPointer<Real>, empty: Real, _ combine: (Real, Real) -> Real
  ) -> Real {
    var blocks: [Real] = []
    for start in stride(from: 0, to: terms.count, by: 1024) {
      let end = min(start + 1024, terms.count)
      var lanes = Array(terms[start..<min(start + 32, end)])
      for i in stride(from: start + 32, to: end, by: 1) {
        let lane = (i - start) % 32
        lanes[lane] = combine(lanes[lane], terms[i])
      }
      for half in [16, 8, 4, 2, 1] {
        for lane in 0..<half where lane + half < lanes.count {
          lanes[lane] = combine(lanes[lane], lanes[lane + half])
        }
      }
      blocks.append(lanes[0])
    }
    return blocks.isEmpty ? empty : tree16(blocks, combine)
  }

  /// R1: groups of 16 neighbours become one each, left to right, until one is left.
  private static func tree16<Real>(_ terms: [Real], _ combine: (Real, Real) -> Real) -> Real {
    var terms = terms
    while terms.count > 1 {
      terms = stride(from: 0, to: terms.count, by: 16).map { start in
        terms[start + 1..<min(start + 16, terms.count)].reduce(terms[start], combine)
      }
    }
    return terms[0]
  }

  // MARK: R4

  /// The combination of each word with all before it in its run of `count`: sums and products of reals in blocks of
  /// 1024, which then get the fold of the earlier block totals on their left.
  static func scan(
    _ words: [UInt64], rows: Int, count: Int, _ kind: ReductionKind, _ dtype: DType
  ) -> [UInt64] {
    switch (kind, dtype) {
    case (.sum, .f32): scan(words, rows, count, block: 1024) { (Float(word: $0) + Float(word: $1)).word }
    case (.sum, .f64): scan(words, rows, count, block: 1024) { (Double(word: $0) + Double(word: $1)).word }
    case (.product, .f32): scan(words, rows, count, block: 1024) { (Float(word: $0) * Float(word: $1)).word }
    case (.product, .f64): scan(words, rows, count, block: 1024) { (Double(word: $0) * Double(word: $1)).word }
    case (.sum, _), (.product, _), (.max, _), (.min, _), (.and, _), (.or, _):
      scan(words, rows, count, block: max(count, 1)) { a, b in
        kind.primitive.evaluate([Scalar(dtype, bits: a), Scalar(dtype, bits: b)], dtype: dtype).bits
      }
    }
  }

  private static func scan(
    _ words: [UInt64], _ rows: Int, _ count: Int, block: Int, _ combine: (UInt64, UInt64) -> UInt64
  ) -> [UInt64] {
    var result = words
    for row in 0..<rows {
      var before: UInt64?
      for first in stride(from: row * count, to: (row + 1) * count, by: block) {
        let end = min(first + block, (row + 1) * count)
        for i in first + 1..<max(end, first + 1) { result[i] = combine(result[i - 1], words[i]) }
        let total = result[end - 1]
        if let before {
          for i in first..<end { result[i] = combine(before, result[i]) }
        }
        before = before.map { combine($0, total) } ?? total
      }
    }
    return result
  }

  /// For each run of `count` sort keys the numbers of the keys in ascending order, equal ones in their order.
  static func sort(_ keys: [UInt64], rows: Int, count: Int) -> [UInt64] {
    (0..<rows).flatMap { row -> [UInt64] in
      let first = row * count
      let order = (0..<count).sorted { a, b in
        keys[first + a] != keys[first + b] ? keys[first + a] < keys[first + b] : a < b
      }
      return order.map { UInt64($0) }
    }
  }

  // MARK: R3

  /// In any order: the halves of all rows are combined at once until one column is left.
  private static func orderFree(
    _ words: [UInt64], _ rows: Int, _ count: Int, _ kind: ReductionKind, _ dtype: DType
  ) -> [UInt64] {
    guard count > 0 else { return Array(repeating: kind.empty(dtype).bits, count: rows) }
    let program = ScalarProgram(kind.primitive, parameters: [dtype, dtype], dtype: dtype)
    var columns = transposed(words, rows, count)
    var rest = count
    while rest > 1 {
      let half = rest / 2
      let halves = [Array(columns[..<(half * rows)]), Array(columns[(rest - half) * rows..<rest * rows])]
      columns.replaceSubrange(..<(half * rows), with: program.evaluate(columns: halves, count: half * rows))
      rest -= half
    }
    return Array(columns.prefix(rows))
  }

  private static func transposed(_ words: [UInt64], _ rows: Int, _ count: Int) -> [UInt64] {
    if rows == 1 { return words }
    return [UInt64](unsafeUninitializedCapacity: rows * count) { buffer, initializedCount in
      for i in 0..<count { for row in 0..<rows { buffer[i * rows + row] = words[row * count + i] } }
      initializedCount = rows * count
    }
  }

  // MARK: E9

  /// The number of the first extreme of each run of `count` words; the first NaN wins.
  static func argReduce(
    _ words: [UInt64], rows: Int, count: Int, _ kind: ArgReductionKind, _ dtype: DType
  ) -> [UInt64] {
    let keys = words.map { orderKey($0, dtype) }
    return (0..<rows).map { row in
      let first = row * count
      var best = first
      for i in first..<first + count {
        guard let bestKey = keys[best] else { break }
        guard let key = keys[i], kind == .max ? key <= bestKey : key >= bestKey else {
          best = i
          continue
        }
      }
      return UInt64(best - first)
    }
  }

  /// A number that orders as the elements do, with -0 = +0; nil for NaN.
  private static func orderKey(_ word: UInt64, _ dtype: DType) -> UInt64? {
    if dtype.isReal {
      let value = Scalar(dtype, bits: word).doubleValue
      if value.isNaN { return nil }
      let bits = value == 0 ? 0 : value.bitPattern
      return bits >> 63 == 1 ? ~bits : bits | 1 << 63
    }
    return dtype.isSignedInteger ? UInt64(bitPattern: Scalar(dtype, bits: word).int64Value) ^ 1 << 63 : word
  }

  // MARK: D1 and D2

  /// The dot of each pair of runs of `count` words.
  static func dot(_ a: [UInt64], _ b: [UInt64], rows: Int, count: Int, _ dtype: DType) -> [UInt64] {
    switch dtype {
    case .f32: dotRows(a, b, rows, count, Float.self)
    case .f64: dotRows(a, b, rows, count, Double.self)
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f16, .bf16:
      // Wrapping sums are the same modulo 2^64 for all widths and signs, and are cut at the end.
      (0..<rows).map { row in
        (row * count..<(row + 1) * count).reduce(0) { $0 &+ a[$1] &* b[$1] } & dtype.bitMask
      }
    }
  }

  private static func dotRows<Real: RealWord>(
    _ a: [UInt64], _ b: [UInt64], _ rows: Int, _ count: Int, _ type: Real.Type
  ) -> [UInt64] {
    let (a, b) = (a.map { Real(word: $0) }, b.map { Real(word: $0) })
    return a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        (0..<rows).map { row in
          count == 0 ? 0 : dot(a.baseAddress! + row * count, b.baseAddress! + row * count, count).word
        }
      }
    }
  }

  /// D1: blocks of 512 terms by fma from +0, then Tree16.
  static func dot<Real: FloatingPoint>(_ a: UnsafePointer<Real>, _ b: UnsafePointer<Real>, _ count: Int) -> Real {
    if count <= 512 { return block(a, b, count) }
    let blocks = stride(from: 0, to: count, by: 512).map { block(a + $0, b + $0, min(512, count - $0)) }
    return tree16(blocks, +)
  }

  /// D3: the same over `terms` that carry their numbers among `count` terms; a block without terms is +0.
  static func dot<Real: FloatingPoint>(_ terms: [(number: Int, a: Real, b: Real)], count: Int) -> Real {
    guard count > 0 else { return 0 }
    var blocks = [Real](repeating: 0, count: (count + 511) / 512)
    for term in terms { blocks[term.number / 512].addProduct(term.a, term.b) }
    return tree16(blocks, +)
  }

  private static func block<Real: FloatingPoint>(
    _ a: UnsafePointer<Real>, _ b: UnsafePointer<Real>, _ count: Int
  ) -> Real {
    var sum: Real = 0
    for i in 0..<count { sum = sum.addingProduct(a[i], b[i]) }
    return sum
  }
}

extension ScatterCombiner {
  /// The operation that combines an element with an update; nil if the update takes its place.
  package var primitive: Primitive? {
    switch self {
    case .replace: nil
    case .add: .add
    case .multiply: .multiply
    case .maximum: .maximum
    case .minimum: .minimum
    }
  }

  /// The element after an update, on words. Sums, the usual case, take no way through `Primitive`.
  func combined(_ element: UInt64, _ update: UInt64, _ dtype: DType) -> UInt64 {
    guard let primitive else { return update }
    switch (self, dtype) {
    case (.add, .f32): return (Float(word: element) + Float(word: update)).word
    case (.add, .f64): return (Double(word: element) + Double(word: update)).word
    case (.add, _), (.multiply, _), (.maximum, _), (.minimum, _), (.replace, _):
      return primitive.evaluate([Scalar(dtype, bits: element), Scalar(dtype, bits: update)], dtype: dtype).bits
    }
  }
}

extension IndexBounds {
  /// The index to use for `index` of dtype `dtype` on an axis of `extent` elements, or nil if no element is to be used
  /// (`check`, `drop`).
  func resolve(_ index: UInt64, _ dtype: DType, extent: Int) -> Int? {
    // An unsigned index beyond Int64 is beyond every axis too.
    let isHuge = dtype == .u64 && index > UInt64(Int64.max)
    let value = isHuge ? Int.max : Int(Scalar(dtype, bits: index).int64Value)
    if value >= 0 && value < extent { return value }
    switch self {
    case .check, .drop: return nil
    case .clamp: return extent > 0 ? min(max(value, 0), extent - 1) : nil
    }
  }
}

extension ReferenceInterpreter {
  static func evaluate(_ op: ReductionOp, _ operand: TensorValue, _ type: TensorType) -> TensorValue {
    let all = Array(0..<operand.type.rank)
    switch op {
    case .reduce(let kind, let axes):
      let kept = all.filter { !axes.contains($0) }
      let count = axes.reduce(1) { $0 * operand.type.shape[$1].staticSize }
      switch (kind, operand.type.dtype) {
      case (.sum, .f32): return orderedReduction(operand.transposed(kept + axes), count, type, Float.self, empty: 0, +)
      case (.sum, .f64): return orderedReduction(operand.transposed(kept + axes), count, type, Double.self, empty: 0, +)
      case (.product, .f32): return orderedReduction(operand.transposed(kept + axes), count, type, Float.self, empty: 1, *)
      case (.product, .f64): return orderedReduction(operand.transposed(kept + axes), count, type, Double.self, empty: 1, *)
      case (.sum, _): return freeReduction(operand.transposed(axes + kept), count, type, .add)
      case (.product, _): return freeReduction(operand.transposed(axes + kept), count, type, .multiply)
      case (.max, _): return freeReduction(operand.transposed(axes + kept), count, type, .maximum)
      case (.min, _): return freeReduction(operand.transposed(axes + kept), count, type, .minimum)
      case (.and, _): return freeReduction(operand.transposed(axes + kept), count, type, .and)
      case (.or, _): return freeReduction(operand.transposed(axes + kept), count, type, .or)
      }
    case .argReduce(let kind, let axis):
      let rows = operand.transposed(all.filter { $0 != axis } + [axis])
      return argReduction(rows, kind, operand.type.shape[axis].staticSize, type)
    }
  }

  /// R2: each row of `count` consecutive elements becomes one.
  private static func orderedReduction<Real: NativeElement & FloatingPoint>(
    _ rows: TensorValue, _ count: Int, _ type: TensorType, _ element: Real.Type, empty: Real,
    _ combine: (Real, Real) -> Real
  ) -> TensorValue {
    TensorValue(type) { target in
      let result = target.assumingMemoryBound(to: Real.self)
      rows.withElements(of: element) { elements in
        for row in 0..<type.shape.elementCount {
          let terms = UnsafeBufferPointer(rebasing: elements[row * count..<(row + 1) * count])
          result[row] = reduced(terms, empty: empty, combine)
        }
      }
    }
  }

  /// R2: the reduction of `terms` in blocks of 1024 with 32 lanes, then Tree16; `empty` if there are none.
  static func reduced<Real>(
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

  /// R1: sums of 16 neighbours, left to right, until one is left.
  static func tree16<Real>(_ terms: [Real], _ combine: (Real, Real) -> Real) -> Real {
    var terms = terms
    while terms.count > 1 {
      terms = stride(from: 0, to: terms.count, by: 16).map { start in
        terms[start + 1..<min(start + 16, terms.count)].reduce(terms[start], combine)
      }
    }
    return terms[0]
  }

  /// R3: `count` rows become one, in any order: halves are combined until one row is left.
  private static func freeReduction(
    _ rows: TensorValue, _ count: Int, _ type: TensorType, _ primitive: Primitive
  ) -> TensorValue {
    let dtype = type.dtype
    let width = type.shape.elementCount
    var words = rows.bits
    guard count > 0 else {
      words = Array(repeating: identity(of: primitive, dtype), count: width)
      return TensorValue(type) { words.store($0, dtype) }
    }
    let program = ScalarProgram(primitive, parameters: [dtype, dtype], dtype: dtype)
    var rest = count
    while rest > 1 {
      let half = rest / 2
      let columns = [Array(words[..<(half * width)]), Array(words[(rest - half) * width..<rest * width])]
      words.replaceSubrange(..<(half * width), with: program.evaluate(columns: columns, count: half * width))
      rest -= half
    }
    return TensorValue(type) { Array(words.prefix(width)).store($0, dtype) }
  }

  /// The value of a reduction over nothing.
  static func identity(of primitive: Primitive, _ dtype: DType) -> UInt64 {
    switch primitive {
    case .multiply: Scalar.one(dtype).bits
    case .and: dtype.bitMask
    case .maximum: dtype.isReal ? Scalar(dtype, -.infinity).bits : dtype.isSignedInteger ? dtype.bitMask / 2 + 1 : 0
    case .minimum: dtype.isReal ? Scalar(dtype, .infinity).bits : dtype.isSignedInteger ? dtype.bitMask / 2 : dtype.bitMask
    case .add, .or, .xor, .subtract, .divide, .remainder, .negate, .absolute, .squareRoot, .fusedMultiplyAdd, .floor,
      .ceiling, .truncate, .roundToEven, .scaleByPowerOfTwo, .not, .shiftLeft, .shiftRight, .equal, .less, .lessEqual,
      .select, .convert, .bitcast:
      0
    }
  }

  /// E9: the first extreme of each row of `count` elements; the first NaN wins.
  private static func argReduction(
    _ rows: TensorValue, _ kind: ArgReductionKind, _ count: Int, _ type: TensorType
  ) -> TensorValue {
    let keys = rows.bits.map { orderKey($0, rows.type.dtype) }
    let indices = (0..<type.shape.elementCount).map { row in
      let keys = keys[row * count..<(row + 1) * count]
      var best = keys.startIndex
      for i in keys.indices {
        guard let bestKey = keys[best] else { break }
        guard let key = keys[i], kind == .max ? key <= bestKey : key >= bestKey else {
          best = i
          continue
        }
      }
      return UInt64(best - keys.startIndex)
    }
    return TensorValue(type) { indices.store($0, .i32) }
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
}

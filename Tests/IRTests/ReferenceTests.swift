import Foundation
import KilnIR
import KilnTesting
import Testing

/// The reference interpreter against straight loops that follow the text of Numerics.md in another way.
@Suite("Reference: reduction and contraction") struct ReferenceReductionTests {
  /// The sizes of T1.
  static let sizes = [0, 1, 2, 3, 31, 32, 33, 511, 512, 513, 1023, 1024, 1025, 8192, 8193, 16384, 16385]

  static func evaluate(_ op: Op, _ operands: [TensorValue]) throws -> TensorValue {
    let types = try op.infer(operands.map(\.type), in: Module())
    return try ReferenceInterpreter.evaluate(op: op, operands: operands, resultTypes: types, location: .unknown)[0]
  }

  /// Numbers of very different size, so that another order of additions gives other bits.
  static func numbers<Real: BinaryFloatingPoint>(_ count: Int, seed: UInt64) -> [Real] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      let exponent = Double(Int.random(in: -12...12, using: &random))
      return Real(Double.random(in: -1...1, using: &random) * exp2(exponent))
    }
  }

  /// R1 by recursion.
  static func tree16<Real: FloatingPoint>(_ p: [Real], _ combine: (Real, Real) -> Real) -> Real {
    if p.count == 1 { return p[0] }
    var sums: [Real] = []
    for (i, term) in p.enumerated() {
      if i % 16 == 0 { sums.append(term) } else { sums[i / 16] = combine(sums[i / 16], term) }
    }
    return tree16(sums, combine)
  }

  /// R2 with lanes that are absent until they have an element.
  static func reduction<Real: FloatingPoint>(_ x: [Real], _ empty: Real, _ combine: (Real, Real) -> Real) -> Real {
    if x.isEmpty { return empty }
    var blocks: [[Real?]] = []
    for (i, term) in x.enumerated() {
      if i % 1024 == 0 { blocks.append(Array(repeating: nil, count: 32)) }
      let lane = i % 1024 % 32
      blocks[i / 1024][lane] = blocks[i / 1024][lane].map { combine($0, term) } ?? term
    }
    let values = blocks.map { lanes in
      var lanes = lanes
      for h in [16, 8, 4, 2, 1] {
        for l in 0..<h { if let other = lanes[l + h], let one = lanes[l] { lanes[l] = combine(one, other) } }
      }
      return lanes[0]!
    }
    return tree16(values, combine)
  }

  @Test("R1 R2: the sum and product of one row", arguments: sizes)
  func rows(_ size: Int) throws {
    let x: [Float] = Self.numbers(size, seed: UInt64(size))
    let y: [Double] = Self.numbers(size, seed: UInt64(size) + 1)
    let (a, b) = (try TensorValue(x, shape: [Dimension(size)]), try TensorValue(y, shape: [Dimension(size)]))
    let sum = Op.reduction(.reduce(.sum, axes: [0]))
    #expect(try Self.evaluate(sum, [a]).elements(as: Float.self) == [Self.reduction(x, 0, +)])
    #expect(try Self.evaluate(sum, [b]).elements(as: Double.self) == [Self.reduction(y, 0, +)])
    let near = x.map { 1 + $0 * 0x1p-20 }
    let product = Op.reduction(.reduce(.product, axes: [0]))
    #expect(
      try Self.evaluate(product, [TensorValue(near, shape: [Dimension(size)])]).elements(as: Float.self)
        == [Self.reduction(near, 1, *)])
  }

  @Test("R2: the listed order of the axes is the order of traversal")
  func axisOrder() throws {
    let x: [Float] = Self.numbers(5 * 7 * 300, seed: 3)
    let value = try TensorValue(x, shape: [5, 7, 300])
    func element(_ i: Int, _ j: Int, _ k: Int) -> Float { x[(i * 7 + j) * 300 + k] }
    let ascending = (0..<7).map { j in
      Self.reduction((0..<5).flatMap { i in (0..<300).map { element(i, j, $0) } }, 0, +)
    }
    let reversed = (0..<7).map { j in Self.reduction((0..<300).flatMap { k in (0..<5).map { element($0, j, k) } }, 0, +)
    }
    #expect(ascending != reversed)
    #expect(try Self.evaluate(.reduction(.reduce(.sum, axes: [0, 2])), [value]).elements(as: Float.self) == ascending)
    #expect(try Self.evaluate(.reduction(.reduce(.sum, axes: [2, 0])), [value]).elements(as: Float.self) == reversed)
  }

  @Test("S5: a row of a reduction and of a dot has the bits that it has alone")
  func rowsAreIndependent() throws {
    let x: [Float] = Self.numbers(3 * 1500, seed: 5)
    let w: [Float] = Self.numbers(1500 * 4, seed: 6)
    let all = try TensorValue(x, shape: [3, 1500])
    let row = try TensorValue(Array(x[1500..<3000]), shape: [1, 1500])
    let weights = try TensorValue(w, shape: [1500, 4])
    let sum = Op.reduction(.reduce(.sum, axes: [1]))
    #expect(
      try Self.evaluate(sum, [all]).elements(as: Float.self)[1] == Self.evaluate(sum, [row]).elements(as: Float.self)[0]
    )
    let dot = Op.contraction(.dot(batch: [], contract: [AxisPair(1, 0)]))
    #expect(
      try Array(Self.evaluate(dot, [all, weights]).elements(as: Float.self)[4..<8])
        == Self.evaluate(dot, [row, weights]).elements(as: Float.self))
  }

  @Test(
    "R3: integer sums wrap, extremes follow E4, whatever the number of elements", arguments: [1, 2, 3, 7, 64, 1000])
  func orderFree(_ size: Int) throws {
    var random = SplitMix64(seed: UInt64(size))
    let x = (0..<size).map { _ in Int16.random(in: .min ... .max, using: &random) }
    let value = try TensorValue(x, shape: [Dimension(size)])
    func reduce(_ kind: ReductionKind) throws -> [Int16] {
      try Self.evaluate(.reduction(.reduce(kind, axes: [0])), [value]).elements(as: Int16.self)
    }
    #expect(try reduce(.sum) == [x.reduce(0, &+)])
    #expect(try reduce(.product) == [x.reduce(1, &*)])
    #expect(try reduce(.max) == [x.max()!])
    #expect(try reduce(.min) == [x.min()!])
    #expect(try reduce(.and) == [x.reduce(-1, &)])
    #expect(try reduce(.or) == [x.reduce(0, |)])
    var y: [Float] = Self.numbers(size, seed: 9)
    let reals = try TensorValue(y, shape: [Dimension(size)])
    #expect(try Self.evaluate(.reduction(.reduce(.max, axes: [0])), [reals]).elements(as: Float.self) == [y.max()!])
    y[size / 2] = .nan
    let withNaN = try TensorValue(y, shape: [Dimension(size)])
    for kind in [ReductionKind.max, .min] {
      #expect(try Self.evaluate(.reduction(.reduce(kind, axes: [0])), [withNaN]).elements(as: Float.self)[0].isNaN)
    }
  }

  /// D1 for one result: the terms in order.
  static func dot<Real: FloatingPoint>(_ terms: [(Real, Real)]) -> Real {
    if terms.isEmpty { return 0 }
    var blocks: [Real] = []
    for (i, term) in terms.enumerated() {
      if i % 512 == 0 { blocks.append(0) }
      blocks[i / 512].addProduct(term.0, term.1)
    }
    return tree16(blocks, +)
  }

  @Test("D1: dot sums blocks of 512 terms by fma", arguments: sizes)
  func dot(_ size: Int) throws {
    let k = Dimension(size)
    let op = Op.contraction(.dot(batch: [], contract: [AxisPair(1, 0)]))
    let x: [Float] = Self.numbers(2 * size, seed: UInt64(size))
    let y: [Float] = Self.numbers(size * 2, seed: UInt64(size) + 7)
    let found = try Self.evaluate(op, [TensorValue(x, shape: [2, k]), TensorValue(y, shape: [k, 2])])
    var expected: [Float] = []
    for i in 0..<2 {
      for j in 0..<2 { expected.append(Self.dot((0..<size).map { (x[i * size + $0], y[$0 * 2 + j]) })) }
    }
    #expect(try found.elements(as: Float.self) == expected)
    let (a, b) = (x.map { Double($0) }, y.map { Double($0) / 3 })
    let wide = try Self.evaluate(op, [TensorValue(a, shape: [2, k]), TensorValue(b, shape: [k, 2])])
    var wideExpected: [Double] = []
    for i in 0..<2 {
      for j in 0..<2 { wideExpected.append(Self.dot((0..<size).map { (a[i * size + $0], b[$0 * 2 + j]) })) }
    }
    #expect(try wide.elements(as: Double.self) == wideExpected)
  }

  @Test("D1: terms are numbered row-major over the pairs in listed order; batch axes come first")
  func dotAxes() throws {
    let x: [Float] = Self.numbers(3 * 40 * 2 * 30, seed: 1)  // [m, k1, batch, k2]
    let y: [Float] = Self.numbers(30 * 2 * 40 * 3, seed: 2)  // [k2, batch, k1, n]
    let operands = [try TensorValue(x, shape: [3, 40, 2, 30]), try TensorValue(y, shape: [30, 2, 40, 3])]
    func expected(_ order: [(Int, Int)]) -> [Float] {
      var result: [Float] = []
      for b in 0..<2 {
        for m in 0..<3 {
          for n in 0..<3 {
            result.append(
              Self.dot(order.map { p, q in (x[((m * 40 + p) * 2 + b) * 30 + q], y[((q * 2 + b) * 40 + p) * 3 + n]) }))
          }
        }
      }
      return result
    }
    let outer = (0..<40).flatMap { p in (0..<30).map { (p, $0) } }
    let inner = (0..<30).flatMap { q in (0..<40).map { ($0, q) } }
    let first = Op.contraction(.dot(batch: [AxisPair(2, 1)], contract: [AxisPair(1, 2), AxisPair(3, 0)]))
    let second = Op.contraction(.dot(batch: [AxisPair(2, 1)], contract: [AxisPair(3, 0), AxisPair(1, 2)]))
    #expect(try Self.evaluate(first, operands).elements(as: Float.self) == expected(outer))
    #expect(try Self.evaluate(second, operands).elements(as: Float.self) == expected(inner))
    #expect(expected(outer) != expected(inner))
  }

  @Test("D2: integer dots wrap")
  func integerDot() throws {
    var random = SplitMix64(seed: 4)
    let x = (0..<600).map { _ in Int8.random(in: .min ... .max, using: &random) }
    let y = (0..<600).map { _ in Int8.random(in: .min ... .max, using: &random) }
    let op = Op.contraction(.dot(batch: [], contract: [AxisPair(0, 0)]))
    let found = try Self.evaluate(op, [TensorValue(x, shape: [600]), TensorValue(y, shape: [600])])
    #expect(try found.elements(as: Int8.self) == [zip(x, y).reduce(0) { $0 &+ $1.0 &* $1.1 }])
  }

  @Test("R4: a scan goes left to right in blocks of 1024, each after the fold of the earlier block totals")
  func scan() throws {
    let x: [Float] = Self.numbers(3000, seed: 21)
    var expected: [Float] = []
    var before: Float?
    for start in stride(from: 0, to: x.count, by: 1024) {
      var block: [Float] = []
      for value in x[start..<min(start + 1024, x.count)] { block.append(block.last.map { $0 + value } ?? value) }
      expected += block.map { value in before.map { $0 + value } ?? value }
      before = before.map { $0 + block[block.count - 1] } ?? block[block.count - 1]
    }
    let value = try TensorValue(x, shape: [3000])
    let forward = Op.reduction(.scanReduce(.sum, axis: 0, isReversed: false))
    #expect(try Self.evaluate(forward, [value]).elements(as: Float.self) == expected)
    let turned = try TensorValue(Array(x.reversed()), shape: [3000])
    let backward = Op.reduction(.scanReduce(.sum, axis: 0, isReversed: true))
    #expect(try Self.evaluate(backward, [turned]).elements(as: Float.self) == expected.reversed())
    var plain = x
    for i in 1..<plain.count { plain[i] += plain[i - 1] }
    #expect(plain != expected)
  }

  @Test("E9: sorted indices keep the order of equal elements, NaN last in both directions")
  func argSort() throws {
    var random = SplitMix64(seed: 22)
    let choices: [Double] = [Double.nan, -Double.infinity, -1, -0.0, 0, 1, 1, 2]
    let x: [Double] = (0..<500).map { _ in choices[Int.random(in: 0..<8, using: &random)] }
    for isDescending in [false, true] {
      let expected: [Int] = (0..<500).sorted { (a: Int, b: Int) -> Bool in
        if x[a].isNaN || x[b].isNaN { return x[b].isNaN && (!x[a].isNaN || a < b) }
        if x[a] == x[b] { return a < b }
        return isDescending ? x[a] > x[b] : x[a] < x[b]
      }
      let op = Op.indexing(.argSort(axis: 0, isDescending: isDescending))
      let found = try Self.evaluate(op, [TensorValue(x, shape: [500])])
      #expect(try found.elements(as: Int32.self) == expected.map { Int32($0) })
    }
  }

  @Test("R5: scatter folds the updates of each destination in ascending order", arguments: [DType.f32, .f64, .i32])
  func scatter(_ dtype: DType) throws {
    var random = SplitMix64(seed: 8)
    let indices = (0..<200).map { _ in Int32.random(in: -1...7, using: &random) }
    let updates: [Double] = Self.numbers(200, seed: 11).map { (($0 as Double) * 1000).rounded() / 8 }
    let start: [Double] = [1, 2, 3, 4, 5, 6, 7]
    func value(_ x: [Double]) throws -> TensorValue {
      let wide = try TensorValue(x, shape: [Dimension(x.count)])
      return try Self.evaluate(.type(.convert(dtype)), [wide])
    }
    let operands = [try value(start), try TensorValue(indices, shape: [200]), try value(updates)]
    func check(_ combiner: ScatterCombiner, _ fold: (Scalar, Scalar) -> Scalar) throws {
      let op = Op.indexing(.scatter(axis: 0, combiner: combiner, bounds: .drop))
      var expected = (0..<7).map { operands[0][$0] }
      for (i, index) in indices.enumerated() where index >= 0 && index < 7 {
        expected[Int(index)] = fold(expected[Int(index)], operands[2][i])
      }
      #expect(try Self.evaluate(op, operands).bits == expected.map(\.bits), "\(combiner)")
    }
    try check(.replace) { $1 }
    try check(.add) { a, b in
      switch dtype {
      case .f32: Scalar(Float(bitPattern: UInt32(a.bits)) + Float(bitPattern: UInt32(b.bits)))
      case .f64: Scalar(Double(bitPattern: a.bits) + Double(bitPattern: b.bits))
      default: Scalar(Int32(truncatingIfNeeded: a.signed) &+ Int32(truncatingIfNeeded: b.signed))
      }
    }
    try check(.maximum) { $0.doubleValue >= $1.doubleValue ? $0 : $1 }
    try check(.minimum) { $0.doubleValue <= $1.doubleValue ? $0 : $1 }
  }
}

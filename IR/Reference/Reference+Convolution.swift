/// The terms of a convolution, element by element of its result (NUMERICS.md D3).
struct ConvolutionTerms {
  private let convolution: Convolution
  private let lhs: TensorValue
  private let rhs: TensorValue
  private let type: TensorType
  private let resultAxes: [Convolution.ResultAxis]
  private let termAxes: [Convolution.TermAxis]
  /// The index of every term, in the order of their numbers.
  private let termIndices: [[Int]]

  init(_ convolution: Convolution, _ lhs: TensorValue, _ rhs: TensorValue, _ type: TensorType) {
    self.convolution = convolution
    self.lhs = lhs
    self.rhs = rhs
    self.type = type
    resultAxes = convolution.resultAxes(lhsRank: lhs.type.rank, rhsRank: rhs.type.rank)
    termAxes = convolution.termAxes
    termIndices = Self.indices(convolution.termExtents(lhs.type, rhs.type))
  }

  func evaluate() -> TensorValue {
    switch type.dtype {
    case .f32: return TensorValue(type) { sums(Float.self, $0) }
    case .f64: return TensorValue(type) { sums(Double.self, $0) }
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f16, .bf16:
      let (a, b) = (lhs.bits, rhs.bits)
      // Wrapping sums are the same modulo 2^64 for all widths and signs; storing cuts them.
      let words = elements.map { element in
        terms(of: element).reduce(0) { sum, term in sum &+ (term.lhs.map { a[$0] } ?? 0) &* b[term.rhs] }
      }
      return TensorValue(type) { words.store($0, type.dtype) }
    }
  }

  private func sums<Real: NativeElement & FloatingPoint>(_ element: Real.Type, _ target: UnsafeMutableRawPointer) {
    let result = target.assumingMemoryBound(to: element)
    lhs.withElements(of: element) { a in
      rhs.withElements(of: element) { b in
        for (number, point) in elements.enumerated() {
          result[number] = RowReduction.dot(
            terms(of: point).map { (number: $0.number, a: $0.lhs.map { a[$0] } ?? 0, b: b[$0.rhs]) },
            count: termIndices.count)
        }
      }
    }
  }

  /// The index of every element of the result, in row-major order.
  private var elements: [[Int]] { Self.indices(type.shape.dimensions) }

  private static func indices(_ extents: [Int]) -> [[Int]] {
    extents.reduce([[]]) { indices, extent in indices.flatMap { index in (0..<extent).map { index + [$0] } } }
  }

  /// A product: its number among the terms, holes counted, and where its factors lie; padding lies nowhere.
  private struct Term {
    let number: Int
    let lhs: Int?
    let rhs: Int
  }

  private func terms(of element: [Int]) -> [Term] {
    var lhsIndex = [Int](repeating: 0, count: lhs.type.rank)
    var rhsIndex = [Int](repeating: 0, count: rhs.type.rank)
    var position = [Int](repeating: 0, count: convolution.windows.count)
    for (axis, coordinate) in zip(resultAxes, element) {
      switch axis {
      case .batch(let pair): (lhsIndex[pair.lhs], rhsIndex[pair.rhs]) = (coordinate, coordinate)
      case .lhs(let axis): lhsIndex[axis] = coordinate
      case .rhs(let axis): rhsIndex[axis] = coordinate
      case .positions(let number): position[number] = coordinate
      }
    }
    var terms: [Term] = []
    for (number, term) in termIndices.enumerated() {
      var (isHole, isPadding) = (false, false)
      for (axis, coordinate) in zip(termAxes, term) {
        switch axis {
        case .contract(let pair): (lhsIndex[pair.lhs], rhsIndex[pair.rhs]) = (coordinate, coordinate)
        case .taps(let number):
          let window = convolution.windows[number]
          let place = position[number] * window.stride + coordinate * window.rhsDilation - window.low
          let axis = window.axes.lhs
          lhsIndex[axis] = place / window.lhsDilation
          if place % window.lhsDilation != 0 { isHole = true }
          if place < 0 || lhsIndex[axis] >= lhs.type.shape.dimensions[axis] { isPadding = true }
          rhsIndex[window.axes.rhs] = coordinate
        }
      }
      if isHole { continue }
      terms.append(
        Term(number: number, lhs: isPadding ? nil : offset(lhsIndex, lhs.type), rhs: offset(rhsIndex, rhs.type)))
    }
    return terms
  }

  private func offset(_ index: [Int], _ type: TensorType) -> Int {
    zip(index, type.shape.rowMajorStrides).reduce(0) { $0 + $1.0 * $1.1 }
  }
}

/// The terms of a convolution, element by element of its result (Numerics.md D3).
struct ConvolutionTerms {
  private let convolution: Convolution
  private let lhs: TensorValue
  private let rhs: TensorValue
  private let type: TensorType
  private let resultAxes: [Convolution.ResultAxis]
  private let termAxes: [Convolution.TermAxis]
  private let termExtents: [Int]
  private let lhsStrides: [Int]
  private let rhsStrides: [Int]

  init(_ convolution: Convolution, _ lhs: TensorValue, _ rhs: TensorValue, _ type: TensorType) {
    self.convolution = convolution
    self.lhs = lhs
    self.rhs = rhs
    self.type = type
    resultAxes = convolution.resultAxes(lhsRank: lhs.type.rank, rhsRank: rhs.type.rank)
    termAxes = convolution.termAxes
    termExtents = convolution.termExtents(lhs.type, rhs.type).map(\.staticSize)
    lhsStrides = lhs.type.shape.rowMajorStrides
    rhsStrides = rhs.type.shape.rowMajorStrides
  }

  func evaluate() -> TensorValue {
    switch type.dtype {
    case .f32: return TensorValue(type) { sums(Float.self, $0) }
    case .f64: return TensorValue(type) { sums(Double.self, $0) }
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f16, .bf16:
      let (a, b) = (lhs.bits, rhs.bits)
      // Wrapping sums are the same modulo 2^64 for all widths and signs; storing cuts them.
      let words = elements.map { element in
        terms(of: element).reduce(0) { sum, term in sum &+ (term.isPadding ? 0 : a[term.lhs]) &* b[term.rhs] }
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
            terms(of: point).map { (number: $0.number, a: $0.isPadding ? 0 : a[$0.lhs], b: b[$0.rhs]) },
            count: termExtents.reduce(1, *))
        }
      }
    }
  }

  /// The index of every element of the result, in row-major order.
  private var elements: [[Int]] { Self.indices(type.shape.dimensions) }

  private static func indices(_ extents: [Int]) -> [[Int]] {
    extents.reduce([[]]) { indices, extent in indices.flatMap { index in (0..<extent).map { index + [$0] } } }
  }

  /// A product: its number among the terms, holes counted, and where its factors lie.
  private struct Term {
    var number = 0
    var lhs = 0
    var rhs = 0
    /// Whether the left factor lies outside its tensor and is +0.
    var isPadding = false
  }

  /// The terms of an element: axis after axis, each term so far becomes one for each coordinate that meets no hole.
  private func terms(of element: [Int]) -> [Term] {
    var start = Term()
    var position = [Int](repeating: 0, count: convolution.windows.count)
    for (axis, coordinate) in zip(resultAxes, element) {
      switch axis {
      case .batch(let pair):
        start.lhs += coordinate * lhsStrides[pair.lhs]
        start.rhs += coordinate * rhsStrides[pair.rhs]
      case .lhs(let axis): start.lhs += coordinate * lhsStrides[axis]
      case .rhs(let axis): start.rhs += coordinate * rhsStrides[axis]
      case .positions(let number): position[number] = coordinate
      }
    }
    var terms = [start]
    for (axis, extent) in zip(termAxes, termExtents) {
      terms = terms.flatMap { term in
        (0..<extent).compactMap { coordinate in
          var next = extended(term, axis, coordinate, position)
          next?.number = term.number * extent + coordinate
          return next
        }
      }
    }
    return terms
  }

  /// The term one axis further; nil for a hole.
  private func extended(_ term: Term, _ axis: Convolution.TermAxis, _ coordinate: Int, _ position: [Int]) -> Term? {
    var next = term
    switch axis {
    case .contract(let pair):
      next.lhs += coordinate * lhsStrides[pair.lhs]
      next.rhs += coordinate * rhsStrides[pair.rhs]
    case .taps(let number):
      let window = convolution.windows[number]
      let place = position[number] * window.stride + coordinate * window.rhsDilation - window.low.staticSize
      if place % window.lhsDilation != 0 { return nil }
      let index = place / window.lhsDilation
      if index < 0 || index >= lhs.type.shape.dimensions[window.axes.lhs] { next.isPadding = true }
      next.lhs += index * lhsStrides[window.axes.lhs]
      next.rhs += coordinate * rhsStrides[window.axes.rhs]
    }
    return next
  }
}

import KilnIR

/// What may stand in a tensor's subscript: an `Int` (the axis disappears), a range of `Int`, a `stride(from:to:by:)`.
///
/// Negative positions count from the end, as in NumPy: -1 is the last element, `x[-3..<(-1)]` the two before it. Every
/// position is there: a range that reaches past the end is a diagnostic (`subscript.C2`), where NumPy would make it
/// shorter. Swift itself stops at a range whose bounds descend, as in `1..<(-1)`; write `x[1...][..<(-1)]`.
public protocol TensorIndex {
  /// The elements of an axis of `size` elements that this names.
  func resolved(in size: Int) -> TensorSelection
}

/// Some elements of one axis.
public struct TensorSelection: Hashable, Sendable {
  /// The first element.
  public var start: Int
  /// The place before which the elements end.
  public var limit: Int
  /// The distance from one element to the next.
  public var stride: Int
  /// Whether the axis disappears from the shape.
  public var dropsAxis: Bool

  /// The elements `start`, `start + stride`, … below `limit`.
  public init(start: Int, limit: Int, stride: Int = 1, dropsAxis: Bool = false) {
    self.start = start
    self.limit = limit
    self.stride = stride
    self.dropsAxis = dropsAxis
  }
}

extension Int: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    let index = countedFromEnd(of: size)
    return TensorSelection(start: index, limit: index.successor, dropsAxis: true)
  }

  /// The next number; no axis has the greatest.
  fileprivate var successor: Int { self == .max ? .max : self + 1 }
}

extension Range<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    TensorSelection(start: lowerBound.countedFromEnd(of: size), limit: upperBound.countedFromEnd(of: size))
  }
}

extension ClosedRange<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    TensorSelection(start: lowerBound.countedFromEnd(of: size), limit: upperBound.countedFromEnd(of: size).successor)
  }
}

extension PartialRangeFrom<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    TensorSelection(start: lowerBound.countedFromEnd(of: size), limit: size)
  }
}

extension PartialRangeUpTo<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    TensorSelection(start: 0, limit: upperBound.countedFromEnd(of: size))
  }
}

extension PartialRangeThrough<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    TensorSelection(start: 0, limit: upperBound.countedFromEnd(of: size).successor)
  }
}

extension StrideTo<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    var iterator = makeIterator()
    guard let first = iterator.next() else { return TensorSelection(start: 0, limit: 0) }
    var last = first
    var step = 1
    var count = 1
    // More positions than the axis has elements are not all there; they may be as many as there are numbers.
    while count <= size, let next = iterator.next() {
      (step, last, count) = (next &- last, next, count + 1)
    }
    guard count <= size else { return TensorSelection(start: first, limit: .max, stride: step) }
    let isFromEnd = first < 0 && last < 0
    return TensorSelection(
      start: isFromEnd ? first.countedFromEnd(of: size) : first,
      limit: (isFromEnd ? last.countedFromEnd(of: size) : last).successor, stride: step)
  }
}

extension TensorProtocol {
  /// The elements at `indices`, one for each of the first axes; the other axes are taken whole.
  ///
  /// ```swift
  /// x[0]            // the first row
  /// x[1..<3, ...]   // rows 1 and 2
  /// x[..., 0]       // the first element of every row
  /// ```
  public subscript(_ indices: any TensorIndex...) -> Self {
    get { selecting(indices, []) }
    @available(
      *, unavailable,
      message: "tensors never change: x = x.scattered(…), dynamicUpdateSlice or select make a new one"
    )
    set { refused() }
  }

  /// `...` stands for the axes that the indices before and after it leave.
  public subscript(_ rest: UnboundedRange, _ last: any TensorIndex...) -> Self { selecting([], last) }

  /// `...` stands for the axes that the indices before and after it leave.
  public subscript(_ first: any TensorIndex, _ rest: UnboundedRange, _ last: any TensorIndex...) -> Self {
    selecting([first], last)
  }

  /// `...` stands for the axes that the indices before and after it leave.
  public subscript(
    _ first: any TensorIndex, _ second: any TensorIndex, _ rest: UnboundedRange, _ last: any TensorIndex...
  ) -> Self { selecting([first, second], last) }

  private func selecting(_ first: [any TensorIndex], _ last: [any TensorIndex]) -> Self {
    let core = core
    guard first.count + last.count <= rank else {
      return Self(
        core: core.failed(
          "subscript.C1", "\(first.count + last.count) indices for \(core.type), which has \(rank) axes"))
    }
    var selections: [TensorSelection] = []
    for (axis, size) in core.shape.dimensions.enumerated() {
      let fromEnd = axis - (rank - last.count)
      let index = axis < first.count ? first[axis] : fromEnd >= 0 ? last[fromEnd] : nil
      let selection = index?.resolved(in: size) ?? TensorSelection(start: 0, limit: size)
      guard selection.start >= 0, selection.start <= selection.limit, selection.limit <= size, selection.stride > 0
      else {
        return Self(core: core.failed("subscript.C2", selection.reason(index, axis, of: core.type)))
      }
      selections.append(selection)
    }
    return Self(core: core.selecting(selections))
  }
}

extension TensorSelection {
  /// Why it does not select from `axis`.
  fileprivate func reason(_ index: (any TensorIndex)?, _ axis: Int, of type: TensorType) -> String {
    let what = index.map { Self.text($0) } ?? "range \(start)..<\(limit)"
    let size = type.shape.dimensions[axis]
    if stride <= 0 { return "\(what): a stride goes forward; `reversed` turns an axis round" }
    if start >= 0 && start <= size && limit >= 0 && limit <= size {
      return "\(what) ends before it begins: on axis \(axis) of \(type) it is \(start)..<\(limit)"
    }
    return "\(what) is out of range for axis \(axis) of \(type), which has \(size) elements"
  }

  /// The index as it was written.
  private static func text(_ index: any TensorIndex) -> String {
    switch index {
    case let index as Int: "index \(index)"
    case let range as Range<Int>: "range \(range)"
    case let range as ClosedRange<Int>: "range \(range)"
    case let range as PartialRangeFrom<Int>: "range \(range.lowerBound)..."
    case let range as PartialRangeUpTo<Int>: "range ..<\(range.upperBound)"
    case let range as PartialRangeThrough<Int>: "range ...\(range.upperBound)"
    case let stride as StrideTo<Int>:
      "the stride \(Array(stride.prefix(3)).map(\.description).joined(separator: ", ")), …"
    default: "\(index)"
    }
  }
}

extension TensorCore {
  fileprivate func selecting(_ selections: [TensorSelection]) -> TensorCore {
    let slice = MovementOp.slice(
      start: selections.map(\.start).extents, limit: selections.map(\.limit).extents, stride: selections.map(\.stride))
    let whole = zip(selections, shape.dimensions).allSatisfy { $0.start == 0 && $0.limit == $1 && $0.stride == 1 }
    let part = whole ? self : emit(.movement(slice), [self])
    if part.kind == .poisoned { return part }
    let kept = selections.indices.filter { !selections[$0].dropsAxis }
    return part.reshaped(Shape(kept.map { part.shape[$0] }))
  }
}

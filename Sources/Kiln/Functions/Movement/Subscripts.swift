public import KilnIR

/// What may stand in a tensor's subscript: an `Int` (the axis disappears), a range of `Int`, a `stride(from:to:by:)`.
///
/// Negative positions count from the end, as in NumPy: -1 is the last element, `x[-3..<(-1)]` the two before it. Every
/// position is there: a range that reaches past the end is a diagnostic (`subscript.C2`), where NumPy would make it
/// shorter. Swift itself stops at a range whose bounds descend, as in `1..<(-1)`; write `x[1...][..<(-1)]`. Bounds that
/// are computed from a shape, which Swift has no ranges of, are given to `sliced(axis:from:to:)`.
public protocol TensorIndex {
  /// The elements of an axis of `size` elements that this names.
  func resolved(in size: Dimension) -> TensorSelection
}

/// Some elements of one axis.
public struct TensorSelection: Hashable, Sendable {
  /// The first element.
  public var start: Dimension
  /// The place before which the elements end.
  public var limit: Dimension
  /// The distance from one element to the next.
  public var stride: Int
  /// Whether the axis disappears from the shape.
  public var dropsAxis: Bool

  /// The elements `start`, `start + stride`, … below `limit`.
  public init(start: Dimension, limit: Dimension, stride: Int = 1, dropsAxis: Bool = false) {
    self.start = start
    self.limit = limit
    self.stride = stride
    self.dropsAxis = dropsAxis
  }
}

extension Int: TensorIndex {
  public func resolved(in size: Dimension) -> TensorSelection {
    let index = countedFromEnd(of: size)
    return TensorSelection(start: index, limit: index + 1, dropsAxis: true)
  }
}

extension Range<Int>: TensorIndex {
  public func resolved(in size: Dimension) -> TensorSelection {
    TensorSelection(start: lowerBound.countedFromEnd(of: size), limit: upperBound.countedFromEnd(of: size))
  }
}

extension ClosedRange<Int>: TensorIndex {
  public func resolved(in size: Dimension) -> TensorSelection {
    TensorSelection(start: lowerBound.countedFromEnd(of: size), limit: upperBound.countedFromEnd(of: size) + 1)
  }
}

extension PartialRangeFrom<Int>: TensorIndex {
  public func resolved(in size: Dimension) -> TensorSelection {
    TensorSelection(start: lowerBound.countedFromEnd(of: size), limit: size)
  }
}

extension PartialRangeUpTo<Int>: TensorIndex {
  public func resolved(in size: Dimension) -> TensorSelection {
    TensorSelection(start: 0, limit: upperBound.countedFromEnd(of: size))
  }
}

extension PartialRangeThrough<Int>: TensorIndex {
  public func resolved(in size: Dimension) -> TensorSelection {
    TensorSelection(start: 0, limit: upperBound.countedFromEnd(of: size) + 1)
  }
}

extension StrideTo<Int>: TensorIndex {
  public func resolved(in size: Dimension) -> TensorSelection {
    var iterator = makeIterator()
    guard let first = iterator.next() else { return TensorSelection(start: 0, limit: 0) }
    var last = first
    var step = 1
    var count = 1
    // More positions than the axis has elements are not all there; they may be as many as there are numbers.
    let most = size.size ?? 1 << 20
    while count <= most, let next = iterator.next() {
      (step, last, count) = (next &- last, next, count + 1)
    }
    guard count <= most else { return TensorSelection(start: Dimension(first), limit: Dimension(.max), stride: step) }
    let isFromEnd = first < 0 && last < 0
    func position(_ index: Int) -> Dimension { isFromEnd ? index.countedFromEnd(of: size) : Dimension(index) }
    return TensorSelection(start: position(first), limit: position(last) + 1, stride: step)
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

  /// The elements from `start` up to `limit` along `axis`; negative numbers count from the end.
  ///
  /// ```swift
  /// let half = x.sliced(axis: 0, from: 0, to: x.shape[0] / 2)
  /// ```
  /// Errors: `sliced.C1` an axis that is not there; `subscript.C2` bounds that are out of range or descend.
  public func sliced(
    axis: Int, from start: some DimensionConvertible, to limit: some DimensionConvertible
  ) -> Self {
    let (core, place) = (core, core.axis(axis))
    guard core.shape.indices.contains(place) else {
      return Self(core: core.failed("sliced.C1", axisMessage(axis, core.type)))
    }
    func position(_ bound: Dimension) -> Dimension { bound.size?.countedFromEnd(of: core.shape[place]) ?? bound }
    let selection = TensorSelection(start: position(start.asDimension), limit: position(limit.asDimension))
    guard selection.mayFit(core.shape[place]) else {
      return Self(core: core.failed("subscript.C2", selection.reason(nil, place, of: core.type)))
    }
    return Self(core: core.sliced(place, selection.start, selection.limit))
  }

  private func selecting(_ first: [any TensorIndex], _ last: [any TensorIndex]) -> Self {
    let core = core
    guard first.count + last.count <= rank else {
      return Self(
        core: core.failed(
          "subscript.C1", "\(first.count + last.count) indices for \(core.type), which has \(rank) axes"))
    }
    var selections: [TensorSelection] = []
    for (axis, size) in core.shape.enumerated() {
      let fromEnd = axis - (rank - last.count)
      let index = axis < first.count ? first[axis] : fromEnd >= 0 ? last[fromEnd] : nil
      let selection = index?.resolved(in: size) ?? TensorSelection(start: 0, limit: size)
      guard selection.mayFit(size) else {
        return Self(core: core.failed("subscript.C2", selection.reason(index, axis, of: core.type)))
      }
      selections.append(selection)
    }
    return Self(core: core.selecting(selections))
  }
}

extension TensorSelection {
  /// Whether it can select from an axis of `size` elements.
  fileprivate func mayFit(_ size: Dimension) -> Bool {
    stride > 0
      && [(start, 0), (limit, start), (size, limit)].allSatisfy { Dimension.isAtLeast($0, $1) != false }
  }

  /// Why it does not select from `axis`.
  fileprivate func reason(_ index: (any TensorIndex)?, _ axis: Int, of type: TensorType) -> String {
    let what = index.map { Self.text($0) } ?? "range \(start)..<\(limit)"
    let size = type.shape[axis]
    if stride <= 0 { return "\(what): a stride goes forward; `reversed` turns an axis round" }
    let isWithin = [start, limit].allSatisfy {
      Dimension.isAtLeast($0, 0) != false && Dimension.isAtLeast(size, $0) != false
    }
    if isWithin {
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
      start: selections.map(\.start), limit: selections.map(\.limit), stride: selections.map(\.stride))
    let whole = zip(selections, shape).allSatisfy { $0.start == 0 && $0.limit == $1 && $0.stride == 1 }
    let part = whole ? self : emit(.movement(slice), [self])
    if part.kind == .poisoned { return part }
    let kept = selections.indices.filter { !selections[$0].dropsAxis }
    return part.reshaped(Shape(kept.map { part.shape[$0] }))
  }
}

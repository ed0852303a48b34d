import KilnIR

/// What may stand in a tensor's subscript: an `Int` (the axis disappears), a range of `Int`, a `stride(from:to:by:)`.
///
/// Negative positions count from the end, as in NumPy.
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
    let index = self < 0 ? self + size : self
    return TensorSelection(start: index, limit: index + 1, dropsAxis: true)
  }
}

extension Range<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection { TensorSelection(start: lowerBound, limit: upperBound) }
}

extension ClosedRange<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection { TensorSelection(start: lowerBound, limit: upperBound + 1) }
}

extension PartialRangeFrom<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    TensorSelection(start: lowerBound < 0 ? lowerBound + size : lowerBound, limit: size)
  }
}

extension PartialRangeUpTo<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    TensorSelection(start: 0, limit: upperBound < 0 ? upperBound + size : upperBound)
  }
}

extension PartialRangeThrough<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    TensorSelection(start: 0, limit: (upperBound < 0 ? upperBound + size : upperBound) + 1)
  }
}

extension StrideTo<Int>: TensorIndex {
  public func resolved(in size: Int) -> TensorSelection {
    var iterator = makeIterator()
    guard let first = iterator.next() else { return TensorSelection(start: 0, limit: 0) }
    let second = iterator.next()
    let count = underestimatedCount > 0 ? underestimatedCount : Array(self).count
    let stride = second.map { $0 - first } ?? 1
    return TensorSelection(start: first, limit: first + (count - 1) * stride + 1, stride: stride)
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
  public subscript(_ indices: any TensorIndex...) -> Self { selecting(indices, []) }

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
        let what = selection.dropsAxis ? "index \(selection.start)" : "range \(selection.start)..<\(selection.limit)"
        let stride = selection.stride > 0 ? "" : " by \(selection.stride)"
        return Self(
          core: core.failed(
            "subscript.C2",
            "\(what)\(stride) is out of range for axis \(axis) of \(core.type), which has \(size) elements"))
      }
      selections.append(selection)
    }
    return Self(core: core.selecting(selections))
  }
}

extension TensorCore {
  fileprivate func selecting(_ selections: [TensorSelection]) -> TensorCore {
    let slice = MovementOp.slice(
      start: selections.map(\.start), limit: selections.map(\.limit), stride: selections.map(\.stride))
    let whole = zip(selections, shape.dimensions).allSatisfy { $0.start == 0 && $0.limit == $1 && $0.stride == 1 }
    let part = whole ? self : emit(.movement(slice), [self])
    if part.kind == .poisoned { return part }
    let kept = selections.indices.filter { !selections[$0].dropsAxis }
    return part.reshaped(Shape(kept.map { part.shape[$0] }))
  }
}

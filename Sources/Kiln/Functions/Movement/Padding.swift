import KilnIR

/// What the places around a tensor repeat.
public enum PaddingMode: Hashable, Sendable {
  /// The elements mirrored at the outermost one, which is not repeated: b a | a b c would be `edge`, c b | a b c is
  /// `reflect`.
  case reflect
  /// The outermost element.
  case edge
  /// The elements of the other end.
  case wrap
}

extension Tensor {
  /// Puts copies of the tensor's own elements around it: `widths[axis]` places before and after, axis after axis.
  ///
  /// Errors: `padded.C1` a width is negative or beyond any memory, or there is not one for each axis; `padded.C2` an
  /// axis has too few elements: `reflect` needs more than the width, `wrap` as many, `edge` one.
  public func padded(_ widths: [(before: Int, after: Int)], mode: PaddingMode) -> Tensor {
    let possible = 0...1 << 40
    guard widths.count == rank, widths.allSatisfy({ possible.contains($0.before) && possible.contains($0.after) })
    else {
      return Tensor(
        core: core.failed(
          "padded.C1", "padded takes two widths from 0 to 2^40 for each of the \(rank) axes, found \(widths)"))
    }
    var result = core
    for (axis, width) in widths.enumerated() where width != (0, 0) && result.kind != .poisoned {
      result = result.padded(axis, width, mode)
    }
    return Tensor(core: result)
  }
}

extension TensorCore {
  fileprivate func padded(_ axis: Int, _ width: (before: Int, after: Int), _ mode: PaddingMode) -> TensorCore {
    let size = shape.dimensions[axis]
    let needed = Swift.max(width.before, width.after)
    guard mode == .reflect ? size > needed : size >= (mode == .wrap ? needed : 1) else {
      return failed(
        "padded.C2",
        "axis \(axis) of \(type) has too few elements for padding of \(width.before) and \(width.after) by \(mode)")
    }
    func part(_ range: Range<Int>) -> TensorCore {
      var (start, limit) = (shape.indices.map { _ in 0 }, shape.dimensions)
      (start[axis], limit[axis]) = (range.lowerBound, range.upperBound)
      return emit(.movement(.slice(start: start.extents, limit: limit.extents, stride: start.map { _ in 1 })), [self])
    }
    func repeated(_ element: Int, _ count: Int) -> TensorCore {
      var wide = shape
      wide[axis] = Dimension(count)
      return part(element..<element + 1).broadcast(wide, axes: Array(shape.indices))
    }
    func mirrored(_ range: Range<Int>) -> TensorCore { emit(.movement(.reverse(axes: [axis])), [part(range)]) }
    let (before, after): (TensorCore, TensorCore)
    switch mode {
    case .edge: (before, after) = (repeated(0, width.before), repeated(size - 1, width.after))
    case .reflect:
      before = mirrored(1..<1 + width.before)
      after = mirrored(size - 1 - width.after..<size - 1)
    case .wrap: (before, after) = (part(size - width.before..<size), part(0..<width.after))
    }
    return emit(.movement(.concatenate(axis: axis)), [before, self, after])
  }
}

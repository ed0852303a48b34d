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
    let (size, before, after) = (shape[axis], Dimension(width.before), Dimension(width.after))
    let needed = Dimension.max(before, after)
    guard Dimension.isAtLeast(size, mode == .edge ? 1 : mode == .wrap ? needed : needed + 1) != false else {
      return failed(
        "padded.C2",
        "axis \(axis) of \(type) has too few elements for padding of \(width.before) and \(width.after) by \(mode)")
    }
    func repeated(_ element: Dimension, _ count: Dimension) -> TensorCore {
      var wide = shape
      wide[axis] = count
      return sliced(axis, element, element + 1).broadcast(wide, axes: Array(shape.indices))
    }
    func mirrored(_ start: Dimension, _ limit: Dimension) -> TensorCore {
      emit(.movement(.reverse(axes: [axis])), [sliced(axis, start, limit)])
    }
    let (front, back): (TensorCore, TensorCore)
    switch mode {
    case .edge: (front, back) = (repeated(0, before), repeated(size - 1, after))
    case .reflect: (front, back) = (mirrored(1, 1 + before), mirrored(size - 1 - after, size - 1))
    case .wrap: (front, back) = (sliced(axis, size - before, size), sliced(axis, 0, after))
    }
    return emit(.movement(.concatenate(axis: axis)), [front, self, back])
  }
}

import KilnIR

// Movement changes no element. Axes count from 0; negative ones from the end: -1 is the last.

extension TensorProtocol {
  /// The same elements in row-major order under another shape. One extent may be -1: it takes what is left.
  ///
  /// Another number of elements is a diagnostic (`reshape.C1`), as is a shape that no tensor has (`type.C1`).
  public func reshaped(to shape: some ShapeConvertible) -> Self {
    do throws(ConstraintFailure) {
      return Self(core: core.reshaped(try shape.asShape.inferringOne(from: core.type)))
    } catch {
      return Self(core: core.failed(error.label, error.message))
    }
  }

  /// All elements in one axis.
  public func flattened() -> Self { Self(core: core.reshaped([core.shape.size])) }

  /// Repeats the elements along new leading axes and along axes of extent 1, as NumPy does.
  public func broadcast(to shape: some ShapeConvertible) -> Self {
    let shape = shape.asShape
    let first = shape.rank - rank
    guard first >= 0 else {
      return Self(
        core: core.failed("broadcast.C1", "\(core.type) has more axes than \(shape), the shape to broadcast to"))
    }
    return Self(core: core.broadcast(shape, axes: Array(first..<shape.rank)))
  }

  /// The axes in the order of `permutation`; all of them reversed if it is empty.
  public func transposed(_ permutation: Int...) -> Self { transposed(permutation) }

  /// The axes in the order of `permutation`; all of them reversed if it is empty.
  public func transposed(_ permutation: [Int]) -> Self {
    let order = permutation.isEmpty ? Array((0..<rank).reversed()) : permutation.map { core.axis($0) }
    return Self(core: core.transposed(order))
  }

  /// Exchanges two axes.
  public func swappingAxes(_ a: Int, _ b: Int) -> Self {
    var order = Array(0..<rank)
    let (first, second) = (core.axis(a), core.axis(b))
    for axis in [first, second] where !order.indices.contains(axis) {
      return Self(core: core.failed("transpose.C1", axisMessage(axis, core.type)))
    }
    order.swapAt(first, second)
    return Self(core: core.transposed(order))
  }

  /// Adds an axis of extent 1 before axis `axis`.
  public func expandingShape(at axis: Int) -> Self {
    let axis = axis.countedFromEnd(of: rank + 1)
    var shape = Array(core.shape)
    guard (0...rank).contains(axis) else {
      return Self(
        core: core.failed(
          "expandingShape.C1",
          "a new axis of \(core.type) stands at 0...\(rank), or from the end at \(-rank - 1)...(-1), not at \(axis)"))
    }
    shape.insert(1, at: axis)
    return Self(core: core.broadcast(Shape(shape), axes: Array(0...rank).filter { $0 != axis }))
  }

  /// Removes the axes of extent 1: all, or those named.
  ///
  /// Without names the sizes decide how many axes are left: a program that serves many sizes names them.
  public func squeezed(_ axes: Int...) -> Self {
    let named = axes.map { core.axis($0) }
    for (axis, place) in zip(axes, named)
    where !core.shape.indices.contains(place) || Dimension.equality(core.shape[place], 1) == false {
      let found = core.shape.indices.contains(place) ? "has extent \(core.shape[place])" : "does not exist"
      return Self(
        core: core.failed("squeezed.C1", "only axes of extent 1 can be squeezed; axis \(axis) of \(core.type) \(found)")
      )
    }
    let kept = core.shape.indices.filter { named.isEmpty ? core.shape[$0].staticSize != 1 : !named.contains($0) }
    return Self(core: core.reshaped(Shape(kept.map { core.shape[$0] })))
  }

  /// The elements in the opposite order along `axes` (all axes if none is named).
  public func reversed(_ axes: Int...) -> Self {
    Self(core: emit(.movement(.reverse(axes: axes.isEmpty ? Array(0..<rank) : axes.map { core.axis($0) })), [core]))
  }

  /// Every element `counts[axis]` times over along each axis, as a whole block.
  public func tiled(_ counts: [Int]) -> Self {
    guard counts.count == rank, counts.allSatisfy({ $0 >= 0 }) else {
      return Self(
        core: core.failed(
          "tiled.C1", "tiled takes one count, not negative, for each of the \(rank) axes, found \(counts)"))
    }
    var wide: [Dimension] = []
    for (axis, count) in counts.enumerated() { wide += [Dimension(count), core.shape[axis]] }
    let blocks = core.broadcast(Shape(wide), axes: (0..<rank).map { 2 * $0 + 1 })
    return Self(core: blocks.reshaped(Shape((0..<rank).map { Dimension(counts[$0]) * core.shape[$0] })))
  }
}

/// The tensors one after the other along `axis`; they agree on every other axis.
public func concatenated<T: TensorProtocol>(_ tensors: [T], axis: Int = 0) -> T {
  guard let first = tensors.first else { return T(core: .nothing("concatenate.C0", "there is nothing to concatenate")) }
  return T(core: emit(.movement(.concatenate(axis: first.core.axis(axis))), tensors.map(\.core)))
}

/// The tensors, all of one shape, along a new axis before axis `axis`.
public func stacked<T: TensorProtocol>(_ tensors: [T], axis: Int = 0) -> T {
  guard let first = tensors.first else { return T(core: .nothing("stacked.C1", "there is nothing to stack")) }
  let axis = axis.countedFromEnd(of: first.rank + 1)
  return concatenated(tensors.map { $0.expandingShape(at: axis) }, axis: axis)
}

extension Tensor where Scalar: TensorNumber {
  /// Puts `value` around the tensor: `widths[axis]` elements before and after.
  public func padded(_ widths: [(before: Int, after: Int)], with value: Scalar = 0) -> Tensor {
    let op = MovementOp.pad(
      low: widths.map(\.before).extents, high: widths.map(\.after).extents,
      interior: Array(repeating: 0, count: widths.count))
    return Tensor(core: emit(.movement(op), [core, Tensor(value).core]))
  }
}

extension Tensor {
  /// Every element converted: to nearest for reals, toward zero and saturating from reals to integers.
  public func converted<Target: TensorElement>(to type: Target.Type) -> Tensor<Target> {
    Tensor<Target>(core: core.converted(to: Target.dtype))
  }

  /// The bits of every element read as another type of the same width.
  public func bitcast<Target: TensorElement>(to type: Target.Type) -> Tensor<Target> {
    Tensor<Target>(core: emit(.type(.bitcast(Target.dtype)), [core]))
  }
}

// MARK: - Untyped

extension TensorCore {
  /// Counts negative axes from the end. One that is not there stays what it was written as.
  func axis(_ axis: Int) -> Int { axis.countedFromEnd(of: shape.rank) }

  /// The named axes, or all.
  func axes(_ named: [Int]?) -> [Int] { named.map { $0.map { axis($0) } } ?? Array(0..<shape.rank) }

  func reshaped(_ shape: Shape) -> TensorCore {
    if shape == self.shape { return self }
    return emit(.movement(.reshape(shape)), [self])
  }

  func broadcast(_ shape: Shape, axes: [Int]) -> TensorCore {
    if shape == self.shape { return self }
    return emit(.movement(.broadcast(shape, axes: axes)), [self])
  }

  func transposed(_ permutation: [Int]) -> TensorCore {
    if permutation == Array(0..<shape.rank) { return self }
    return emit(.movement(.transpose(permutation: permutation)), [self])
  }

  func converted(to dtype: DType) -> TensorCore {
    if dtype == self.dtype { return self }
    return emit(.type(.convert(dtype)), [self])
  }

  /// A poisoned tensor of this type, for an operation on it and on `others`.
  func failed(_ label: String, _ message: String, with others: TensorCore...) -> TensorCore {
    for operand in [self] + others where operand.kind == .poisoned { return Failure.poison(after: operand, type) }
    return Failure.poison(ConstraintFailure(label, message), type, operands: [self] + others)
  }

  static func nothing(_ label: String, _ message: String) -> TensorCore {
    Failure.poison(ConstraintFailure(label, message), TensorType(.f32, .scalar))
  }
}

func axisMessage(_ axis: Int, _ type: TensorType) -> String {
  "axis \(axis) is out of range for \(type), which has \(type.rank) ax\(type.rank == 1 ? "is" : "es")"
}

extension Int {
  /// A position among `count`, counted from the end if it is negative. One that is not there stays as it is, so that
  /// messages say what was written.
  func countedFromEnd(of count: Int) -> Int { self < 0 && self >= -count ? self + count : self }

  /// A position on an axis of `size` elements.
  func countedFromEnd(of size: Dimension) -> Dimension {
    let fromEnd = size + Dimension(self)
    return self < 0 && Dimension.isAtLeast(fromEnd, 0) != false ? fromEnd : Dimension(self)
  }
}

extension Shape {
  /// Replaces one -1 by what the other extents leave of the elements of `type`.
  ///
  /// - Throws: `type.C1` for a shape that no tensor has, `reshape.C1` where no extent fits for -1.
  fileprivate func inferringOne(from type: TensorType) throws(ConstraintFailure) -> Shape {
    let free = indices.filter { self[$0] == -1 }
    try require(free.count <= 1, "reshape.C1", "one extent may be -1, for what the others leave; found \(self)")
    var result = self
    for axis in free { result[axis] = 1 }
    try TensorType(type.dtype, result).requireAddressable()
    guard let axis = free.first else { return self }
    let (count, known) = (type.shape.size, result.size)
    try require(
      known != 0 && count.isMultiple(of: known) != false, "reshape.C1",
      "reshape keeps the number of elements: \(type) has \(count), and \(self) would have "
        + (known == 0 ? "none, whatever stands for -1" : "a multiple of \(known)"))
    result[axis] = count / known
    return result
  }
}

import KilnIR

// Rearrangements that people know by name, made of movement ops.

extension TensorProtocol {
  /// The elements in the opposite order along `axes` (all axes if none is named).
  public func flipped(_ axes: Int...) -> Self {
    Self(core: emit(.movement(.reverse(axes: axes.isEmpty ? Array(0..<rank) : axes.map { core.axis($0) })), [core]))
  }

  /// The elements moved by `shift` places along `axis`; those that leave at one end come in at the other.
  public func rolled(by shift: Int, axis: Int = -1) -> Self {
    let axis = core.axis(axis)
    guard core.shape.indices.contains(axis) else {
      return Self(core: core.failed("rolled.C1", axisMessage(axis, core.type)))
    }
    let size = core.shape.dimensions[axis]
    guard size > 0, core.kind != .poisoned else { return self }
    let cut = size - ((shift % size) + size) % size
    if cut == size { return self }
    let parts = [core.sliced(axis, cut..<size), core.sliced(axis, 0..<cut)]
    return Self(core: emit(.movement(.concatenate(axis: axis)), parts))
  }

  /// Every element along `axis` `count` times, one copy beside the other.
  public func repeated(_ count: Int, axis: Int) -> Self {
    let axis = core.axis(axis)
    guard core.shape.indices.contains(axis) else {
      return Self(core: core.failed("repeated.C1", axisMessage(axis, core.type)))
    }
    guard count >= 0 else {
      return Self(core: core.failed("repeated.C2", "elements are repeated 0 or more times, not \(count) times"))
    }
    var wide = Array(core.shape)
    wide.insert(Dimension(count), at: axis + 1)
    let copies = core.broadcast(Shape(wide), axes: (0...rank).filter { $0 != axis + 1 })
    if copies.kind == .poisoned { return Self(core: copies) }
    var shape = core.shape
    shape[axis] = shape[axis] * Dimension(count)
    return Self(core: copies.reshaped(shape))
  }

  /// The tensor cut along `axis` into parts of these sizes, which add up to the extent.
  public func split(sizes: [Int], axis: Int = 0) -> [Self] {
    let axis = core.axis(axis)
    guard core.shape.indices.contains(axis) else {
      return [Self(core: core.failed("split.C1", axisMessage(axis, core.type)))]
    }
    let size = core.shape.dimensions[axis]
    guard sizes.allSatisfy({ (0...size).contains($0) }), sizes.reduce(0, +) == size else {
      let failure = core.failed("split.C2", "axis \(axis) of \(core.type) cannot be cut into parts of \(sizes)")
      return Array(repeating: Self(core: failure), count: max(sizes.count, 1))
    }
    var start = 0
    return sizes.map { size in
      defer { start += size }
      return Self(core: core.sliced(axis, start..<start + size))
    }
  }

  /// The tensor cut along `axis` into `count` equal parts.
  public func split(count: Int, axis: Int = 0) -> [Self] {
    let place = core.axis(axis)
    guard core.shape.indices.contains(place) else {
      return [Self(core: core.failed("split.C1", axisMessage(axis, core.type)))]
    }
    let size = core.shape.dimensions[place]
    // An axis without elements has parts without elements, but not without end.
    guard count > 0, size % count == 0, count <= max(size, 1 << 16) else {
      return [
        Self(core: core.failed("split.C3", "axis \(axis) of \(core.type) cannot be cut into \(count) equal parts"))
      ]
    }
    return split(sizes: Array(repeating: size / count, count: count), axis: axis)
  }

  /// The diagonal `offset` places to the right of the main one (to the left, if negative) of the matrices in the last
  /// two axes, as the last axis.
  public func diagonal(offset: Int = 0) -> Self {
    let core = core
    guard rank >= 2 else {
      return Self(core: core.failed("diagonal.C1", "a diagonal needs two axes, found \(core.type)"))
    }
    let leading = Array(core.shape.dropLast(2))
    let (rows, columns) = (core.shape.dimensions[rank - 2], core.shape.dimensions[rank - 1])
    let count = max(0, offset >= 0 ? min(rows, columns - offset) : min(rows + offset, columns))
    let rank = leading.count + 1
    let flat = core.reshaped(Shape(leading + [Dimension(rows * columns)]))
    if flat.kind == .poisoned { return Self(core: flat) }
    let first = count == 0 ? 0 : offset >= 0 ? offset : -offset * columns
    var (start, limit, stride) = (
      Array(repeating: 0, count: rank), flat.shape.dimensions, Array(repeating: 1, count: rank)
    )
    (start[rank - 1], stride[rank - 1]) = (first, columns + 1)
    limit[rank - 1] = count == 0 ? 0 : first + (count - 1) * (columns + 1) + 1
    return Self(core: emit(.movement(.slice(start: start.extents, limit: limit.extents, stride: stride)), [flat]))
  }
}

extension Tensor where Scalar: TensorNumber {
  /// The matrices in the last two axes with zeros above the diagonal `offset` places to the right of the main one.
  public func tril(offset: Int = 0) -> Tensor { keepingTriangle("tril", offset, isLower: true) }

  /// The matrices in the last two axes with zeros below the diagonal `offset` places to the right of the main one.
  public func triu(offset: Int = 0) -> Tensor { keepingTriangle("triu", offset, isLower: false) }

  /// The sum of the diagonal of the matrices in the last two axes.
  public func matrixTrace() -> Tensor {
    let diagonal = diagonal()
    return Tensor(core: diagonal.core.kind == .poisoned ? diagonal.core : diagonal.core.reduced(.sum, [-1], false))
  }

  /// Matrices with the last axis as their main diagonal and zeros elsewhere.
  public func diagonalMatrix() -> Tensor {
    let core = core
    guard rank >= 1 else {
      return Tensor(core: core.failed("diagonalMatrix.C1", "a diagonal has an axis, found \(core.type)"))
    }
    let size = core.shape.dimensions[rank - 1]
    var interior = Array(repeating: 0, count: rank)
    interior[rank - 1] = size
    let none = Array(repeating: 0, count: rank)
    let spread = emit(.movement(.pad(low: none.extents, high: none.extents, interior: interior)), [core, Tensor(0).core])
    return Tensor(
      core: spread.kind == .poisoned ? spread : spread.reshaped(Shape(Array(core.shape) + [Dimension(size)])))
  }

  private func keepingTriangle(_ name: String, _ offset: Int, isLower: Bool) -> Tensor {
    let core = core
    guard rank >= 2 else {
      return Tensor(core: core.failed("\(name).C1", "\(name) needs two axes, found \(core.type)"))
    }
    if core.kind == .poisoned { return self }
    let places = TensorType(.i64, core.shape)
    let rows = emit(.source(.iota(places, axis: rank - 2)), [])
    let columns = emit(.source(.iota(places, axis: rank - 1)), [])
    // Clamped offsets name the same triangles and cannot overflow.
    let limit = core.shape.dimensions[rank - 2] + core.shape.dimensions[rank - 1]
    let shift = TensorCore.constant(Literal(splat: KilnIR.Scalar(Int64(Swift.min(Swift.max(offset, -limit), limit)))))
    let edge = emit(.map(.add), [rows, shift])
    let isKept = emit(.map(isLower ? .lessEqual : .greaterEqual), [columns, edge])
    return Tensor(core: emit(.map(.select), [isKept, core, Tensor(0).core]))
  }
}

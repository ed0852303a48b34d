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
    let size = core.shape[axis]
    // An axis without elements is rolled by nothing.
    let places = size.size.map { $0 == 0 ? 0 : shift % $0 } ?? shift
    let cut = size - Dimension(places) % .max(size, 1)
    if cut == size || core.kind == .poisoned { return self }
    let parts = [core.sliced(axis, cut, size), core.sliced(axis, 0, cut)]
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
    let total = sizes.reduce(0) { $0 + Dimension($1) }
    guard sizes.allSatisfy({ $0 >= 0 }), Dimension.equality(total, core.shape[axis]) != false else {
      let failure = core.failed("split.C2", "axis \(axis) of \(core.type) cannot be cut into parts of \(sizes)")
      return Array(repeating: Self(core: failure), count: max(sizes.count, 1))
    }
    return core.split(axis, sizes.extents).map { Self(core: $0) }
  }

  /// The tensor cut along `axis` into `count` equal parts.
  public func split(count: Int, axis: Int = 0) -> [Self] {
    let place = core.axis(axis)
    guard core.shape.indices.contains(place) else {
      return [Self(core: core.failed("split.C1", axisMessage(axis, core.type)))]
    }
    let size = core.shape[place]
    // An axis without elements has parts without elements, but not without end.
    guard count > 0, size.isMultiple(of: Dimension(count)) != false,
      Dimension.isAtLeast(.max(size, 65_536), Dimension(count)) != false
    else {
      return [
        Self(core: core.failed("split.C3", "axis \(axis) of \(core.type) cannot be cut into \(count) equal parts"))
      ]
    }
    return core.split(place, Array(repeating: size / Dimension(count), count: count)).map { Self(core: $0) }
  }

  /// The diagonal `offset` places to the right of the main one (to the left, if negative) of the matrices in the last
  /// two axes, as the last axis.
  public func diagonal(offset: Int = 0) -> Self {
    let core = core
    guard rank >= 2 else {
      return Self(core: core.failed("diagonal.C1", "a diagonal needs two axes, found \(core.type)"))
    }
    return Self(core: core.diagonal(offset: Dimension(offset)))
  }
}

extension TensorCore {
  /// The parts of these sizes along `axis`, whose extent is their sum.
  fileprivate func split(_ axis: Int, _ sizes: [Dimension]) -> [TensorCore] {
    var whole = shape
    whole[axis] = sizes.reduce(0, +)
    // Where a call decides whether the sum is right, the broadcast asks.
    let parts = broadcast(whole, axes: Array(shape.indices))
    var start: Dimension = 0
    return sizes.map { size in
      defer { start = start + size }
      return parts.sliced(axis, start, start + size)
    }
  }

  /// The diagonal of the matrices in the last two axes, as the last axis.
  func diagonal(offset: Dimension = 0) -> TensorCore {
    let (leading, last) = (Array(shape.dropLast(2)), shape.rank - 2)
    let (rows, columns) = (shape[last], shape[last + 1])
    let isRight = Dimension.isAtLeast(offset, 0) == true
    let count = Dimension.max(0, isRight ? .min(rows, columns - offset) : .min(rows + offset, columns))
    let flat = reshaped(Shape(leading + [rows * columns]))
    if flat.kind == .poisoned { return flat }
    let first = count == 0 ? 0 : isRight ? offset : (0 - offset) * columns
    guard let stride = (columns + 1).size, let number = count.size, let first = first.size else {
      // A stride is a number. Rows that are one longer have the diagonal in one column.
      let start = Dimension.min(first, rows * columns)
      let none = Array(repeating: Dimension(0), count: last)
      let op = MovementOp.pad(low: none + [0], high: none + [columns], interior: Array(repeating: 0, count: last + 1))
      let long = emit(.movement(op), [flat, .constant(Literal(splat: .zero(dtype)))])
      if long.kind == .poisoned { return long }
      let table = long.sliced(last, start, start + count * (columns + 1))
        .reshaped(Shape(leading + [count, columns + 1]))
      return table.sliced(last + 1, 0, 1).reshaped(Shape(leading + [count]))
    }
    let limit = number == 0 ? 0 : first + (number - 1) * stride + 1
    let none = Array(repeating: Dimension(0), count: last)
    let slice = MovementOp.slice(
      start: none + [Dimension(first)], limit: leading + [Dimension(limit)],
      stride: Array(repeating: 1, count: last) + [stride])
    return emit(.movement(slice), [flat])
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
    let (size, last) = (core.shape[rank - 1], rank - 1)
    let none = Array(repeating: Dimension(0), count: rank)
    func padded(_ core: TensorCore, high: [Dimension], interior: [Int]) -> TensorCore {
      emit(.movement(.pad(low: high.map { _ in 0 }, high: high, interior: interior)), [core, Tensor(0).core])
    }
    let square = Shape(Array(core.shape) + [size])
    if let number = size.size {
      let spread = padded(core, high: none, interior: Array(repeating: 0, count: last) + [number])
      return Tensor(core: spread.kind == .poisoned ? spread : spread.reshaped(square))
    }
    // Holes are a number. A column of elements with the zeros after each, but for those after the last.
    let column = core.reshaped(Shape(Array(core.shape) + [1]))
    let rows = padded(column, high: none + [size], interior: Array(repeating: 0, count: rank + 1))
    if rows.kind == .poisoned { return Tensor(core: rows) }
    let flat = rows.reshaped(Shape(core.shape.dropLast() + [size * (size + 1)]))
    return Tensor(core: flat.sliced(last, 0, size * size).reshaped(square))
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
    // Clamped offsets name the same triangles, as no axis is longer, and cannot overflow.
    let limit = TensorType.byteLimit
    let shift = TensorCore.constant(Literal(splat: KilnIR.Scalar(Int64(Swift.min(Swift.max(offset, -limit), limit)))))
    let edge = emit(.map(.add), [rows, shift])
    let isKept = emit(.map(isLower ? .lessEqual : .greaterEqual), [columns, edge])
    return Tensor(core: emit(.map(.select), [isKept, core, Tensor(0).core]))
  }
}

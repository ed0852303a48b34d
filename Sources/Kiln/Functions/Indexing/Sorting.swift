import KilnIR

extension Tensor {
  /// The indices along `axis` by which the elements are in order. Equal elements keep their order, -0 equals +0, and
  /// NaN is last in both directions.
  public func argSort(axis: Int = -1, descending: Bool = false) -> Tensor<Int32> {
    Tensor<Int32>(core: emit(.indexing(.argSort(axis: core.axis(axis), isDescending: descending)), [core]))
  }

  /// The indices along `axis` by which the elements are in order, and equal ones in the order of the first of `keys`,
  /// of the same shape, that tells them apart.
  /// ```swift
  /// let order = years.argSort(thenBy: months, days)
  /// let names = names.takeAlong(order)
  /// ```
  public func argSort<First: TensorElement, each Key: TensorElement>(
    axis: Int = -1, descending: Bool = false, thenBy first: Tensor<First>, _ keys: repeat Tensor<each Key>
  ) -> Tensor<Int32> {
    var columns = [core, first.core]
    repeat columns.append((each keys).core)
    let type = TensorType(.i32, shape)
    if let poisoned = columns.first(where: { $0.kind == .poisoned }) {
      return Tensor<Int32>(core: Failure.poison(after: poisoned, type))
    }
    if let other = columns.first(where: { !$0.shape.mayEqual(shape) }) {
      let failure = ConstraintFailure("argSort.C3", "argSort takes keys of one shape, \(shape), found \(other.type)")
      return Tensor<Int32>(core: Failure.poison(failure, type))
    }
    columns = columns.map { $0.broadcast(shape, axes: Array(shape.indices)) }
    // Sorting is stable: by the last key first.
    func indices(_ key: AnyTensor) -> Tensor<Int32> {
      Tensor<Int32>(core: emit(.indexing(.argSort(axis: core.axis(axis), isDescending: descending)), [key.core]))
    }
    var order = indices(AnyTensor(columns.removeLast()))
    for column in columns.reversed() {
      let next = indices(AnyTensor(column).takeAlong(order, axis: axis, bounds: .clamp))
      order = order.takeAlong(next, axis: axis, bounds: .clamp)
    }
    return order
  }

  /// The elements along `axis` in order; see `argSort`.
  public func sorted(axis: Int = -1, descending: Bool = false) -> Tensor {
    takeAlong(argSort(axis: axis, descending: descending), axis: axis, bounds: .clamp)
  }

  /// The elements along `axis` in order, and each of `values`, of the same shape, in the order of these.
  /// ```swift
  /// let (byAge, names) = ages.sorted(carrying: names)
  /// ```
  public func sorted<each Value: TensorElement>(
    axis: Int = -1, descending: Bool = false, carrying values: repeat Tensor<each Value>
  ) -> (Tensor, repeat Tensor<each Value>) {
    let order = argSort(axis: axis, descending: descending)
    func inOrder<Element: TensorElement>(_ value: Tensor<Element>) -> Tensor<Element> {
      guard value.shape.mayEqual(shape) || value.core.kind == .poisoned || core.kind == .poisoned else {
        return Tensor<Element>(
          core: value.core.failed(
            "sorted.C1", "sorted takes values of the shape of the keys, \(shape), found \(value.type)"))
      }
      let core = value.core.kind == .poisoned ? value.core : value.core.broadcast(shape, axes: Array(shape.indices))
      return Tensor<Element>(core: core).takeAlong(order, axis: axis, bounds: .clamp)
    }
    return (inOrder(self), repeat inOrder(each values))
  }

  /// The `count` greatest elements along `axis`, the greatest first, and their indices. Among equal ones the first come
  /// first; NaN counts as less than everything.
  public func topK(_ count: Int, axis: Int = -1) -> (values: Tensor, indices: Tensor<Int32>) {
    let core = core
    let place = core.axis(axis)
    guard core.shape.indices.contains(place), count >= 0,
      Dimension.isAtLeast(core.shape[place], Dimension(count)) != false
    else {
      let size = core.shape.indices.contains(place) ? "\(core.shape[place]) elements" : "no axis \(axis)"
      let failure = core.failed("topK.C1", "there are no \(count) greatest elements of \(core.type), which has \(size)")
      return (Tensor(core: failure), Tensor<Int32>(core: Failure.poison(after: failure, TensorType(.i32, core.shape))))
    }
    let indices = Tensor<Int32>(
      core: emit(.indexing(.argSort(axis: place, isDescending: true, first: count)), [core]))
    return (takeAlong(indices, axis: place, bounds: .clamp), indices)
  }
}

extension Tensor where Scalar: TensorNumber {
  /// The sum of each element and all before it along `axis`, or all after it in reverse.
  public func cumulativeSum(axis: Int = -1, reverse: Bool = false) -> Tensor { scanned(.sum, axis, reverse) }

  /// The product of each element and all before it along `axis`, or all after it in reverse.
  public func cumulativeProduct(axis: Int = -1, reverse: Bool = false) -> Tensor { scanned(.product, axis, reverse) }

  /// The greatest of each element and all before it along `axis`, or all after it in reverse; NaN from the first NaN
  /// on.
  public func cumulativeMax(axis: Int = -1, reverse: Bool = false) -> Tensor { scanned(.max, axis, reverse) }

  /// The least of each element and all before it along `axis`, or all after it in reverse; NaN from the first NaN on.
  public func cumulativeMin(axis: Int = -1, reverse: Bool = false) -> Tensor { scanned(.min, axis, reverse) }

  private func scanned(_ kind: ReductionKind, _ axis: Int, _ reverse: Bool) -> Tensor {
    Tensor(core: emit(.reduction(.scanReduce(kind, axis: core.axis(axis), isReversed: reverse)), [core]))
  }
}

extension TensorCore {
  /// The elements from `start` up to `limit` along `axis`, which it has.
  func sliced(_ axis: Int, _ start: Dimension, _ limit: Dimension) -> TensorCore {
    if kind == .poisoned || start == 0 && limit == shape[axis] { return self }
    var (starts, limits) = (shape.map { _ in Dimension(0) }, Array(shape))
    (starts[axis], limits[axis]) = (start, limit)
    return emit(.movement(.slice(start: starts, limit: limits, stride: shape.map { _ in 1 })), [self])
  }
}

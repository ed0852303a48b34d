import KilnIR

/// How an image's elements become those of a larger or smaller one.
public enum Interpolation: Hashable, Sendable {
  /// The element whose middle is nearest; of two the later.
  case nearest
  /// Along each axis the mean of the two nearest elements, weighted by their distances; beyond the outermost one, that
  /// one.
  case bilinear
}

extension Tensor where Scalar: TensorReal {
  /// The tensor [batch, spatial…, channels] with spatial axes of other sizes.
  ///
  /// An element is a cell of the axis, so element i of m looks at place (i + 1/2)·n/m - 1/2 among n. Nothing is
  /// smoothed when an axis becomes shorter. The places are data of the program, so it has one size of each axis that
  /// changes.
  ///
  /// Errors: `resized.C1` no spatial axis, one without elements, or sizes that are not positive, above 2^24 or not one
  /// for each.
  public func resized(to sizes: PerAxis, by method: Interpolation = .bilinear) -> Tensor {
    if core.kind == .poisoned { return self }
    guard rank >= 3, let sizes = sizes.expanded(rank - 2), sizes.allSatisfy({ (1...1 << 24).contains($0) }),
      !shape.dropFirst().dropLast().contains(0)
    else {
      return Tensor(
        core: core.failed(
          "resized.C1",
          "resized takes [batch, spatial axes, channels] with elements, and a size of 1 to 2^24 for each spatial axis, found "
            + "\(type) and \(sizes)"))
    }
    var result = self
    for (number, size) in sizes.enumerated()
    where Dimension(size) != shape[number + 1] && result.core.kind != .poisoned {
      result = method == .nearest ? result.nearest(number + 1, size) : result.linear(number + 1, size)
    }
    return result
  }

  private func nearest(_ axis: Int, _ count: Int) -> Tensor {
    let size = core.shape[axis].staticSize
    if count.isMultiple(of: size) {
      // Whole copies: the gradient is then a sum and no scatter.
      var wide = Array(core.shape)
      wide.insert(Dimension(count / size), at: axis + 1)
      let copies = core.broadcast(Shape(wide), axes: Array(0..<wide.count).filter { $0 != axis + 1 })
      var shape = core.shape
      shape[axis] = Dimension(count)
      return Tensor(core: copies.kind == .poisoned ? copies : copies.reshaped(shape))
    }
    return gathered(Tensor<Int32>((0..<count).map { Int32((2 * $0 + 1) * size / (2 * count)) }), axis: axis)
  }

  private func linear(_ axis: Int, _ count: Int) -> Tensor {
    let size = core.shape[axis].staticSize
    var (lower, upper, weights) = ([Int32](), [Int32](), [Scalar]())
    for index in 0..<count {
      // The place is (numerator / (2 · count)), rounded once when it becomes a weight.
      let numerator = Swift.min(Swift.max((2 * index + 1) * size - count, 0), 2 * count * (size - 1))
      let first = numerator / (2 * count)
      lower.append(Int32(first))
      upper.append(Int32(Swift.min(first + 1, size - 1)))
      weights.append(Scalar(numerator % (2 * count)) / Scalar(2 * count))
    }
    let column = [count] + [Int](repeating: 1, count: rank - 1 - axis)
    let weight = Tensor(weights).reshaped(to: column)
    let (a, b) = (gathered(Tensor<Int32>(lower), axis: axis), gathered(Tensor<Int32>(upper), axis: axis))
    // A neighbour of weight 0 may be infinite and has no part.
    return select(weight .== Tensor(0), a, a * (Tensor(1) - weight) + b * weight)
  }
}

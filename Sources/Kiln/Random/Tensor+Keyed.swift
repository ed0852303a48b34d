import KilnIR

// Random numbers from keys. Each is an exact algorithm in ordinary ops, so its bits are part of its meaning. Let (y0,
// y1) be the two words of an element (`RandomKey`), w = y0 xor y1 and W = y0 · 2^32 + y1.

extension Tensor where Scalar: TensorReal {
  /// Numbers spread evenly over `range`: low + u · (high - low), at most the number before high. In f32 u is the upper
  /// 24 bits of w over 2^24, in f64 the upper 53 bits of W over 2^53.
  public static func randomUniform(
    _ shape: some ShapeConvertible, in range: Range<Scalar> = 0..<1, key: RandomKey
  ) -> Tensor {
    drawn(shape, key) { count throws(ConstraintFailure) in
      guard range.lowerBound.isFinite, range.upperBound.isFinite, !range.isEmpty else {
        throw ConstraintFailure("random.C2", "randomUniform takes a finite range that is not empty, found \(range)")
      }
      let unit = key.fractions(count, of: Scalar.self, centered: false)
      if range == 0..<1 { return unit }
      let value = Tensor(range.lowerBound) + unit * Tensor(range.upperBound - range.lowerBound)
      return minimum(value, Tensor(range.upperBound.nextDown))
    }
  }

  /// Normally distributed numbers: mean + standardDeviation · √2 erfInverse(v), v even on odd multiples of 2^-23 (2^-52
  /// in f64) between -1 and 1.
  public static func randomNormal(
    _ shape: some ShapeConvertible, mean: Scalar = 0, standardDeviation: Scalar = 1, key: RandomKey
  ) -> Tensor {
    drawn(shape, key) { count in
      let v = key.fractions(count, of: Scalar.self, centered: true) * Tensor(2) - Tensor(1)
      let normal = Tensor(Scalar(2).squareRoot()) * erfInverse(v)
      if mean == 0 && standardDeviation == 1 { return normal }
      return Tensor(mean) + Tensor(standardDeviation) * normal
    }
  }

  /// Numbers of the standard normal distribution between two bounds: √2 erfInverse(a + u (b - a)) held between them,
  /// with a and b the erf of the bounds over √2, and u as of `randomUniform` but centered in its steps. Where erf is
  /// nearly 1 it has few numbers, and so have the draws: bounds on one side of 0 should begin below 4 in `Float` and
  /// below 7 in `Double`.
  public static func randomTruncatedNormal(
    _ shape: some ShapeConvertible, in bounds: ClosedRange<Scalar> = -2...2, key: RandomKey
  ) -> Tensor {
    drawn(shape, key) { count in
      let root = Scalar(2).squareRoot()
      let (low, high) = (Tensor(bounds.lowerBound), Tensor(bounds.upperBound))
      let (a, b) = (erf(low / Tensor(root)), erf(high / Tensor(root)))
      let u = key.fractions(count, of: Scalar.self, centered: true)
      return clamp(Tensor(root) * erfInverse(a + u * (b - a)), low, high)
    }
  }
}

extension Tensor<Bool> {
  /// True with `probability`: where u < probability, u as of `Tensor<Float>.randomUniform`.
  public static func randomBernoulli(
    _ shape: some ShapeConvertible, probability: Float = 0.5, key: RandomKey
  ) -> Tensor {
    drawn(shape, key) { count throws(ConstraintFailure) in
      guard (0...1).contains(probability) else {
        throw ConstraintFailure("random.C3", "a probability is between 0 and 1, found \(probability)")
      }
      return key.fractions(count, of: Float.self, centered: false) .< Tensor<Float>(probability)
    }
  }
}

extension Tensor where Scalar: TensorInteger {
  /// Integers spread evenly over `range`: low + floor(W · (high - low) / 2^64), so that the probability of each is
  /// right to 2^-64.
  public static func randomIntegers(_ shape: some ShapeConvertible, in range: Range<Scalar>, key: RandomKey) -> Tensor {
    drawn(shape, key) { count throws(ConstraintFailure) in
      guard !range.isEmpty else {
        throw ConstraintFailure("random.C2", "randomIntegers takes a range that is not empty, found \(range)")
      }
      let low = UInt64(truncatingIfNeeded: range.lowerBound)
      let span = UInt64(truncatingIfNeeded: range.upperBound) &- low
      let (y0, y1) = key.draw(count)
      let (high, rest) = (y0.converted(to: UInt64.self), y1.converted(to: UInt64.self))
      // The upper word of the product of two words of 64 bits, by halves.
      let (upper, lower) = (Tensor<UInt64>(span >> 32), Tensor<UInt64>(span & 0xFFFF_FFFF))
      let (half, mask) = (Tensor<UInt64>(32), Tensor<UInt64>(0xFFFF_FFFF))
      let first = high * lower + ((rest * lower) >> half)
      let second = rest * upper + (first & mask)
      let offset = high * upper + (first >> half) + (second >> half)
      return (offset + Tensor<UInt64>(low)).converted(to: Scalar.self)
    }
  }
}

extension Tensor<Int32> {
  /// The numbers 0, 1, …, `count` - 1 in a random order: the order of draws of 64 bits, equal ones by number.
  public static func randomPermutation(_ count: some DimensionConvertible, key: RandomKey) -> Tensor {
    Tensor<UInt64>.drawn([count], key) { count in
      let (high, low) = key.draw(count)
      return (high.converted(to: UInt64.self) << Tensor<UInt64>(32)) | low.converted(to: UInt64.self)
    }.argSort()
  }
}

extension Tensor {
  /// The parts along `axis` in the order of `randomPermutation`.
  public func shuffled(axis: Int = 0, key: RandomKey) -> Tensor {
    let place = core.axis(axis)
    guard core.shape.indices.contains(place) else {
      return Tensor(core: core.failed("shuffled.C1", "\(core.type) has no axis \(axis)"))
    }
    return gathered(
      Tensor<Int32>.randomPermutation(core.shape[place], key: key), axis: place, bounds: .clamp)
  }
}

/// One index for each distribution along `axis`, whose logarithms (up to a constant) `logits` has: the index of the
/// greatest of logits - log(-log u), u centered in its steps of 2^-23 (Gumbel's trick). The axis leaves the shape.
public func randomCategorical<Scalar: TensorReal>(
  _ logits: Tensor<Scalar>, axis: Int = -1, key: RandomKey
) -> Tensor<Int32> {
  let noise = Tensor<Scalar>.drawn(logits.shape, key) { count in
    -log(-log(key.fractions(count, of: Scalar.self, centered: true)))
  }
  return (logits + noise).argMax(axis: axis)
}

extension Tensor {
  /// Draws in one axis, as `body` says for the number of elements, and gives the result its shape.
  static func drawn(
    _ shape: some ShapeConvertible, _ key: RandomKey, _ body: (Dimension) throws(ConstraintFailure) -> Tensor
  ) -> Tensor {
    if key.words.core.kind == .poisoned {
      return Tensor(core: Failure.poison(after: key.words.core, TensorType(Scalar.dtype, .scalar)))
    }
    return Tensor(
      core: .checking(shape, Scalar.dtype) { shape throws(ConstraintFailure) in
        try body(shape.size).core.reshaped(shape)
      })
  }
}

extension RandomKey {
  /// Numbers k / 2^p, k being the p upper bits of a draw: p = 24, or 53 in f64. Centered ones are (2 k + 1) / 2^p with
  /// one bit less: never 0 or 1, and symmetric about 1/2.
  func fractions<Scalar: TensorReal>(_ count: Dimension, of _: Scalar.Type, centered: Bool) -> Tensor<Scalar> {
    let (y0, y1) = draw(count)
    let one: Tensor<Scalar>
    if Scalar.dtype == .f64 {
      let word = (y0.converted(to: UInt64.self) << Tensor(32)) | y1.converted(to: UInt64.self)
      let bits = centered ? (word >> Tensor(12)) * Tensor(2) + Tensor(1) : word >> Tensor(11)
      one = bits.converted(to: Scalar.self) * Tensor(Scalar(0x1p-53))
    } else {
      let word = y0 ^ y1
      let bits = centered ? (word >> Tensor(9)) * Tensor(2) + Tensor(1) : word >> Tensor(8)
      one = bits.converted(to: Scalar.self) * Tensor(Scalar(0x1p-24))
    }
    return one
  }
}

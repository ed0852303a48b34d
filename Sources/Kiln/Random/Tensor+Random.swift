import KilnIR

extension Tensor where Scalar: TensorReal, Scalar.RawSignificand: FixedWidthInteger {
  /// Numbers spread evenly over `range`, drawn from `generator` in row-major order.
  ///
  /// Inside a trace this is a diagnostic: the numbers would be the same in every call. Draw them outside and pass them.
  public static func randomUniform(
    _ shape: some ShapeConvertible, in range: Range<Scalar> = 0..<1, using generator: inout some RandomNumberGenerator
  ) -> Tensor {
    random(shape, range) { Scalar.random(in: range, using: &generator) }
  }

  /// Normally distributed numbers (Box and Muller, 1958), drawn from `generator` in row-major order.
  ///
  /// Inside a trace this is a diagnostic: the numbers would be the same in every call. Draw them outside and pass them.
  public static func randomNormal(
    _ shape: some ShapeConvertible, mean: Scalar = 0, standardDeviation: Scalar = 1,
    using generator: inout some RandomNumberGenerator
  ) -> Tensor {
    var spare: Scalar?
    return random(shape, 0..<1) {
      if let value = spare {
        spare = nil
        return mean + standardDeviation * value
      }
      let radius = (-2 * naturalLogarithm(1 - Double.random(in: 0..<1, using: &generator))).squareRoot()
      let angle = 2 * Double.pi * Double.random(in: 0..<1, using: &generator)
      let (sine, cosine) = sineAndCosine(angle)
      spare = Scalar(radius * sine)
      return mean + standardDeviation * Scalar(radius * cosine)
    }
  }

  private static func random(
    _ shape: some ShapeConvertible, _ range: Range<Scalar>, _ next: () -> Scalar
  ) -> Tensor {
    let core = TensorCore.checking(shape, Scalar.dtype) { shape throws(ConstraintFailure) in
      guard Trace.current == nil else {
        throw ConstraintFailure(
          "random.C1",
          "random numbers drawn in a trace would be the same in every call; draw them outside and pass them")
      }
      guard !range.isEmpty else { throw ConstraintFailure("random.C2", "the range \(range) holds no number") }
      return .from((0..<shape.elementCount).map { _ in next() }, TensorType(Scalar.dtype, shape))
    }
    return Tensor(core: core)
  }
}

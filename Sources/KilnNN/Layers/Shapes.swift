public import Kiln

/// Makes one axis of all but the first: [batch, n].
public struct Flatten<Scalar: TensorElement>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.rank >= 1 else { return misfit("Flatten", takes: "[batch, …]", x.untyped, shape: x.shape) }
    return noted("Flatten", x.flattened(from: 1))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// Gives the elements of each example another shape: [batch, shape…].
public struct Reshape<Scalar: TensorElement>: PureLayer {
  /// The extents behind that of the batch. One may be -1: it takes what the others leave.
  public let shape: [Int]

  /// A layer that gives this shape.
  public init(to shape: [Int], of type: Scalar.Type = Float.self) { self.shape = shape }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let known = shape.filter { $0 != -1 }.reduce(Dimension(1)) { $0 * $1 }
    let count = x.shape.dropFirst().reduce(1, *)
    let hasOpen = shape.contains(-1)
    let fits =
      hasOpen
      ? Dimension.isAtLeast(known, 1) != false && count.isMultiple(of: known) != false
      : Dimension.equality(count, known) != false
    guard x.rank >= 1, fits, shape.count(where: { $0 == -1 }) <= 1, shape.allSatisfy({ $0 >= -1 }) else {
      return misfit("Reshape", takes: "[batch, …] with the elements of \(shape)", x.untyped, shape: x.shape)
    }
    return noted("Reshape", x.reshaped(from: 1, to: shape.map { $0 == -1 ? count / known : Dimension($0) }))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.constant(shape, "shape") }
}

/// The value of a `constant`: one number for all elements, or at most `maximumElementCount` numbers. NaNs lose their
/// payload, for all NaNs are one value (Numerics.md S2) and have one text.
public struct Literal: Hashable, Sendable {
  public enum Elements: Hashable, Sendable {
    case splat(Scalar)
    /// One bit pattern per element in row-major order; never all equal (that is a splat).
    case dense([UInt64])
  }

  /// A dense literal is part of the program; larger data are inputs.
  public static let maximumElementCount = 1024

  public let type: TensorType
  public let elements: Elements

  public init(splat scalar: Scalar, shape: Shape = .scalar) {
    type = TensorType(scalar.dtype, shape)
    elements = .splat(scalar.withCanonicalNaN)
  }

  /// `bits` has one pattern per element in row-major order. Equal elements become a splat.
  public init(_ type: TensorType, bits: [UInt64]) throws(ConstraintFailure) {
    try require(
      Dimension(bits.count) == type.shape.size, "constant.C1",
      "a constant of type \(type) has \(type.shape.size) elements, found \(bits.count)")
    self.type = type
    let bits = bits.map { Scalar(type.dtype, bits: $0).withCanonicalNaN.bits }
    if let first = bits.first, bits.allSatisfy({ $0 == first }) {
      elements = .splat(Scalar(type.dtype, bits: first))
    } else if bits.isEmpty {
      elements = .splat(Scalar(type.dtype, bits: 0))
    } else {
      try require(
        bits.count <= Self.maximumElementCount, "constant.C2",
        "a constant has at most \(Self.maximumElementCount) different elements, found \(bits.count); pass it as an input"
      )
      elements = .dense(bits)
    }
  }

  /// The value of all elements if they are the same.
  public var splat: Scalar? {
    switch elements {
    case .splat(let scalar): scalar
    case .dense: nil
    }
  }

  /// The bit pattern of every element, row-major.
  public var allBits: [UInt64] {
    switch elements {
    case .splat(let scalar): Array(repeating: scalar.bits, count: type.shape.elementCount)
    case .dense(let bits): bits
    }
  }
}

public import KilnIR

/// What a shape may be written as: `[2, 3]`, `[x.shape[0], 3]`, or a `Shape`.
public protocol ShapeConvertible {
  /// The shape.
  var asShape: Shape { get }
}

/// An element of a shape: an `Int` or a `Dimension`.
public protocol DimensionConvertible {
  /// The extent.
  var asDimension: Dimension { get }
}

extension Int: DimensionConvertible { public var asDimension: Dimension { Dimension(self) } }
extension Dimension: DimensionConvertible { public var asDimension: Dimension { self } }
extension Shape: ShapeConvertible { public var asShape: Shape { self } }
extension Array: ShapeConvertible where Element: DimensionConvertible {
  public var asShape: Shape { Shape(map(\.asDimension)) }
}

extension ShapeConvertible {
  /// The shape, if a tensor of `elementSize`-byte elements may have it; else the reason why not.
  func checked(_ dtype: DType) throws(ConstraintFailure) -> Shape {
    let shape = asShape
    var bytes = dtype.byteCount
    for extent in shape {
      guard Dimension.isAtLeast(extent, 0) != false else {
        throw ConstraintFailure("shape.C1", "the shape \(shape) has a negative extent")
      }
      // What calls bring is checked when they do.
      guard let size = extent.size else { continue }
      let (product, overflow) = bytes.multipliedReportingOverflow(by: Swift.max(size, 1))
      guard !overflow, product <= 1 << 46 else {
        throw ConstraintFailure("shape.C2", "a tensor \(dtype)\(shape) is larger than any memory")
      }
      bytes = product
    }
    return shape
  }
}

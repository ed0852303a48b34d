/// The type of a value of the IR: element type and shape. Written `f32[32,10]`, a scalar `f32[]`.
public struct TensorType: Hashable, Sendable {
  public var dtype: DType
  public var shape: Shape

  public init(_ dtype: DType, _ shape: Shape) {
    self.dtype = dtype
    self.shape = shape
  }

  public init(_ dtype: DType, _ sizes: [Int]) { self.init(dtype, Shape(sizes)) }

  public var rank: Int { shape.rank }

  /// Bytes of a contiguous buffer of this type.
  public var byteCount: Int { shape.elementCount.saturatingProduct(dtype.byteCount) }
}

extension TensorType: CustomStringConvertible {
  public var description: String { "\(dtype)\(shape)" }
}

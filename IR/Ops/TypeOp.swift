/// Ops that change the element type.
public enum TypeOp: Hashable, Sendable {
  /// Converts every element (Numerics.md E6).
  case convert(DType)
  /// Reads the bits of every element as another type of the same width.
  case bitcast(DType)

  var spelling: String {
    switch self {
    case .convert: "convert"
    case .bitcast: "bitcast"
    }
  }

  static func make(
    _ spelling: String, _ reader: AttributeReader, _ resultTypes: [TensorType]
  ) throws(ConstraintFailure) -> TypeOp? {
    guard spelling == "convert" || spelling == "bitcast" else { return nil }
    try reader.allow()
    guard let type = resultTypes.first else { throw ConstraintFailure("\(spelling).C3", "\(spelling) has one result") }
    return spelling == "convert" ? .convert(type.dtype) : .bitcast(type.dtype)
  }

  func infer(_ operands: [TensorType]) throws(ConstraintFailure) -> TensorType {
    try requireOperands(1, operands, of: spelling)
    switch self {
    case .convert(let dtype): return TensorType(dtype, operands[0].shape)
    case .bitcast(let dtype):
      try require(
        dtype.bitWidth == operands[0].dtype.bitWidth, "bitcast.C1",
        "bitcast keeps the width: \(operands[0].dtype) has \(operands[0].dtype.bitWidth) bits, \(dtype) has \(dtype.bitWidth)"
      )
      return TensorType(dtype, operands[0].shape)
    }
  }
}

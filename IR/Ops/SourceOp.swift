/// Ops that make values out of nothing but their attributes and shapes.
public enum SourceOp: Hashable, Sendable {
  case constant(Literal)
  /// Element i along `axis` is i.
  case iota(TensorType, axis: Int)
  /// The size of an axis of the operand, as a scalar `i64`.
  case dimensionSize(axis: Int)

  var spelling: String {
    switch self {
    case .constant: "constant"
    case .iota: "iota"
    case .dimensionSize: "dimensionSize"
    }
  }

  var attributes: [NamedAttribute] {
    switch self {
    case .constant(let literal):
      switch literal.elements {
      case .splat(let scalar): [NamedAttribute("value", .number(scalar.description))]
      case .dense(let bits):
        [NamedAttribute("value", .list(bits.map { .number(Scalar(literal.type.dtype, bits: $0).description) }))]
      }
    case .iota(_, let axis), .dimensionSize(let axis): [NamedAttribute("axis", .integer(axis))]
    }
  }

  static func make(
    _ spelling: String, _ reader: AttributeReader, _ resultTypes: [TensorType]
  ) throws(ConstraintFailure) -> SourceOp? {
    switch spelling {
    case "constant":
      try reader.allow("value")
      guard let type = resultTypes.first else { throw ConstraintFailure("constant.C3", "a constant has one result") }
      switch try reader.required("value") {
      case .number(let text):
        guard let scalar = Scalar(type.dtype, text: text) else {
          throw reader.malformed("value", "of type \(type.dtype)")
        }
        return .constant(Literal(splat: scalar, shape: type.shape))
      case .list(let elements):
        var bits: [UInt64] = []
        for element in elements {
          guard case .number(let text) = element, let scalar = Scalar(type.dtype, text: text) else {
            throw reader.malformed("value", "a list of numbers of type \(type.dtype)")
          }
          bits.append(scalar.bits)
        }
        return .constant(try Literal(type, bits: bits))
      case .word, .size, .symbol: throw reader.malformed("value", "a number or a list of numbers")
      }
    case "iota":
      try reader.allow("axis")
      guard let type = resultTypes.first else { throw ConstraintFailure("iota.C3", "iota has one result") }
      return .iota(type, axis: try reader.integer("axis"))
    case "dimensionSize":
      try reader.allow("axis")
      return .dimensionSize(axis: try reader.integer("axis"))
    default: return nil
    }
  }

  func infer(_ operands: [TensorType]) throws(ConstraintFailure) -> TensorType {
    switch self {
    case .constant(let literal):
      try requireOperands(0, operands, of: spelling)
      return literal.type
    case .iota(let type, let axis):
      try requireOperands(0, operands, of: spelling)
      try requireAxis(axis, of: type, "iota.C1")
      try require(
        type.dtype.isInteger || type.dtype == .f32 || type.dtype == .f64, "iota.C2",
        "iota makes integers, f32 or f64, not \(type.dtype)")
      return type
    case .dimensionSize(let axis):
      try requireOperands(1, operands, of: spelling)
      try requireAxis(axis, of: operands[0], "dimensionSize.C1")
      return TensorType(.i64, .scalar)
    }
  }
}

/// Ops that move elements and change none.
public enum MovementOp: Hashable, Sendable {
  /// The same elements in row-major order under another shape.
  case reshape(Shape)
  /// Operand axis i becomes result axis `axes[i]`; the other axes repeat, as do operand axes of extent 1.
  case broadcast(Shape, axes: [Int])
  /// Result axis i is operand axis `permutation[i]`.
  case transpose(permutation: [Int])
  /// Elements `start`, `start + stride`, … below `limit`, per axis.
  case slice(start: [Int], limit: [Int], stride: [Int])
  /// Puts the second operand, a scalar, before, after and between the elements, per axis.
  case pad(low: [Int], high: [Int], interior: [Int])
  case reverse(axes: [Int])
  case concatenate(axis: Int)

  var spelling: String {
    switch self {
    case .reshape: "reshape"
    case .broadcast: "broadcast"
    case .transpose: "transpose"
    case .slice: "slice"
    case .pad: "pad"
    case .reverse: "reverse"
    case .concatenate: "concatenate"
    }
  }

  var attributes: [NamedAttribute] {
    switch self {
    case .reshape: []
    case .broadcast(_, let axes): [NamedAttribute("axes", .integers(axes))]
    case .transpose(let permutation): [NamedAttribute("permutation", .integers(permutation))]
    case .slice(let start, let limit, let stride):
      [
        NamedAttribute("start", .integers(start)), NamedAttribute("limit", .integers(limit)),
        NamedAttribute("stride", .integers(stride)),
      ]
    case .pad(let low, let high, let interior):
      [
        NamedAttribute("low", .integers(low)), NamedAttribute("high", .integers(high)),
        NamedAttribute("interior", .integers(interior)),
      ]
    case .reverse(let axes): [NamedAttribute("axes", .integers(axes))]
    case .concatenate(let axis): [NamedAttribute("axis", .integer(axis))]
    }
  }

  static func make(
    _ spelling: String, _ reader: AttributeReader, _ resultTypes: [TensorType]
  ) throws(ConstraintFailure) -> MovementOp? {
    func resultShape() throws(ConstraintFailure) -> Shape {
      guard let type = resultTypes.first else { throw ConstraintFailure("\(spelling).C0", "\(spelling) has one result") }
      return type.shape
    }
    switch spelling {
    case "reshape":
      try reader.allow()
      return .reshape(try resultShape())
    case "broadcast":
      try reader.allow("axes")
      return .broadcast(try resultShape(), axes: try reader.integers("axes"))
    case "transpose":
      try reader.allow("permutation")
      return .transpose(permutation: try reader.integers("permutation"))
    case "slice":
      try reader.allow("start", "limit", "stride")
      return .slice(
        start: try reader.integers("start"), limit: try reader.integers("limit"), stride: try reader.integers("stride"))
    case "pad":
      try reader.allow("low", "high", "interior")
      return .pad(
        low: try reader.integers("low"), high: try reader.integers("high"), interior: try reader.integers("interior"))
    case "reverse":
      try reader.allow("axes")
      return .reverse(axes: try reader.integers("axes"))
    case "concatenate":
      try reader.allow("axis")
      return .concatenate(axis: try reader.integer("axis"))
    default: return nil
    }
  }
}

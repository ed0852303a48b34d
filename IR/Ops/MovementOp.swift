/// Ops that move elements and change none.
public enum MovementOp: Hashable, Sendable {
  /// The same elements in row-major order under another shape.
  case reshape(Shape)
  /// Operand axis i becomes result axis `axes[i]`; the other axes repeat, as do operand axes of extent 1.
  case broadcast(Shape, axes: [Int])
  /// Result axis i is operand axis `permutation[i]`.
  case transpose(permutation: [Int])
  /// Elements `start`, `start + stride`, … below `limit`, per axis.
  case slice(start: [Dimension], limit: [Dimension], stride: [Int])
  /// Puts the second operand, a scalar, before, after and between the elements, per axis.
  case pad(low: [Dimension], high: [Dimension], interior: [Int])
  case reverse(axes: [Int])
  case concatenate(axis: Int)
  /// All places of a window, an overlapping view: along each of `axes` the operand's axis becomes the window's
  /// positions, and one axis of its taps is added behind all others, in listed order.
  case windows(axes: [Int], sizes: [Dimension], strides: [Int], dilations: [Int])
  /// The transpose of `windows` with a result of the given shape: every element is the sum of its copies, in ascending
  /// order of the windows (Numerics.md R5); +0 where no window reaches.
  case overlapAdd(Shape, axes: [Int], strides: [Int], dilations: [Int])

  var spelling: String {
    switch self {
    case .reshape: "reshape"
    case .broadcast: "broadcast"
    case .transpose: "transpose"
    case .slice: "slice"
    case .pad: "pad"
    case .reverse: "reverse"
    case .concatenate: "concatenate"
    case .windows: "windows"
    case .overlapAdd: "overlapAdd"
    }
  }

  var attributes: [NamedAttribute] {
    switch self {
    case .reshape: []
    case .broadcast(_, let axes): [NamedAttribute("axes", .integers(axes))]
    case .transpose(let permutation): [NamedAttribute("permutation", .integers(permutation))]
    case .slice(let start, let limit, let stride):
      [
        NamedAttribute("start", .dimensions(start)), NamedAttribute("limit", .dimensions(limit)),
        NamedAttribute("stride", .integers(stride)),
      ]
    case .pad(let low, let high, let interior):
      [
        NamedAttribute("low", .dimensions(low)), NamedAttribute("high", .dimensions(high)),
        NamedAttribute("interior", .integers(interior)),
      ]
    case .reverse(let axes): [NamedAttribute("axes", .integers(axes))]
    case .concatenate(let axis): [NamedAttribute("axis", .integer(axis))]
    case .windows(let axes, let sizes, let strides, let dilations):
      [
        NamedAttribute("axes", .integers(axes)), NamedAttribute("sizes", .dimensions(sizes)),
        NamedAttribute("strides", .integers(strides)), NamedAttribute("dilations", .integers(dilations)),
      ]
    case .overlapAdd(_, let axes, let strides, let dilations):
      [
        NamedAttribute("axes", .integers(axes)), NamedAttribute("strides", .integers(strides)),
        NamedAttribute("dilations", .integers(dilations)),
      ]
    }
  }

  static func make(
    _ spelling: String, _ reader: AttributeReader, _ resultTypes: [TensorType]
  ) throws(ConstraintFailure) -> MovementOp? {
    func resultShape() throws(ConstraintFailure) -> Shape {
      guard let type = resultTypes.first else {
        throw ConstraintFailure("\(spelling).C0", "\(spelling) has one result")
      }
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
        start: try reader.dimensions("start"), limit: try reader.dimensions("limit"),
        stride: try reader.integers("stride"))
    case "pad":
      try reader.allow("low", "high", "interior")
      return .pad(
        low: try reader.dimensions("low"), high: try reader.dimensions("high"),
        interior: try reader.integers("interior"))
    case "reverse":
      try reader.allow("axes")
      return .reverse(axes: try reader.integers("axes"))
    case "concatenate":
      try reader.allow("axis")
      return .concatenate(axis: try reader.integer("axis"))
    case "windows":
      try reader.allow("axes", "sizes", "strides", "dilations")
      return .windows(
        axes: try reader.integers("axes"), sizes: try reader.dimensions("sizes"),
        strides: try reader.integers("strides"), dilations: try reader.integers("dilations"))
    case "overlapAdd":
      try reader.allow("axes", "strides", "dilations")
      return .overlapAdd(
        try resultShape(), axes: try reader.integers("axes"), strides: try reader.integers("strides"),
        dilations: try reader.integers("dilations"))
    default: return nil
    }
  }
}

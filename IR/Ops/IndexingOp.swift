/// What an index outside its axis means.
public enum IndexBounds: String, CaseIterable, Hashable, Sendable {
  /// The call throws, with the line of the op.
  case check
  /// The nearest valid index is used.
  case clamp
  /// `gather` gives zero, `scatter` leaves the update out.
  case drop
}

/// How `scatter` combines an update with what is there.
public enum ScatterCombiner: String, CaseIterable, Hashable, Sendable {
  case replace, add, multiply, maximum, minimum
}

/// Ops whose indices are data.
public enum IndexingOp: Hashable, Sendable {
  /// `x` and integer `indices`: the slices of `x` at the indices along `axis`. The axes of the indices take its place.
  case gather(axis: Int, bounds: IndexBounds)
  /// `x`, integer `indices` and `updates` (shaped as `gather` would give): `x` with each update combined into its slice,
  /// in ascending row-major order of the indices (NUMERICS.md R5).
  case scatter(axis: Int, combiner: ScatterCombiner, bounds: IndexBounds)

  var spelling: String {
    switch self {
    case .gather: "gather"
    case .scatter: "scatter"
    }
  }

  var attributes: [NamedAttribute] {
    switch self {
    case .gather(let axis, let bounds):
      [NamedAttribute("axis", .integer(axis)), NamedAttribute("bounds", .word(bounds.rawValue))]
    case .scatter(let axis, let combiner, let bounds):
      [
        NamedAttribute("axis", .integer(axis)), NamedAttribute("combiner", .word(combiner.rawValue)),
        NamedAttribute("bounds", .word(bounds.rawValue)),
      ]
    }
  }

  static func make(_ spelling: String, _ reader: AttributeReader) throws(ConstraintFailure) -> IndexingOp? {
    func bounds() throws(ConstraintFailure) -> IndexBounds {
      guard let bounds = IndexBounds(rawValue: try reader.word("bounds")) else {
        throw reader.malformed("bounds", "check, clamp or drop")
      }
      return bounds
    }
    switch spelling {
    case "gather":
      try reader.allow("axis", "bounds")
      return .gather(axis: try reader.integer("axis"), bounds: try bounds())
    case "scatter":
      try reader.allow("axis", "combiner", "bounds")
      guard let combiner = ScatterCombiner(rawValue: try reader.word("combiner")) else {
        throw reader.malformed("combiner", "replace, add, multiply, maximum or minimum")
      }
      return .scatter(axis: try reader.integer("axis"), combiner: combiner, bounds: try bounds())
    default: return nil
    }
  }

  func infer(_ operands: [TensorType]) throws(ConstraintFailure) -> TensorType {
    switch self {
    case .gather(let axis, let bounds):
      try requireOperands(2, operands, of: spelling)
      let type = try Self.gatherType(operands[0], indices: operands[1], axis: axis, spelling)
      try Self.requireNearest(bounds, operands, axis, "gather.C3")
      return type
    case .scatter(let axis, let combiner, let bounds):
      try requireOperands(3, operands, of: spelling)
      let (operand, updates) = (operands[0], operands[2])
      let expected = try Self.gatherType(operand, indices: operands[1], axis: axis, spelling)
      try require(
        updates == expected, "scatter.C3",
        "updates of \(operand) at \(operands[1]) along axis \(axis) have type \(expected), found \(updates)")
      try require(
        combiner == .replace || operand.dtype.isInteger || operand.dtype == .f32 || operand.dtype == .f64, "scatter.C4",
        "scatter \(combiner) takes integers, f32 or f64, found \(operand.dtype); convert first")
      try Self.requireNearest(bounds, operands, axis, "scatter.C5")
      return operand
    }
  }

  /// Checks that clamped indices have a valid index to go to.
  private static func requireNearest(
    _ bounds: IndexBounds, _ operands: [TensorType], _ axis: Int, _ label: String
  ) throws(ConstraintFailure) {
    try require(
      bounds != .clamp || operands[0].shape[axis] != 0 || operands[1].shape.elementCount == 0, label,
      "indices cannot be clamped to axis \(axis) of \(operands[0]), which has no elements")
  }

  private static func gatherType(
    _ operand: TensorType, indices: TensorType, axis: Int, _ spelling: String
  ) throws(ConstraintFailure) -> TensorType {
    try requireAxis(axis, of: operand, "\(spelling).C1")
    try require(indices.dtype.isInteger, "\(spelling).C2", "indices are integers, found \(indices)")
    let extents = Array(operand.shape)
    return TensorType(operand.dtype, Shape(extents[..<axis] + Array(indices.shape) + extents[(axis + 1)...]))
  }
}

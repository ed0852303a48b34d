/// How a reduction combines elements.
public enum ReductionKind: String, CaseIterable, Hashable, Sendable {
  case sum, product, max, min, and, or
}

/// Which extreme `argReduce` looks for.
public enum ArgReductionKind: String, CaseIterable, Hashable, Sendable {
  case max, min
}

/// Ops that combine the elements along axes.
public enum ReductionOp: Hashable, Sendable {
  /// Combines along `axes`, traversed in the listed order (Numerics.md R2, R3); the axes leave the shape.
  case reduce(ReductionKind, axes: [Int])
  /// The `i32` index of the first extreme along `axis`, the first NaN wins (Numerics.md E9).
  case argReduce(ArgReductionKind, axis: Int)
  /// The combination of each element with all before it along `axis` (after it, in reverse), in that order (Numerics.md
  /// R4).
  case scanReduce(ReductionKind, axis: Int, isReversed: Bool)

  var spelling: String {
    switch self {
    case .reduce: "reduce"
    case .argReduce: "argReduce"
    case .scanReduce: "scanReduce"
    }
  }

  var attributes: [NamedAttribute] {
    switch self {
    case .reduce(let kind, let axes):
      [NamedAttribute("kind", .word(kind.rawValue)), NamedAttribute("axes", .integers(axes))]
    case .argReduce(let kind, let axis):
      [NamedAttribute("kind", .word(kind.rawValue)), NamedAttribute("axis", .integer(axis))]
    case .scanReduce(let kind, let axis, let isReversed):
      [
        NamedAttribute("kind", .word(kind.rawValue)), NamedAttribute("axis", .integer(axis)),
        NamedAttribute("reverse", .truth(isReversed)),
      ]
    }
  }

  static func make(_ spelling: String, _ reader: AttributeReader) throws(ConstraintFailure) -> ReductionOp? {
    func kind() throws(ConstraintFailure) -> ReductionKind {
      guard let kind = ReductionKind(rawValue: try reader.word("kind")) else {
        throw reader.malformed("kind", "sum, product, max, min, and or or")
      }
      return kind
    }
    switch spelling {
    case "reduce":
      try reader.allow("kind", "axes")
      return .reduce(try kind(), axes: try reader.integers("axes"))
    case "scanReduce":
      try reader.allow("kind", "axis", "reverse")
      return .scanReduce(try kind(), axis: try reader.integer("axis"), isReversed: try reader.truth("reverse"))
    case "argReduce":
      try reader.allow("kind", "axis")
      guard let kind = ArgReductionKind(rawValue: try reader.word("kind")) else {
        throw reader.malformed("kind", "max or min")
      }
      return .argReduce(kind, axis: try reader.integer("axis"))
    default: return nil
    }
  }

  func infer(_ operands: [TensorType], _ sizes: inout SizeQuestions) throws(ConstraintFailure) -> TensorType {
    try requireOperands(1, operands, of: spelling)
    let operand = operands[0]
    switch self {
    case .reduce(let kind, let axes):
      try requireAxes(axes, of: operand, "reduce.C1")
      try requireCombinable(operand.dtype, kind, "reduce.C2")
      return TensorType(
        operand.dtype, Shape(operand.shape.indices.filter { !axes.contains($0) }.map { operand.shape[$0] }))
    case .argReduce(let kind, let axis):
      try requireAxis(axis, of: operand, "argReduce.C1")
      for (least, most) in [(1, operand.shape[axis]), (operand.shape[axis], Dimension(Int(Int32.max)))] {
        try sizes.require(
          most, .atLeast, least, "argReduce.C2",
          "argReduce \(kind) needs 1 to \(Int32.max) elements along axis \(axis) of \(operand)")
      }
      try require(
        operand.dtype.isInteger || operand.dtype == .f32 || operand.dtype == .f64, "argReduce.C3",
        "argReduce takes integers, f32 or f64, found \(operand.dtype); convert first")
      var shape = Array(operand.shape)
      shape.remove(at: axis)
      return TensorType(.i32, Shape(shape))
    case .scanReduce(let kind, let axis, _):
      try requireAxis(axis, of: operand, "scanReduce.C1")
      try requireCombinable(operand.dtype, kind, "scanReduce.C2")
      return operand
    }
  }

  /// Checks that elements of `dtype` can be combined as `kind` says.
  private func requireCombinable(_ dtype: DType, _ kind: ReductionKind, _ label: String) throws(ConstraintFailure) {
    switch kind {
    case .sum, .product, .max, .min:
      try require(
        dtype.isInteger || dtype == .f32 || dtype == .f64, label,
        "\(spelling) \(kind) takes integers, f32 or f64, found \(dtype); convert first")
    case .and, .or:
      try require(
        dtype.isInteger || dtype == .bool, label, "\(spelling) \(kind) takes bool or integers, found \(dtype)")
    }
  }
}

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
  /// Combines along `axes`, traversed in the listed order (NUMERICS.md R2, R3); the axes leave the shape.
  case reduce(ReductionKind, axes: [Int])
  /// The `i32` index of the first extreme along `axis`, the first NaN wins (NUMERICS.md E9).
  case argReduce(ArgReductionKind, axis: Int)

  var spelling: String {
    switch self {
    case .reduce: "reduce"
    case .argReduce: "argReduce"
    }
  }

  var attributes: [NamedAttribute] {
    switch self {
    case .reduce(let kind, let axes):
      [NamedAttribute("kind", .word(kind.rawValue)), NamedAttribute("axes", .integers(axes))]
    case .argReduce(let kind, let axis):
      [NamedAttribute("kind", .word(kind.rawValue)), NamedAttribute("axis", .integer(axis))]
    }
  }

  static func make(_ spelling: String, _ reader: AttributeReader) throws(ConstraintFailure) -> ReductionOp? {
    switch spelling {
    case "reduce":
      try reader.allow("kind", "axes")
      guard let kind = ReductionKind(rawValue: try reader.word("kind")) else {
        throw reader.malformed("kind", "sum, product, max, min, and or or")
      }
      return .reduce(kind, axes: try reader.integers("axes"))
    case "argReduce":
      try reader.allow("kind", "axis")
      guard let kind = ArgReductionKind(rawValue: try reader.word("kind")) else {
        throw reader.malformed("kind", "max or min")
      }
      return .argReduce(kind, axis: try reader.integer("axis"))
    default: return nil
    }
  }

  func infer(_ operands: [TensorType]) throws(ConstraintFailure) -> TensorType {
    try requireOperands(1, operands, of: spelling)
    let operand = operands[0]
    switch self {
    case .reduce(let kind, let axes):
      try requireAxes(axes, of: operand, "reduce.C1")
      switch kind {
      case .sum, .product, .max, .min:
        try require(
          operand.dtype.isInteger || operand.dtype == .f32 || operand.dtype == .f64, "reduce.C2",
          "reduce \(kind) takes integers, f32 or f64, found \(operand.dtype); convert first")
      case .and, .or:
        try require(
          operand.dtype.isInteger || operand.dtype == .bool, "reduce.C2",
          "reduce \(kind) takes bool or integers, found \(operand.dtype)")
      }
      return TensorType(
        operand.dtype, Shape(operand.shape.indices.filter { !axes.contains($0) }.map { operand.shape[$0] }))
    case .argReduce(let kind, let axis):
      try requireAxis(axis, of: operand, "argReduce.C1")
      let size = operand.shape[axis].staticSize
      try require(
        size >= 1 && size <= Int(Int32.max), "argReduce.C2",
        "argReduce \(kind) needs 1 to \(Int32.max) elements along axis \(axis) of \(operand)")
      try require(
        operand.dtype.isInteger || operand.dtype == .f32 || operand.dtype == .f64, "argReduce.C3",
        "argReduce takes integers, f32 or f64, found \(operand.dtype); convert first")
      var shape = Array(operand.shape)
      shape.remove(at: axis)
      return TensorType(.i32, Shape(shape))
    }
  }
}

/// Sums of products.
public enum ContractionOp: Hashable, Sendable {
  /// Multiplies along batch pairs and sums over contracting pairs in the listed order (Numerics.md D1). The result has
  /// the batch axes, the free axes of the left operand, then those of the right one.
  case dot(batch: [AxisPair], contract: [AxisPair])
  /// Like `dot`, with the right operand sliding along some axes (Numerics.md D3).
  case convolution(Convolution)

  var spelling: String {
    switch self {
    case .dot: "dot"
    case .convolution: Convolution.spelling
    }
  }

  var attributes: [NamedAttribute] {
    switch self {
    case .dot(let batch, let contract):
      [NamedAttribute("batch", .pairs(batch)), NamedAttribute("contract", .pairs(contract))]
    case .convolution(let convolution): convolution.attributes
    }
  }

  static func make(_ spelling: String, _ reader: AttributeReader) throws(ConstraintFailure) -> ContractionOp? {
    switch spelling {
    case "dot":
      try reader.allow("batch", "contract")
      return .dot(batch: try reader.pairs("batch"), contract: try reader.pairs("contract"))
    case Convolution.spelling: return .convolution(try Convolution(reader))
    default: return nil
    }
  }

  func infer(_ operands: [TensorType], _ sizes: inout SizeQuestions) throws(ConstraintFailure) -> TensorType {
    try requireOperands(2, operands, of: spelling)
    let (lhs, rhs) = (operands[0], operands[1])
    switch self {
    case .dot(let batch, let contract):
      try require(lhs.dtype == rhs.dtype, "dot.C1", "operands have one dtype, found \(lhs.dtype) and \(rhs.dtype)")
      try require(
        lhs.dtype.isInteger || lhs.dtype == .f32 || lhs.dtype == .f64, "dot.C2",
        "dot takes integers, f32 or f64, found \(lhs.dtype); convert first")
      let pairs = batch + contract
      try requireAxes(pairs.map(\.lhs), of: lhs, "dot.C3")
      try requireAxes(pairs.map(\.rhs), of: rhs, "dot.C4")
      for pair in pairs {
        try sizes.require(
          lhs.shape[pair.lhs], .equal, rhs.shape[pair.rhs], "dot.C5",
          "axis \(pair.lhs) of \(lhs) has \(lhs.shape[pair.lhs]) elements, axis \(pair.rhs) of \(rhs) has \(rhs.shape[pair.rhs])"
        )
      }
      return TensorType(
        lhs.dtype,
        Shape(
          batch.map { lhs.shape[$0.lhs] }
            + ContractionOp.freeAxes(lhs.rank, pairs.map(\.lhs)).map { lhs.shape[$0] }
            + ContractionOp.freeAxes(rhs.rank, pairs.map(\.rhs)).map { rhs.shape[$0] }))
    case .convolution(let convolution): return try convolution.infer(lhs, rhs, &sizes)
    }
  }

  /// How many products an element of the result is the sum of.
  package func termCount(_ lhs: TensorType, _ rhs: TensorType) -> Dimension {
    switch self {
    case .dot(_, let contract): contract.reduce(1) { $0 * lhs.shape[$1.lhs] }
    case .convolution(let convolution): convolution.termExtents(lhs, rhs).reduce(1, *)
    }
  }

  /// The axes that are neither batch nor contracting, ascending.
  package static func freeAxes(_ rank: Int, _ paired: [Int]) -> [Int] { (0..<rank).filter { !paired.contains($0) } }
}

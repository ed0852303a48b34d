import KilnIR

/// The push forwards of the ops that are not elementwise. Linear ops apply themselves to tangents.
extension Rewriter {
  mutating func movementTangent(_ op: MovementOp, _ push: Push) throws(KilnError) -> ValueID? {
    var tangents: [ValueID] = []
    for index in push.operands.indices { tangents.append(try tangent(index, of: push)) }
    return try emitOne(.movement(op), tangents)
  }

  mutating func contractionTangent(_ op: ContractionOp, _ push: Push) throws(KilnError) -> ValueID? {
    switch op {
    case .dot: try bilinearTangent(.contraction(op), push)
    }
  }

  private mutating func bilinearTangent(_ op: Op, _ push: Push) throws(KilnError) -> ValueID? {
    var left: ValueID?
    var right: ValueID?
    if let tangent = push.tangents[0] { left = try emitOne(op, [tangent, push.operands[1]]) }
    if let tangent = push.tangents[1] { right = try emitOne(op, [push.operands[0], tangent]) }
    return try sum(left, right)
  }

  // MARK: - Reductions

  mutating func reductionTangent(_ op: ReductionOp, _ push: Push, _ result: ValueID) throws(KilnError) -> ValueID? {
    guard let tangent = push.tangents[0] else { return nil }
    switch op {
    case .argReduce: return nil
    case .reduce(let kind, let axes):
      switch kind {
      case .sum: return try reduce(.sum, tangent, axes: axes)
      case .max, .min: return try extremeTangent(push.operands[0], tangent, result, axes)
      case .product: return try productTangent(push.operands[0], tangent, axes)
      // bool and integers only.
      case .and, .or: return nil
      }
    }
  }

  /// The mean of the tangents of the elements equal to the extreme: the transpose of the pullback.
  private mutating func extremeTangent(
    _ operand: ValueID, _ tangent: ValueID, _ result: ValueID, _ axes: [Int]
  ) throws(KilnError) -> ValueID {
    let type = type(of: operand)
    let kept = type.shape.indices.filter { !axes.contains($0) }
    let isExtreme = try equal(operand, broadcast(result, type.shape, axes: kept))
    let count = try reduce(.sum, convert(isExtreme, to: type.dtype), axes: axes)
    let zero = try zero(type)
    let total = try reduce(.sum, select(isExtreme, tangent, zero), axes: axes)
    return try divide(total, count)
  }

  /// Products of pairs, of pairs of pairs and so on, each with its tangent: no division, so zeros are exact.
  private mutating func productTangent(
    _ operand: ValueID, _ tangent: ValueID, _ axes: [Int]
  ) throws(KilnError) -> ValueID {
    let type = type(of: operand)
    let kept = type.shape.indices.filter { !axes.contains($0) }
    let result = Shape(kept.map { type.shape[$0] })
    let columns = axes.reduce(1) { $0 * type.shape.dimensions[$1] }
    if columns == 0 { return try zero(TensorType(type.dtype, result)) }
    let rows = result.elementCount
    func matrix(_ x: ValueID, _ rewriter: inout Rewriter) throws(KilnError) -> ValueID {
      try rewriter.reshape(rewriter.transpose(x, kept + axes), Shape([rows, columns]))
    }
    var product = try matrix(operand, &self)
    var slope = try matrix(tangent, &self)
    var width = columns
    while width > 1 {
      let even = width + width % 2
      if even != width {
        let scalar = TensorType(type.dtype, .scalar)
        let pad = MovementOp.pad(low: [0, 0], high: [0, 1], interior: [0, 0])
        product = try move(pad, product, constant(1, like: scalar))
        slope = try move(pad, slope, zero(scalar))
      }
      let left = try slice(product, axis: 1, 0..<even, stride: 2)
      let right = try slice(product, axis: 1, 1..<even, stride: 2)
      let leftSlope = try slice(slope, axis: 1, 0..<even, stride: 2)
      let rightSlope = try slice(slope, axis: 1, 1..<even, stride: 2)
      slope = try add(multiply(leftSlope, right), multiply(left, rightSlope))
      product = try multiply(left, right)
      width = even / 2
    }
    return try reshape(slope, result)
  }

  // MARK: - Indexing

  mutating func indexingTangent(_ op: IndexingOp, _ push: Push, _ result: ValueID) throws(KilnError) -> ValueID? {
    switch op {
    case .gather: return try emitOne(.indexing(op), [tangent(0, of: push), push.operands[1]])
    case .scatter(let axis, let combiner, let bounds):
      switch combiner {
      case .add, .replace:
        return try emitOne(.indexing(op), [tangent(0, of: push), push.operands[1], tangent(2, of: push)])
      case .maximum, .minimum: return try extremeScatterTangent(push, result, axis, bounds)
      case .multiply: throw noDerivative(of: "scatter multiply", "the other factors of an element are not at hand")
      }
    }
  }

  /// The mean of the tangents of the operand's element and of the updates that are equal to the extreme.
  private mutating func extremeScatterTangent(
    _ push: Push, _ result: ValueID, _ axis: Int, _ bounds: IndexBounds
  ) throws(KilnError) -> ValueID {
    let (operand, indices, updates) = (push.operands[0], push.operands[1], push.operands[2])
    let (type, updateType) = (type(of: operand), type(of: updates))
    let operandWins = try equal(operand, result)
    let updateWins = try equal(updates, gather(result, indices, axis: axis, bounds: bounds))
    func collected(_ x: ValueID, _ y: ValueID, _ rewriter: inout Rewriter) throws(KilnError) -> ValueID {
      try rewriter.scatter(x, indices, y, axis: axis, combiner: .add, bounds: bounds)
    }
    let count = try collected(convert(operandWins, to: type.dtype), convert(updateWins, to: type.dtype), &self)
    let (zero, updateZero) = (try zero(type), try zero(updateType))
    let operandPart = try select(operandWins, tangent(0, of: push), zero)
    let updatePart = try select(updateWins, tangent(2, of: push), updateZero)
    return try divide(collected(operandPart, updatePart, &self), count)
  }
}

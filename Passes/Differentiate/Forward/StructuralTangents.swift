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
    case .dot, .convolution: try bilinearTangent(.contraction(op), push)
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
    case .scanReduce(let kind, let axis, let isReversed):
      switch kind {
      case .sum: return try scan(.sum, tangent, axis: axis, isReversed: isReversed)
      case .product: return try productScanTangent(push.operands[0], tangent, result, axis, isReversed)
      case .max, .min:
        let isNaN = try map(.isNaN, result)
        let value = try emitOne(.control(.stopGradient), [result])
        return try select(isNaN, value, transposedPullback(.reduction(op), push))
      // bool and integers only.
      case .and, .or: return nil
      }
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
    let columns = try known(axes.reduce(1) { $0 * type.shape[$1] })
    if columns == 0 { return try zero(TensorType(type.dtype, result)) }
    let rows = result.size
    func matrix(_ x: ValueID, _ rewriter: inout Rewriter) throws(KilnError) -> ValueID {
      try rewriter.reshape(rewriter.transpose(x, kept + axes), Shape([rows, Dimension(columns)]))
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
      let left = try slice(product, axis: 1, from: 0, to: Dimension(even), stride: 2)
      let right = try slice(product, axis: 1, from: 1, to: Dimension(even), stride: 2)
      let leftSlope = try slice(slope, axis: 1, from: 0, to: Dimension(even), stride: 2)
      let rightSlope = try slice(slope, axis: 1, from: 1, to: Dimension(even), stride: 2)
      slope = try add(multiply(leftSlope, right), multiply(left, rightSlope))
      product = try multiply(left, right)
      width = even / 2
    }
    return try reshape(slope, result)
  }

  // MARK: - Indexing

  mutating func indexingTangent(_ op: IndexingOp, _ push: Push) throws(KilnError) -> ValueID? {
    switch op {
    case .gather, .dynamicSlice:
      return try emitOne(.indexing(op), [tangent(0, of: push)] + push.operands.dropFirst())
    case .dynamicUpdateSlice:
      return try emitOne(
        .indexing(op), [tangent(0, of: push), tangent(1, of: push)] + push.operands.dropFirst(2))
    case .scatter(_, let combiner, _):
      switch combiner {
      case .add, .replace:
        return try emitOne(.indexing(op), [tangent(0, of: push), push.operands[1], tangent(2, of: push)])
      case .maximum, .minimum, .multiply: return try transposedPullback(.indexing(op), push)
      }
    case .argSort: return nil
    }
  }

  /// The tangent of an op as the transpose of its pullback, which is linear in the cotangent: both modes have one
  /// derivative, at ties too.
  private mutating func transposedPullback(_ op: Op, _ push: Push) throws(KilnError) -> ValueID {
    let active = push.tangents.indices.filter { push.tangents[$0] != nil }
    var inner = Rewriter("\(op.spelling)_pullback", in: module)
    var operands: [ValueID] = []
    for (index, operand) in push.operands.enumerated() {
      operands.append(inner.addParameter(Function.Parameter("x\(index)", type(of: operand))))
    }
    let resultType: TensorType
    do throws(ConstraintFailure) {
      // Questions about sizes were asked where the op was built.
      var sizes = SizeQuestions()
      resultType = try op.infer(push.operands.map { type(of: $0) }, in: module, &sizes)[0]
    } catch {
      throw KilnError(error, at: location)
    }
    let cotangent = inner.addParameter(Function.Parameter("cotangent", resultType))
    inner.location = location
    let result = try inner.emitOne(op, operands)
    let parts = try inner.pullback(
      op, operands: operands, results: [result], cotangents: [cotangent], needed: push.tangents.map { $0 != nil })
    var outputs: [ValueID] = []
    for index in active {
      if let part = parts[index] {
        outputs.append(part)
      } else {
        outputs.append(try inner.zero(inner.type(of: operands[index])))
      }
    }
    return try transposed(inner.finish(outputs), push.operands, active.compactMap { push.tangents[$0] })[0]
  }
}

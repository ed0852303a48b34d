/// A tensor operation: a family, and the case within it with its attributes.
///
/// The enum is closed on purpose: rule tables switch over it without `default`, so the compiler lists the places that a
/// new op must touch (Documentation/AddingAnOp.md).
public enum Op: Hashable, Sendable {
  case source(SourceOp)
  case map(ScalarFunction)
  case type(TypeOp)
  case movement(MovementOp)
  case reduction(ReductionOp)
  case contraction(ContractionOp)
  case indexing(IndexingOp)
  case control(ControlOp)
}

extension Op {
  /// The name of the op in the text of the IR.
  public var spelling: String {
    switch self {
    case .source(let op): op.spelling
    case .map(let function): function.spelling
    case .type(let op): op.spelling
    case .movement(let op): op.spelling
    case .reduction(let op): op.spelling
    case .contraction(let op): op.spelling
    case .indexing(let op): op.spelling
    case .control(let op): op.spelling
    }
  }

  /// The attributes in the order of their text. What the result type already says (a shape, a dtype) is not an
  /// attribute.
  public var attributes: [NamedAttribute] {
    switch self {
    case .source(let op): op.attributes
    case .map, .type: []
    case .movement(let op): op.attributes
    case .reduction(let op): op.attributes
    case .contraction(let op): op.attributes
    case .indexing(let op): op.attributes
    case .control(let op): op.attributes
    }
  }

  /// Builds the op from its text. `resultTypes` are those written at the definition.
  /// - Returns: nil when no op has that spelling.
  /// - Throws: `attribute.C1` … when an attribute is missing, unknown or malformed.
  public static func make(
    spelling: String, attributes: AttributeReader, resultTypes: [TensorType]
  ) throws(ConstraintFailure) -> Op? {
    if let function = ScalarFunction(spelling: spelling) {
      try attributes.allow()
      return .map(function)
    }
    if let op = try SourceOp.make(spelling, attributes, resultTypes) { return .source(op) }
    if let op = try TypeOp.make(spelling, attributes, resultTypes) { return .type(op) }
    if let op = try MovementOp.make(spelling, attributes, resultTypes) { return .movement(op) }
    if let op = try ReductionOp.make(spelling, attributes) { return .reduction(op) }
    if let op = try ContractionOp.make(spelling, attributes) { return .contraction(op) }
    if let op = try IndexingOp.make(spelling, attributes) { return .indexing(op) }
    if let op = try ControlOp.make(spelling, attributes) { return .control(op) }
    return nil
  }

  /// The result types for these operand types.
  /// - Throws: the labelled constraint that the operands or attributes break, or that only a call can decide; `type.C1`
  ///   when a result is too large.
  public func infer(_ operands: [TensorType], in module: Module) throws(ConstraintFailure) -> [TensorType] {
    var sizes = SizeQuestions()
    let results = try infer(operands, in: module, &sizes)
    if let open = sizes.open.first { throw open.failure }
    return results
  }

  /// The result types, if what `sizes` collects holds.
  package func infer(
    _ operands: [TensorType], in module: Module, _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> [TensorType] {
    let results = try inferUnlimited(operands, in: module, &sizes)
    for result in results { try result.requireAddressable() }
    return results
  }

  private func inferUnlimited(
    _ operands: [TensorType], in module: Module, _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> [TensorType] {
    switch self {
    case .source(let op): [try op.infer(operands)]
    case .map(let function): [try function.infer(operands, &sizes)]
    case .type(let op): [try op.infer(operands)]
    case .movement(let op): [try op.infer(operands, &sizes)]
    case .reduction(let op): [try op.infer(operands, &sizes)]
    case .contraction(let op): [try op.infer(operands, &sizes)]
    case .indexing(let op): [try op.infer(operands, &sizes)]
    case .control(let op): try op.infer(operands, in: module, &sizes)
    }
  }
}

/// Checks the number of operands of an op: constraint `NAME.C0`.
func requireOperands(_ count: Int, _ operands: [TensorType], of spelling: String) throws(ConstraintFailure) {
  try require(
    operands.count == count, "\(spelling).C0", "\(spelling) takes \(count) operands, found \(operands.count)")
}

/// Checks that `axis` is an axis of `type`.
func requireAxis(_ axis: Int, of type: TensorType, _ label: String) throws(ConstraintFailure) {
  try require(
    axis >= 0 && axis < type.rank, label,
    "axis \(axis) is out of range for \(type), which has \(type.rank) ax\(type.rank == 1 ? "is" : "es")")
}

/// Checks that `axes` are distinct axes of `type`.
func requireAxes(_ axes: [Int], of type: TensorType, _ label: String) throws(ConstraintFailure) {
  for axis in axes { try requireAxis(axis, of: type, label) }
  try require(Set(axes).count == axes.count, label, "axes \(axes) name an axis twice")
}

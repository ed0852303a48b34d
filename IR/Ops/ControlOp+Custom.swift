extension ControlOp {
  /// A call of `callee` with rules of its own for the transforms. It gives what the call gives.
  ///
  /// Each rule is a closed function. The operands are the arguments, then `captured` values, which the rules get and
  /// which have no derivative.
  public struct Custom: Hashable, Sendable {
    public var callee: String
    /// The operands, the results, a cotangent for each real result; gives a cotangent for each real argument. Linear in
    /// the cotangents.
    public var pullback: String?
    /// The operands, the results, a tangent for each real argument; gives a tangent for each real result. Linear in the
    /// tangents.
    public var tangent: String?
    /// The arguments with a leading batch axis, the captured values as they are; gives the results with that axis. It
    /// serves batches of the size that it is written for.
    public var batching: String?
    public var captured: Int

    public init(
      callee: String, pullback: String? = nil, tangent: String? = nil, batching: String? = nil, captured: Int = 0
    ) {
      self.callee = callee
      self.pullback = pullback
      self.tangent = tangent
      self.batching = batching
      self.captured = captured
    }

    package var callees: [String] { [callee] + [pullback, tangent, batching].compactMap { $0 } }

    func replacingCallees(_ transform: (String) -> String) -> Custom {
      Custom(
        callee: transform(callee), pullback: pullback.map(transform), tangent: tangent.map(transform),
        batching: batching.map(transform), captured: captured)
    }

    var attributes: [NamedAttribute] {
      let rules = [("pullback", pullback), ("tangent", tangent), ("batching", batching)]
      return [NamedAttribute("callee", .symbol(callee))]
        + rules.compactMap { name, rule in rule.map { NamedAttribute(name, .symbol($0)) } }
    }

    init(_ reader: AttributeReader, captured: Int) throws(ConstraintFailure) {
      callee = try reader.symbol("callee")
      pullback = reader["pullback"] == nil ? nil : try reader.symbol("pullback")
      tangent = reader["tangent"] == nil ? nil : try reader.symbol("tangent")
      batching = reader["batching"] == nil ? nil : try reader.symbol("batching")
      self.captured = captured
    }
  }

  func inferCustom(
    _ operands: [TensorType], _ custom: Custom, in module: Module, _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> [TensorType] {
    let results = try inferCallee(operands, custom.callee, custom.captured, in: module, &sizes)
    let arguments = Array(operands.dropLast(custom.captured))
    let (realArguments, realResults) = (arguments.filter(\.dtype.isReal), results.filter(\.dtype.isReal))
    if let pullback = custom.pullback {
      try requireRule(pullback, in: module, "custom.C4", operands + results + realResults, realArguments, &sizes)
    }
    if let tangent = custom.tangent {
      try requireRule(tangent, in: module, "custom.C5", operands + results + realArguments, realResults, &sizes)
    }
    if let batching = custom.batching {
      let captured = Array(operands.suffix(custom.captured))
      let size = module[batching]?.parameters.first?.type.shape.first ?? 0
      try requireRule(
        batching, in: module, "custom.C6", arguments.map { $0.stacked(size) } + captured,
        results.map { $0.stacked(size) }, &sizes)
    }
    return results
  }

  /// The results of `callee` on `operands`: constraints `NAME.C1` to `NAME.C3`.
  func inferCallee(
    _ operands: [TensorType], _ callee: String, _ captured: Int, in module: Module, _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> [TensorType] {
    guard let function = module[callee] else {
      throw ConstraintFailure("\(spelling).C1", "there is no function @\(callee) before this one")
    }
    let expected = function.signature.parameters
    try sizes.requireEqual(
      operands, expected, "\(spelling).C2", "@\(callee) takes (\(list(expected))), found (\(list(operands)))")
    try require(
      captured >= 0 && captured <= operands.count, "\(spelling).C3",
      "\(captured) captured operands of \(operands.count) operands")
    return function.signature.results
  }

  private func requireRule(
    _ name: String, in module: Module, _ label: String, _ parameters: [TensorType], _ results: [TensorType],
    _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) {
    guard let signature = module[name]?.signature else {
      throw ConstraintFailure(label, "there is no function @\(name) before this one")
    }
    for (found, expected) in [(signature.parameters, parameters), (signature.results, results)] {
      try sizes.requireEqual(
        found, expected, label,
        "@\(name) must have the type (\(list(parameters))) -> (\(list(results))), found (\(list(signature.parameters))) "
          + "-> (\(list(signature.results)))")
    }
  }
}

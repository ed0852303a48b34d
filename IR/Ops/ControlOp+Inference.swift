extension ControlOp {
  func infer(
    _ operands: [TensorType], in module: Module, _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> [TensorType] {
    switch self {
    case .call(let callee, let captured):
      guard let function = module[callee] else {
        throw ConstraintFailure("call.C1", "there is no function @\(callee) before this one")
      }
      try requireParameters(of: function, operands, "call.C2", &sizes)
      try require(
        captured >= 0 && captured <= operands.count, "call.C3",
        "\(captured) captured operands of \(operands.count) operands")
      return function.signature.results
    case .stopGradient:
      try requireOperands(1, operands, of: spelling)
      return operands
    case .custom(let custom): return try inferCustom(operands, custom, in: module, &sizes)
    case .checkpoint(let callee, let captured): return try inferCallee(operands, callee, captured, in: module, &sizes)
    case .barrier:
      try require(!operands.isEmpty, "barrier.C0", "barrier takes at least one operand")
      return [operands[0]]
    case .cond(let then, let otherwise): return try inferCond(operands, then, otherwise, in: module, &sizes)
    case .while(let condition, let body, let captured):
      return try inferWhile(operands, condition, body, captured, in: module, &sizes)
    case .scan(let scan): return try inferScan(operands, scan, in: module, &sizes)
    }
  }

  private func inferCond(
    _ operands: [TensorType], _ then: String, _ otherwise: String, in module: Module,
    _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> [TensorType] {
    try require(!operands.isEmpty, "cond.C0", "cond takes a predicate, then the inputs; found no operand")
    try require(
      operands[0] == TensorType(.bool, .scalar), "cond.C1", "the predicate of cond is bool[], found \(operands[0])")
    var branches: [Function] = []
    for name in [then, otherwise] {
      let branch = try callee(name, in: module, "cond.C2")
      try requireParameters(of: branch, Array(operands.dropFirst()), "cond.C3", &sizes)
      branches.append(branch)
    }
    try sizes.requireEqual(
      branches[0].resultTypes, branches[1].resultTypes, "cond.C4",
      "both branches give the same types; @\(then) gives (\(list(branches[0].resultTypes))), "
        + "@\(otherwise) (\(list(branches[1].resultTypes)))")
    return branches[0].resultTypes
  }

  private func inferWhile(
    _ operands: [TensorType], _ condition: String, _ body: String, _ captured: Int, in module: Module,
    _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> [TensorType] {
    try require(
      captured >= 0 && captured <= operands.count, "while.C1",
      "\(captured) captured operands of \(operands.count) operands")
    let condition = try callee(condition, in: module, "while.C2")
    let body = try callee(body, in: module, "while.C2")
    try requireParameters(of: condition, operands, "while.C3", &sizes)
    try require(
      condition.resultTypes == [TensorType(.bool, .scalar)], "while.C4",
      "the condition @\(condition.name) gives one bool[], found (\(list(condition.resultTypes)))")
    try requireParameters(of: body, operands, "while.C5", &sizes)
    let carried = Array(operands.dropLast(captured))
    try sizes.requireEqual(
      body.resultTypes, carried, "while.C6",
      "the body @\(body.name) gives the carried (\(list(carried))), found (\(list(body.resultTypes)))")
    return carried
  }

  private func inferScan(
    _ operands: [TensorType], _ scan: Scan, in module: Module, _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> [TensorType] {
    let (carriedCount, captured) = (scan.carried, scan.captured)
    // Each alone first: their sum must not overflow.
    try require(
      (0...operands.count).contains(carriedCount) && (0...operands.count).contains(captured)
        && carriedCount + captured <= operands.count, "scan.C1",
      "\(carriedCount) carried and \(captured) captured operands of \(operands.count) operands")
    let message = "a length is not negative and less than 2^48, found \(scan.length)"
    try sizes.require(scan.length, .atLeast, 0, "scan.C2", message)
    try require((scan.length.size ?? 0) < TensorType.byteLimit, "scan.C2", message)
    var arguments = Array(operands.prefix(carriedCount))
    for x in operands.dropLast(captured).dropFirst(carriedCount) {
      let message = "a scan of length \(scan.length) goes over tensors with that leading extent, found \(x)"
      try require(x.rank > 0, "scan.C3", message)
      try sizes.require(x.shape[0], .equal, scan.length, "scan.C3", message)
      arguments.append(x.element)
    }
    arguments += operands.suffix(captured)
    let body = try callee(scan.body, in: module, "scan.C4")
    try requireParameters(of: body, arguments, "scan.C5", &sizes)
    let results = body.resultTypes
    try sizes.requireEqual(
      Array(results.prefix(carriedCount)), Array(operands.prefix(carriedCount)), "scan.C6",
      "the body @\(body.name) first gives the carried (\(list(Array(operands.prefix(carriedCount))))), "
        + "found (\(list(results)))")
    return Array(results.prefix(carriedCount)) + results.dropFirst(carriedCount).map { $0.stacked(scan.length) }
  }

  private func callee(_ name: String, in module: Module, _ label: String) throws(ConstraintFailure) -> Function {
    guard let function = module[name] else {
      throw ConstraintFailure(label, "there is no function @\(name) before this one")
    }
    return function
  }

  private func requireParameters(
    of function: Function, _ found: [TensorType], _ label: String, _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) {
    let expected = function.signature.parameters
    try sizes.requireEqual(
      found, expected, label, "@\(function.name) takes (\(list(expected))), found (\(list(found)))")
  }

  func list(_ types: [TensorType]) -> String { types.map(\.description).joined(separator: ", ") }
}

extension TensorType {
  /// The type of an element along the leading axis, of a type that has one.
  package var element: TensorType { TensorType(dtype, Shape(Array(shape.dropFirst()))) }

  /// The type of `count` of these along a new leading axis.
  package func stacked(_ count: Dimension) -> TensorType { TensorType(dtype, Shape([count] + Array(shape))) }
}

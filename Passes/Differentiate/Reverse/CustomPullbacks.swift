import KilnIR

/// Functions with rules of their own, and functions that run again in the reverse walk.
extension Rewriter {
  /// The cotangents of the real results, zeros included.
  mutating func realCotangents(_ use: ControlUse) throws(KilnError) -> [ValueID] {
    var cotangents: [ValueID] = []
    for (result, cotangent) in zip(use.results, use.cotangents) where type(of: result).dtype.isReal {
      if let cotangent {
        cotangents.append(cotangent)
      } else {
        cotangents.append(try zero(type(of: result)))
      }
    }
    return cotangents
  }

  /// The results of `function`, which calls nothing, on `arguments`; its instructions become those of this one.
  mutating func inlined(_ function: Function, _ arguments: [ValueID]) throws(KilnError) -> [ValueID] {
    let outer = location
    defer { location = outer }
    let values = try copyBody(of: function, arguments: arguments)
    return function.results.map { values[$0] }
  }

  /// Adds no function: gives one that takes the parameters of `function` and a cotangent for each real result, and
  /// returns the cotangents of the parameters `indices`.
  mutating func pullbackFunction(of function: Function, _ indices: [Int]) throws(KilnError) -> Function {
    var walk = try ReverseWalk(function, as: "\(function.name)_pullback", active: indices, in: module)
    try walk.seedWithParameters()
    let gradients = try walk.gradients(indices)
    extendModule(to: walk.rewriter.module)
    return try walk.rewriter.finish(gradients).withoutDeadCode(in: module)
  }

  /// The callee runs again, on operands that are not there before the cotangents are, so that its values need not be
  /// kept.
  mutating func checkpointPullback(_ callee: String, _ use: ControlUse) throws(KilnError) -> [ValueID?] {
    let cotangents = try realCotangents(use)
    let present = use.cotangents.compactMap { $0 }
    var operands: [ValueID] = []
    for operand in use.operands { operands.append(try emitOne(.control(.barrier), [operand] + present)) }
    return try pulledBack(through: body(callee), operands, cotangents, use.needed)
  }

  private mutating func pulledBack(
    through function: Function, _ operands: [ValueID], _ cotangents: [ValueID], _ needed: [Bool]
  ) throws(KilnError) -> [ValueID?] {
    let indices = needed.indices.filter { needed[$0] && type(of: operands[$0]).dtype.isReal }
    let pullback = try pullbackFunction(of: function, indices)
    var parts = [ValueID?](repeating: nil, count: operands.count)
    for (index, part) in zip(indices, try inlined(pullback, operands + cotangents)) { parts[index] = part }
    return parts
  }

  // MARK: - Custom derivatives

  /// The user's pullback; or the transpose of the user's tangent rule; or, where there is neither, that of the
  /// function.
  mutating func customPullback(_ custom: ControlOp.Custom, _ use: ControlUse) throws(KilnError) -> [ValueID?] {
    let arguments = use.operands.count - custom.captured
    try requireNoCapturedDerivative(custom, use.needed)
    let cotangents = try realCotangents(use)
    let real = (0..<arguments).filter { type(of: use.operands[$0]).dtype.isReal }
    let parts: [ValueID]
    if let pullback = custom.pullback {
      parts = try inlined(body(pullback), use.operands + use.results + cotangents)
    } else if let tangent = custom.tangent {
      let function = try body(tangent)
      parts = try transposed(function, use.operands + use.results, cotangents)
    } else {
      return try pulledBack(through: body(custom.callee), use.operands, cotangents, use.needed)
    }
    var all = [ValueID?](repeating: nil, count: use.operands.count)
    for (index, part) in zip(real, parts) { all[index] = part }
    return all
  }

  /// The transpose, at `cotangents`, of a function that is linear in its last parameters, those after `fixed`: its
  /// pullback, which does not depend on where it is taken.
  mutating func transposed(
    _ function: Function, _ fixed: [ValueID], _ cotangents: [ValueID]
  ) throws(KilnError) -> [ValueID] {
    let linear = Array(fixed.count..<function.parameters.count)
    let pullback = try pullbackFunction(of: function, linear)
    var zeros: [ValueID] = []
    for index in linear { zeros.append(try zero(function.parameters[index].type)) }
    return try inlined(pullback, fixed + zeros + cotangents)
  }

  /// - Throws: `differentiate.C2` when a derivative with respect to a captured value is wanted.
  func requireNoCapturedDerivative(_ custom: ControlOp.Custom, _ needed: [Bool]) throws(KilnError) {
    guard custom.pullback != nil || custom.tangent != nil, needed.suffix(custom.captured).contains(true) else { return }
    throw KilnError(
      "differentiate.C2",
      "a function with its own derivative uses a value from outside that is differentiated; its rule says nothing about it",
      at: location, notes: ["pass the value as an argument, or put stopGradient around it"])
  }
}

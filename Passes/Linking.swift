package import KilnIR

extension Module {
  /// Adds the functions of `other`. One that is here already stays the only one; a name that another function has here
  /// gives way to a free one.
  ///
  /// - Parameter reserved: names that are not free either.
  /// - Returns: the names of `other` that are others here.
  package mutating func link(
    _ other: Module, avoiding reserved: [String] = []
  ) throws(ConstraintFailure) -> [String: String] {
    var renamed: [String: String] = [:]
    for function in other.functions {
      let function = function.replacingCallees(renamed)
      if self[function.name] == function { continue }
      let name = unusedName(function.name, avoiding: reserved)
      if name != function.name { renamed[function.name] = name }
      try append(function.renamed(name))
    }
    return renamed
  }

  /// Adds `function` under a name like `base`, with other captured parameters: its own are its last ones; instead of
  /// them hidden parameters of the types `captured` stand after the first `arguments`.
  ///
  /// - Parameter places: which of them each of its own is.
  /// - Returns: its name here.
  package mutating func add(
    _ function: Function, as base: String, arguments: Int, capturing captured: [TensorType],
    places: some Collection<Int>
  ) throws(KilnError) -> String {
    var rewriter = Rewriter(unusedName(base), in: self)
    var values = function.parameters.prefix(arguments).map { rewriter.addParameter($0) }
    let hidden = captured.enumerated().map {
      rewriter.addParameter(Function.Parameter("captured\($0)", $1, isHidden: true))
    }
    values += function.parameters[arguments...].dropLast(places.count).map { rewriter.addParameter($0) }
    values += places.map { hidden[$0] }
    let copied = try rewriter.copyBody(of: function, arguments: values)
    try add(rewriter.finish(function.results.map { copied[$0] }))
    return rewriter.name
  }

  /// Adds a function with the parameters and results of `callee` that runs it by `op`.
  /// - Returns: its name, which is like `base`.
  package mutating func addCaller(
    of callee: String, as base: String, by op: ControlOp
  ) throws(KilnError) -> String {
    var rewriter = Rewriter(unusedName(base), in: self)
    let parameters = try require(callee).parameters.map { rewriter.addParameter($0) }
    let results = try rewriter.emit(.control(op), parameters)
    try add(rewriter.finish(results))
    return rewriter.name
  }
}

extension Function {
  /// The function with its calls redirected to other functions.
  package func replacingCallees(_ names: [String: String]) -> Function {
    if names.isEmpty { return self }
    let replaced = instructions.elements.map { instruction in
      guard case .control(let op) = instruction.op else { return instruction }
      var instruction = instruction
      instruction.op = .control(op.replacingCallees { names[$0] ?? $0 })
      return instruction
    }
    return Function(
      name: name, parameters: parameters, instructions: EntityTable(replaced), results: results,
      requirements: requirements, valueTypes: valueTypes, locations: locations)
  }
}

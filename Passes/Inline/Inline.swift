package import KilnIR

extension Pass {
  /// Replaces every call by the body of the called function. The branches of `cond` and the bodies of loops stay
  /// functions, without calls of their own.
  ///
  /// A module lists callees before callers, so one walk suffices: each callee has lost its own calls already. The
  /// inlined instructions keep their own locations.
  package static let inline = Pass("inline") { module throws(KilnError) in try Inliner.inline(module) }

  /// `inline`, for functions with rules of their own and for checkpoints too. It belongs after every transform.
  package static let inlineAll = Pass("inlineAll") { module throws(KilnError) in
    try Inliner.inline(module) { $0.inlinedCallee }
  }

  /// Drops the functions that `entry` neither is nor runs.
  package static func keep(_ entry: String) -> Pass {
    Pass("keep(\(entry))") { module throws(KilnError) in try module.reachable(from: entry) }
  }
}

/// Replaces calls by bodies.
package enum Inliner {
  /// A function that calls itself never exists, but a chain of functions that call twice grows as a power of two.
  package static let maximumInstructionCount = 1 << 22

  /// - Parameter callee: the function whose body takes the place of an instruction, if one does; that of calls unless
  ///   given.
  package static func inline(
    _ module: Module, callee: (Op) -> String? = { $0.callee }
  ) throws(KilnError) -> Module {
    try checkSizes(module, callee)
    var result = Module()
    for function in module.functions { try result.add(inline(function, callees: result, callee)) }
    return result
  }

  /// Counts before anything is expanded.
  private static func checkSizes(_ module: Module, _ callee: (Op) -> String?) throws(KilnError) {
    var sizes: [String: Int] = [:]
    for function in module.functions {
      var size = function.instructions.count
      for id in function.instructions.ids {
        guard let callee = callee(function.instructions[id].op) else { continue }
        size += sizes[callee] ?? 0
        if size > maximumInstructionCount {
          throw KilnError(
            "inline.C1",
            "@\(function.name) has more than \(maximumInstructionCount) instructions with its calls inlined",
            at: function.locations[id])
        }
      }
      sizes[function.name] = size
    }
  }

  /// `function` without calls. `callees` has every function that it calls, without calls.
  private static func inline(
    _ function: Function, callees: Module, _ callee: (Op) -> String?
  ) throws(KilnError) -> Function {
    if !function.instructions.elements.contains(where: { callee($0.op) != nil }) { return function }
    var rewriter = Rewriter(function.name, in: callees)
    rewriter.inherit(function)
    var values = EntityTable<ValueID, ValueID>(function.parameters.map { rewriter.addParameter($0) })
    for id in function.instructions.ids {
      let instruction = function.instructions[id]
      let operands = instruction.operands.map { values[$0] }
      rewriter.location = function.locations[id]
      let results: [ValueID]
      if let name = callee(instruction.op) {
        let callee = try callees.require(name)
        let inlined = try rewriter.copyBody(of: callee, arguments: operands)
        results = callee.results.map { inlined[$0] }
      } else {
        results = try rewriter.emit(instruction.op, operands)
      }
      for result in results { values.append(result) }
    }
    return rewriter.finish(function.results.map { values[$0] })
  }
}

extension Op {
  /// The function that a call calls.
  package var callee: String? {
    if case .control(.call(let callee, _)) = self { callee } else { nil }
  }

  /// The function whose body takes the place of the instruction before it is lowered.
  package var inlinedCallee: String? {
    switch self {
    case .control(.call(let callee, _)), .control(.checkpoint(let callee, _)): callee
    case .control(.custom(let custom)): custom.callee
    case .control(.stopGradient), .control(.barrier), .control(.cond), .control(.while), .control(.scan), .source, .map,
      .type, .movement, .reduction, .contraction, .indexing:
      nil
    }
  }
}

extension Function {
  /// The functions that instructions of this one run, by a call, as a branch or as the body of a loop.
  package var calleeNames: [String] { instructions.elements.flatMap(\.op.callees) }

  /// Whether a call is left to inline. Branches and bodies of loops stay functions.
  package var hasCalls: Bool {
    instructions.elements.contains { if case .control(.call) = $0.op { true } else { false } }
  }
}

extension Module {
  /// `entry` and the functions that it runs, directly or not, in their order.
  package func reachable(from entry: String) throws(KilnError) -> Module {
    var needed: Set<String> = [try require(entry).name]
    var kept: [Function] = []
    for function in functions.reversed() where needed.contains(function.name) {
      needed.formUnion(function.calleeNames)
      kept.append(function)
    }
    var result = Module()
    for function in kept.reversed() { try result.add(function) }
    return result
  }
}

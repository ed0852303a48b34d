package import KilnIR

/// Builds a function by rewriting another one: a builder, the place in the user's program that the instructions built
/// now come from, and the rules that simplify each instruction as it is built.
///
/// Equal instructions are built once (the builder interns them), so every rebuilt function has no common
/// subexpressions. Rules look at the operands' definitions only, which are simplified already; one walk in program
/// order suffices.
package struct Rewriter: Sendable {
  package private(set) var builder: FunctionBuilder
  package var location = SourceLocation.unknown
  private let rules: [RewriteRule]
  private var definitions = EntityTable<ValueID, InstructionID?>()
  private var useCounts = EntityTable<ValueID, Int>()

  package init(_ name: String, in module: Module, rules: [RewriteRule] = []) {
    builder = FunctionBuilder(name, in: module)
    self.rules = rules
  }

  /// The functions that instructions may name.
  package var module: Module { builder.module }

  /// Adds a function that instructions built from now on may name.
  package mutating func addFunction(_ function: Function) throws(KilnError) { try builder.module.add(function) }

  /// Takes over a module that has all functions of the present one, and more.
  package mutating func extendModule(to module: Module) { builder.module = module }

  /// The function `name`, which an instruction names, without calls.
  package func body(_ name: String) throws(KilnError) -> Function {
    let function = try module.require(name)
    if !function.hasCalls { return function }
    return try Inliner.inline(module.reachable(from: name)).require(name)
  }

  package var name: String { builder.name }

  package func type(of value: ValueID) -> TensorType { builder.type(of: value) }

  /// The instruction built for a value; nil for a parameter.
  package func definition(of value: ValueID) -> Instruction? { definitions[value].map { builder.instructions[$0] } }

  /// The number of a size that shapes what is built. Where it is known at calls only, the trace at hand is pinned to
  /// that of its call.
  /// - Throws: `size.C4` outside of a trace.
  package func known(_ dimension: Dimension) throws(KilnError) -> Int {
    guard dimension.isSymbolic, SizePins.current == nil else { return dimension.staticSize }
    throw KilnError("size.C4", "what is built here depends on the size \(dimension); bind it to a number", at: location)
  }

  /// Whether at most one instruction or result of the function being copied uses `value`. A rule that computes
  /// something else in its place asks this, lest both are computed.
  package func isUsedOnce(_ value: ValueID) -> Bool { useCounts[value] <= 1 }

  /// The literal of a value that is a constant.
  package func literal(_ value: ValueID) -> Literal? {
    guard case .source(.constant(let literal))? = definition(of: value)?.op else { return nil }
    return literal
  }

  /// The one number of a constant whose elements are equal.
  package func splat(_ value: ValueID) -> Scalar? { literal(value)?.splat }

  package mutating func addParameter(_ parameter: Function.Parameter) -> ValueID {
    let value = builder.addParameter(parameter.name, parameter.type, isHidden: parameter.isHidden)
    definitions.append(nil)
    useCounts.append(0)
    return value
  }

  /// Adds an instruction, or finds the value that the rules know it to be.
  /// - Throws: the labelled constraint that the operands break, at `location`.
  package mutating func emit(_ op: Op, _ operands: [ValueID]) throws(KilnError) -> [ValueID] {
    for rule in rules {
      if let value = try rule.apply(&self, op, operands) { return [value] }
    }
    do {
      let count = builder.instructions.count
      let results = try builder.emit(op, operands, at: location)
      if builder.instructions.count > count {
        for _ in results {
          definitions.append(InstructionID(count))
          useCounts.append(0)
        }
      }
      return results
    } catch {
      throw KilnError(error, at: location)
    }
  }

  /// `emit` for an op with one result.
  package mutating func emitOne(_ op: Op, _ operands: [ValueID]) throws(KilnError) -> ValueID {
    try emit(op, operands)[0]
  }

  /// Takes over what sizes must meet in `function`, also for instructions that are not copied.
  package mutating func inherit(_ function: Function) {
    for requirement in function.requirements { builder.require(requirement) }
  }

  /// What takes the place of an instruction that is copied: its results; nil for a plain copy.
  package typealias Replacement = (inout Rewriter, InstructionID, [ValueID]) throws(KilnError) -> [ValueID]?

  /// Copies the instructions of `function`, whose parameters become `arguments`.
  /// - Returns: the new value of every value of `function`.
  package mutating func copyBody(
    of function: Function, arguments: [ValueID], replacing replacement: Replacement? = nil
  ) throws(KilnError) -> EntityTable<ValueID, ValueID> {
    let uses = function.useCounts()
    inherit(function)
    var values = EntityTable<ValueID, ValueID>(arguments)
    for id in function.instructions.ids {
      let instruction = function.instructions[id]
      location = function.locations[id]
      let operands = instruction.operands.map { values[$0] }
      var results = try replacement?(&self, id, operands)
      if results == nil { results = try emit(instruction.op, operands) }
      for result in results ?? [] { useCounts[result] += uses[values.append(result)] }
    }
    return values
  }

  package func finish(_ results: [ValueID]) -> Function { builder.finish(results) }
}

/// A rule that finds a cheaper value for an instruction about to be built: one with the same bits (Numerics.md W2).
package struct RewriteRule: Sendable {
  package typealias Body = @Sendable (inout Rewriter, Op, [ValueID]) throws(KilnError) -> ValueID?

  package let name: String
  package let apply: Body

  package init(_ name: String, _ apply: @escaping Body) {
    self.name = name
    self.apply = apply
  }
}

extension Function {
  /// The function built again under `rules`, with equal instructions built once.
  package func rebuilt(in module: Module, rules: [RewriteRule] = []) throws(KilnError) -> Function {
    var rewriter = Rewriter(name, in: module, rules: rules)
    let arguments = parameters.map { rewriter.addParameter($0) }
    let values = try rewriter.copyBody(of: self, arguments: arguments)
    return rewriter.finish(results.map { values[$0] })
  }
}

extension Function {
  /// The function under another name.
  package func renamed(_ name: String) -> Function {
    if name == self.name { return self }
    return Function(
      name: name, parameters: parameters, instructions: instructions, results: results, requirements: requirements,
      valueTypes: valueTypes, locations: locations)
  }
}

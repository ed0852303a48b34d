import KilnIR
import KilnPasses

extension TransformedClosure {
  /// Traces a rule and adds its function to the module.
  /// - Parameters:
  ///   - expected: the types that the rule must give, those of the real tensors if `isReal`.
  ///   - body: adds the parameters and gives the tensors of the rule's result.
  /// - Throws: `withDerivative.C1` where it gives others.
  mutating func addRule(
    _ name: String, _ expected: [TensorType], isReal: Bool = true, _ body: (Trace) -> [TensorCore]
  ) throws(KilnError) -> TracedRule {
    let location = location
    let traced = try Trace(name, at: location, in: module).recording { binder throws(KilnError) in
      let cores = body(binder.trace)
      let results = isReal ? cores.filter(\.dtype.isReal) : cores
      if results.map(\.type) != expected, !results.contains(where: { $0.kind == .poisoned }) {
        func list(_ types: [TensorType]) -> String { "(\(types.map(\.description).joined(separator: ", ")))" }
        throw KilnError(
          "withDerivative.C1",
          "the rule '\(name)' must give tensors of the types \(list(expected)), found \(list(results.map(\.type)))",
          at: location)
      }
      return (output: (), results: results)
    }
    module = try traced.recorded.module()
    return TracedRule(name: traced.recorded.function.name, captures: traced.recorded.captures)
  }

  /// A function like the closure's that runs it by a custom op. Its captured tensors are those of the closure and then
  /// of each rule, of which every function takes all and uses its own; `captures` becomes that list.
  mutating func wrapped(_ base: String, _ rules: TracedRules) throws(KilnError) -> (module: Module, name: String) {
    let groups = [captures] + [rules.pullback, rules.tangent, rules.batching].map { $0?.captures ?? [] }
    captures = groups.flatMap { $0 }
    let (arguments, types) = (leaves.count, captures.map(\.type))
    var wrapped = module
    func widened(_ name: String, _ group: Int) throws(KilnError) -> String {
      let start = groups.prefix(group).reduce(0) { $0 + $1.count }
      return try wrapped.add(
        wrapped.require(name), as: "\(name)_rule", arguments: arguments, capturing: types,
        places: start..<start + groups[group].count)
    }
    var custom = ControlOp.Custom(callee: try widened(name, 0), captured: captures.count)
    if let rule = rules.pullback { custom.pullback = try widened(rule.name, 1) }
    if let rule = rules.tangent { custom.tangent = try widened(rule.name, 2) }
    if let rule = rules.batching { custom.batching = try widened(rule.name, 3) }
    let caller = try wrapped.addCaller(of: custom.callee, as: base, by: .custom(custom))
    return (wrapped, caller)
  }
}

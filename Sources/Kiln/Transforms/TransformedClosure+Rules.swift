import KilnIR
import KilnPasses

extension TransformedClosure {
  /// Traces a rule and adds its function to the module.
  /// - Parameters:
  ///   - expected: the types that the rule must give, those of the real tensors if `isReal`.
  ///   - trace: binds the parameters and gives the tensors of the rule's result.
  /// - Throws: `withDerivative.C1` where it gives others.
  mutating func addRule(
    _ name: String, _ location: SourceLocation, _ expected: [TensorType], isReal: Bool = true,
    _ trace: (InputBinder) -> [TensorCore]
  ) throws(KilnError) -> TracedRule {
    let traced = try Trace(name, at: location, in: module).recording { binder throws(KilnError) in
      let cores = trace(binder)
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

  /// A function like the closure's that runs it by `op`, which gets its name and the number of captured tensors.
  func wrapped(
    _ base: String, _ op: (String, Int) -> ControlOp
  ) throws(KilnError) -> (module: Module, name: String) {
    let function = try module.require(name)
    var rewriter = Rewriter(module.unusedName(base), in: module)
    let parameters = function.parameters.map { rewriter.addParameter($0) }
    let results = try rewriter.emit(.control(op(name, captures.count)), parameters)
    var wrapped = module
    try wrapped.add(rewriter.finish(results))
    return (wrapped, rewriter.name)
  }

  /// `wrapped` by a custom op. Its captured tensors are those of the closure and then of each rule, of which every function takes
  /// all and uses its own; `captures` becomes that list.
  mutating func wrapped(_ base: String, _ rules: TracedRules) throws(KilnError) -> (module: Module, name: String) {
    let groups = [captures] + [rules.pullback, rules.tangent, rules.batching].map { $0?.captures ?? [] }
    captures = groups.flatMap { $0 }
    var widening = Widening(
      module: module, arguments: leaves.count, counts: groups.map(\.count), types: captures.map(\.type))
    var custom = ControlOp.Custom(callee: try widening.add(name, 0), captured: captures.count)
    if let rule = rules.pullback { custom.pullback = try widening.add(rule.name, 1) }
    if let rule = rules.tangent { custom.tangent = try widening.add(rule.name, 2) }
    if let rule = rules.batching { custom.batching = try widening.add(rule.name, 3) }
    let callee = try widening.module.require(custom.callee)
    var rewriter = Rewriter(widening.module.unusedName(base), in: widening.module)
    let parameters = callee.parameters.map { rewriter.addParameter($0) }
    let results = try rewriter.emit(.control(.custom(custom)), parameters)
    var wrapped = widening.module
    try wrapped.add(rewriter.finish(results))
    return (wrapped, rewriter.name)
  }
}

/// Gives functions the captured tensors of every group after their arguments, where they have only those of their own, at
/// their end.
private struct Widening {
  var module: Module
  let arguments: Int
  /// How many captured tensors each group has.
  let counts: [Int]
  let types: [TensorType]

  mutating func add(_ name: String, _ group: Int) throws(KilnError) -> String {
    let function = try module.require(name)
    var rewriter = Rewriter(module.unusedName("\(name)_rule"), in: module)
    let own = function.parameters.count - counts[group]
    var values = function.parameters.prefix(arguments).map { rewriter.addParameter($0) }
    var captured: [ValueID] = []
    for (index, type) in types.enumerated() {
      captured.append(rewriter.addParameter(Function.Parameter("captured\(index)", type, isHidden: true)))
    }
    values += function.parameters[arguments..<own].map { rewriter.addParameter($0) }
    let start = counts.prefix(group).reduce(0, +)
    values += captured[start..<start + counts[group]]
    let copied = try rewriter.copyBody(of: function, arguments: values)
    try module.add(rewriter.finish(function.results.map { copied[$0] }))
    return rewriter.name
  }
}

extension Trace.Capture {
  var type: TensorType {
    switch self {
    case .tensor(let core): core.type
    case .variable(let variable): variable.type
    }
  }
}

import KilnIR
import KilnPasses

/// The rules of a custom function, each a function of the module with its own captured tensors.
struct CustomRules {
  var pullback: TracedRule?
  var tangent: TracedRule?
  var batching: TracedRule?
}

/// A closure that was traced as a rule of another.
struct TracedRule {
  let name: String
  let captures: [Trace.Capture]
}

extension TransformedClosure {
  /// Traces a rule and adds its function to the module.
  /// - Parameters:
  ///   - expected: the types that the rule must give, those of the real tensors if `isReal`.
  ///   - trace: binds the parameters and gives the tensors of the rule's result.
  /// - Throws: `withDerivative.C1` where it gives others.
  mutating func addRule(
    _ name: String, _ location: SourceLocation, _ expected: [TensorType], isReal: Bool = true,
    _ trace: (inout InputBinder) -> [TensorCore]
  ) throws(KilnError) -> TracedRule {
    let traced = try Trace(name, at: location, in: module).recording { binder throws(KilnError) in
      let cores = trace(&binder)
      let results = isReal ? cores.filter(\.dtype.isReal) : cores
      if results.map(\.type) != expected, !results.contains(where: { $0.kind == .poisoned }) {
        func list(_ types: [TensorType]) -> String { "(\(types.map(\.description).joined(separator: ", ")))" }
        throw KilnError(
          "withDerivative.C1",
          "the rule '\(name)' must give real tensors of the types \(list(expected)), found \(list(results.map(\.type)))",
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
  mutating func wrapped(_ base: String, _ rules: CustomRules) throws(KilnError) -> (module: Module, name: String) {
    let groups = [captures] + [rules.pullback, rules.tangent, rules.batching].map { $0?.captures ?? [] }
    let counts = groups.map(\.count)
    captures = groups.flatMap { $0 }
    var module = module
    func widened(_ name: String, _ group: Int) throws(KilnError) -> String {
      let function = try module.require(name)
      let wide = try function.widened(group, counts, leaves.count, groups.flatMap { $0 }.map(\.type), in: module)
      try module.add(wide)
      return wide.name
    }
    var custom = ControlOp.Custom(callee: try widened(name, 0), captured: captures.count)
    if let rule = rules.pullback { custom.pullback = try widened(rule.name, 1) }
    if let rule = rules.tangent { custom.tangent = try widened(rule.name, 2) }
    if let rule = rules.batching { custom.batching = try widened(rule.name, 3) }
    let callee = try module.require(custom.callee)
    var rewriter = Rewriter(module.unusedName(base), in: module)
    let results = try rewriter.emit(
      .control(.custom(custom)), callee.parameters.map { rewriter.addParameter($0) })
    try module.add(rewriter.finish(results))
    return (module, rewriter.name)
  }
}

extension Function {
  /// The function with the captured tensors of every group after its first `arguments` parameters, where it has only those of
  /// `group`, at its end.
  fileprivate func widened(
    _ group: Int, _ counts: [Int], _ arguments: Int, _ types: [TensorType], in module: Module
  ) throws(KilnError) -> Function {
    var rewriter = Rewriter(module.unusedName("\(name)_rule"), in: module)
    let own = parameters.count - counts[group]
    var values = parameters.prefix(arguments).map { rewriter.addParameter($0) }
    var captured: [ValueID] = []
    for (index, type) in types.enumerated() {
      captured.append(rewriter.addParameter(Function.Parameter("captured\(index)", type, isHidden: true)))
    }
    values += parameters[arguments..<own].map { rewriter.addParameter($0) }
    let start = counts.prefix(group).reduce(0, +)
    values += captured[start..<start + counts[group]]
    let copied = try rewriter.copyBody(of: self, arguments: values)
    return rewriter.finish(results.map { copied[$0] })
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

extension OutputShape {
  /// The types of the tensors of a result.
  func types(of output: Output) -> [TensorType] {
    var collector = OutputVisitor()
    _ = visit(output, &collector)
    return collector.cores.map(\.type)
  }

  /// `output` with inputs of the trace in the place of its tensors; zeros in that of those that are not real, if `onlyReal`.
  func bound(_ output: Output, _ binder: inout InputBinder, _ name: String, onlyReal: Bool) -> Output {
    let trace = binder.trace
    let cores = types(of: output).map { type in
      onlyReal && !type.dtype.isReal ? TensorCore.zero(type) : trace.addInput("\(name)\(trace.inputCount)", type)
    }
    return cores.replacingTensors(of: output, by: visit)
  }
}

extension InputBinder {
  /// A tree with inputs of the trace in the place of its tensors.
  mutating func bindNext<Tree: TensorTree>(_ tree: Tree, _ name: String) -> Tree {
    let trace = trace
    return replacing(tree) { trace.addInput("\(name)\(trace.inputCount)", $0) }
  }

  /// A tree with inputs of the trace in the place of its real tensors, and zeros in that of the others.
  mutating func bindReal<Tree: TensorTree>(_ tree: Tree, _ name: String) -> Tree {
    let trace = trace
    return replacing(tree) { type in
      type.dtype.isReal ? trace.addInput("\(name)\(trace.inputCount)", type) : .zero(type)
    }
  }

  /// A tree with inputs of `size` examples in the place of its tensors.
  mutating func bindBatched<Tree: TensorTree>(_ tree: Tree, _ name: String, _ size: Int) -> Tree {
    let trace = trace
    return replacing(tree) { type in trace.addInput("\(name)\(trace.inputCount)", type.stacked(size)) }
  }

  private func replacing<Tree: TensorTree>(_ tree: Tree, _ core: (TensorType) -> TensorCore) -> Tree {
    var collector = Signature()
    collector.add(tree, "arg")
    let cores = collector.leaves.map { core($0.type) }
    return cores.replacingTensors(of: tree) { tree, visitor in visitor.visited(tree) }
  }
}

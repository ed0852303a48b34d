import KilnIR
import KilnPasses

/// The rules of a custom function, its arguments taken as one value.
struct CustomRules<Input, Output> {
  let arguments: OutputShape<Input>
  let value: OutputShape<Output>
  let pullback: ((PullbackArguments<Input, Output>) -> Input)?
  let tangent: ((TangentArguments<Input, Output>) -> Output)?
  let batched: ((BatchedArguments<Input>) -> Output)?
  let location: SourceLocation

  /// Traces the rules, and runs or records the function with them.
  /// - Throws: `withDerivative.C1` where a rule gives other types than it must.
  func run(_ closure: TransformedClosure<Output>, _ input: Input, _ output: Output) throws(KilnError) -> Output {
    var closure = closure
    let inputTypes = arguments.types(of: input)
    let outputTypes = value.types(of: output)
    var traced = TracedRules()
    if let pullback {
      traced.pullback = try closure.addRule("pullback", location, inputTypes.filter(\.dtype.isReal)) { binder in
        let x = arguments.bound(input, binder, "input")
        let y = value.bound(output, binder, "value")
        let cotangent = value.bound(output, binder, "cotangent") { $0.dtype.isReal }
        return arguments.cores(of: pullback(PullbackArguments(input: x, value: y, cotangent: cotangent)))
      }
    }
    if let tangent {
      traced.tangent = try closure.addRule("tangent", location, outputTypes.filter(\.dtype.isReal)) { binder in
        let x = arguments.bound(input, binder, "input")
        let y = value.bound(output, binder, "value")
        let tangents = arguments.bound(input, binder, "tangent") { $0.dtype.isReal }
        return value.cores(of: tangent(TangentArguments(input: x, value: y, tangent: tangents)))
      }
    }
    if let batched, let size = Trace.current?.batchSize {
      let expected = outputTypes.map { $0.stacked(size) }
      traced.batching = try closure.addRule("batched", location, expected, isReal: false) { binder in
        value.cores(of: batched(BatchedArguments(input: arguments.bound(input, binder, "input", size: size))))
      }
    }
    let wrapped = try closure.wrapped("custom", traced)
    return try closure.run(wrapped).replacingTensors(of: closure.output, by: value.visit)
  }
}

/// The traced rules of a custom function.
struct TracedRules {
  var pullback: TracedRule?
  var tangent: TracedRule?
  var batching: TracedRule?
}

/// A closure that was traced as a rule of another.
struct TracedRule {
  let name: String
  let captures: [Trace.Capture]
}

extension OutputShape {
  /// The tensors of a result.
  func cores(of output: Output) -> [TensorCore] {
    var collector = OutputVisitor()
    _ = visit(output, &collector)
    return collector.cores
  }

  /// Their types.
  func types(of output: Output) -> [TensorType] { cores(of: output).map(\.type) }

  /// `output` with inputs of the trace in the place of its tensors, with a leading axis of `size` if there is one; zeros in that of those
  /// for which `isBound` does not hold.
  fileprivate func bound(
    _ output: Output, _ binder: InputBinder, _ name: String, size: Int? = nil,
    isBound: (TensorType) -> Bool = { _ in true }
  ) -> Output {
    let trace = binder.trace
    var cores: [TensorCore] = []
    for type in types(of: output) {
      let type = size.map { type.stacked($0) } ?? type
      cores.append(isBound(type) ? trace.addInput("\(name)\(trace.inputCount)", type) : .zero(type))
    }
    return cores.replacingTensors(of: output, by: visit)
  }
}

import KilnIR
import KilnPasses

/// The rules of a custom function, its arguments taken as one value.
struct CustomRules<Input, Output> {
  let arguments: OutputShape<Input>
  let pullback: ((PullbackArguments<Input, Output>) -> Input)?
  let tangent: ((TangentArguments<Input, Output>) -> Output)?
  let batched: ((BatchedArguments<Input>) -> Output)?

  /// Traces the rules, and runs or records the function with them.
  /// - Throws: `withDerivative.C1` where a rule gives other types than it must.
  func run(_ closure: TransformedClosure<Output>, _ input: Input) throws(KilnError) -> [TensorCore] {
    var closure = closure
    let (value, output) = (closure.shape, closure.output)
    let (inputTypes, outputTypes) = (closure.leaves.map(\.type), closure.resultTypes)
    var rules = TracedRules()
    if let pullback {
      rules.pullback = try closure.addRule("pullback", inputTypes.filter(\.dtype.isReal)) { trace in
        let x = arguments.bound(input, inputTypes, trace, "input")
        let y = value.bound(output, outputTypes, trace, "value")
        let cotangent = value.bound(output, outputTypes, trace, "cotangent") { $0.dtype.isReal }
        return arguments.taken(pullback(PullbackArguments(input: x, value: y, cotangent: cotangent))).results
      }
    }
    if let tangent {
      rules.tangent = try closure.addRule("tangent", outputTypes.filter(\.dtype.isReal)) { trace in
        let x = arguments.bound(input, inputTypes, trace, "input")
        let y = value.bound(output, outputTypes, trace, "value")
        let tangents = arguments.bound(input, inputTypes, trace, "tangent") { $0.dtype.isReal }
        return value.taken(tangent(TangentArguments(input: x, value: y, tangent: tangents))).results
      }
    }
    if let batched, let size = Trace.current?.batchSize {
      func stacked(_ types: [TensorType]) -> [TensorType] { types.map { $0.stacked(size) } }
      rules.batching = try closure.addRule("batched", stacked(outputTypes), isReal: false) { trace in
        let x = arguments.bound(input, stacked(inputTypes), trace, "input")
        return value.taken(batched(BatchedArguments(input: x))).results
      }
    }
    let wrapped = try closure.wrapped("custom", rules)
    return try closure.run(wrapped)
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
  /// `output` with inputs of these types instead of its tensors, and with zeros instead of those for which `isBound`
  /// does not hold.
  fileprivate func bound(
    _ output: Output, _ types: [TensorType], _ trace: Trace, _ name: String,
    isBound: (TensorType) -> Bool = { _ in true }
  ) -> Output {
    filled(
      output, with: types.map { isBound($0) ? trace.addInput("\(name)\(trace.inputCount)", $0) : .zero($0) })
  }
}

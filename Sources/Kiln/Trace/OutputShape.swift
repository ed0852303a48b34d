import KilnIR

/// How the tensors of a closure's result are visited: a tree, or several.
struct OutputShape<Output>: Sendable {
  let visit: @Sendable (Output, inout OutputVisitor) -> Output

  static func tree() -> OutputShape where Output: TensorTree { OutputShape { $1.visited($0) } }

  static func nothing() -> OutputShape where Output == Void { OutputShape { _, _ in } }

  static func pair<First: TensorTree, Second: TensorTree>() -> OutputShape where Output == (First, Second) {
    OutputShape { output, visitor in (visitor.visited(output.0), visitor.visited(output.1)) }
  }

  static func trees<each Part: TensorTree>() -> OutputShape where Output == (repeat each Part) {
    OutputShape { output, visitor in (repeat visitor.visited(each output)) }
  }

  /// `output` with its tensors poisoned by `error`, which is noted, or stops the program; stops it where there is none, as after
  /// a function that calls itself for ever.
  func poisoned(_ output: Output?, by error: KilnError) -> Output {
    guard let output else { Failure.stop(error) }
    var collector = OutputVisitor()
    let template = visit(output, &collector)
    let types = collector.cores.map(\.type)
    let poisons = Failure.poison(error, types.isEmpty ? [TensorType(.f32, .scalar)] : types)
    if collector.failure != nil { return output }
    return poisons.replacingTensors(of: template, by: visit)
  }
}

extension [TensorCore] {
  /// `output` with these tensors in the place of its own.
  func replacingTensors<Output>(
    of output: Output, by visitOutput: (Output, inout OutputVisitor) -> Output
  ) -> Output {
    var cores: [TensorCore?] = self
    return cores.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return output }
      var visitor = OutputVisitor(results: base)
      return visitOutput(output, &visitor)
    }
  }
}

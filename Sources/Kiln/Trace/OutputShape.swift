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

  /// The output without its tensors, and these.
  func taken(_ output: Output) -> (output: Output, results: [TensorCore]) {
    var visitor = OutputVisitor()
    let template = visit(output, &visitor)
    return (template, visitor.cores)
  }

  /// `output` with `cores` instead of its tensors.
  func filled(_ output: Output, with cores: [TensorCore]) -> Output {
    var cores: [TensorCore?] = cores
    return cores.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return output }
      var visitor = OutputVisitor(results: base)
      return visit(output, &visitor)
    }
  }

  /// `output` with its tensors poisoned by `error`, which is noted, or stops the program; without an error it stops the
  /// program, as after endless recursion.
  func poisoned(_ output: Output?, by error: KilnError) -> Output {
    guard let output else { Failure.stop(error) }
    var collector = OutputVisitor()
    let template = visit(output, &collector)
    let poisons = Failure.poison(error, collector.cores.map(\.type))
    return collector.failure == nil ? filled(template, with: poisons) : output
  }
}

/// Trees with tensors poisoned by `error`, which is noted, or stops the program.
func poisoned<each Input: TensorTree>(_ input: repeat each Input, by error: KilnError) -> (repeat each Input) {
  let types = signature("arg", of: repeat each input).leaves.map(\.type)
  return replacingTensors(of: repeat each input, by: Failure.poison(error, types))
}

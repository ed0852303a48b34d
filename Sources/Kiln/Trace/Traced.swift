public import KilnIR

/// A closure as a program: print it, transform its module, run it.
///
/// ```swift
/// let program = try trace(x, w) { x, w in relu(matmul(x, w)) }
/// print(program)
/// let results = try program.run([AnyTensor(x), AnyTensor(w)])
/// ```
public struct Traced: Sendable, CustomStringConvertible {
  /// The traced function, last, and the functions that it calls.
  public let module: Module
  /// The name of the traced function.
  public let name: String
  let captures: [Trace.Capture]

  /// The traced function.
  public var function: Function { module.functions[module.functions.count - 1] }

  /// The tensors that the closure captured, by the names of their hidden parameters.
  public var capturedTensors: [(name: String, tensor: AnyTensor)] {
    zip(function.parameters.suffix(captures.count), captures).map { ($0.name, AnyTensor($1.core())) }
  }

  /// The text of the module.
  public var description: String { module.description }

  /// Runs the program on the current device.
  /// - Parameter inputs: One tensor per parameter that is not hidden.
  /// - Throws: `run.C2` for other inputs than the parameters say, and what the run finds.
  public func run(_ inputs: [AnyTensor]) throws(KilnError) -> [AnyTensor] {
    let expected = function.parameters.dropLast(captures.count).map(\.type)
    guard inputs.map(\.type) == expected else {
      func list(_ types: [TensorType]) -> String { "(\(types.map(\.description).joined(separator: ", ")))" }
      throw KilnError(
        "run.C2", "@\(name) takes \(list(expected)), found \(list(inputs.map(\.type)))", at: CallSite.here()
      )
      .resolved()
    }
    for input in inputs where !input.core.isConcrete {
      throw KilnError("run.C5", "a program runs on tensors with elements", at: CallSite.here()).resolved()
    }
    do {
      return try Programs.run(module, name, inputs.map(\.core), captures).map { AnyTensor($0) }
    } catch {
      throw error.resolved()
    }
  }
}

/// Records what `body` does with a tensor of the type of `x`.
/// - Throws: every diagnostic of the operations in `body`; what `body` throws as the `cause` of one.
public func trace<Element: TensorElement, Scalar: TensorElement>(
  _ x: Tensor<Element>, file: StaticString = #filePath, line: UInt = #line,
  of body: (Tensor<Element>) throws -> Tensor<Scalar>
) throws(KilnError) -> Traced {
  try traced(SourceLocation(file, line), body, .tree(), inputs: x)
}

/// Records what `body` does with tensors of the types of `input`.
/// - Throws: every diagnostic of the operations in `body`; what `body` throws as the `cause` of one.
@_disfavoredOverload
public func trace<each Input: TensorTree, Output: TensorTree>(
  _ input: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody of body: (repeat each Input) throws -> Output
) throws(KilnError) -> Traced {
  try traced(SourceLocation(file, line), body, .tree(), inputs: repeat each input)
}

/// Records what `body`, which gives two trees, does with tensors of the types of `input`.
/// - Throws: every diagnostic of the operations in `body`; what `body` throws as the `cause` of one.
public func trace<each Input: TensorTree, First: TensorTree, Second: TensorTree>(
  _ input: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody of body: (repeat each Input) throws -> (First, Second)
) throws(KilnError) -> Traced {
  try traced(SourceLocation(file, line), body, .pair(), inputs: repeat each input)
}

/// Records what `body`, which gives three trees or more, does with tensors of the types of `input`.
/// - Throws: every diagnostic of the operations in `body`; what `body` throws as the `cause` of one.
public func trace<
  each Input: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree
>(
  _ input: repeat each Input, file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody of body: (repeat each Input) throws -> (First, Second, Third, repeat each Rest)
) throws(KilnError) -> Traced {
  try traced(SourceLocation(file, line), body, .trees(), inputs: repeat each input)
}

private func traced<each Input: TensorTree, Output>(
  _ location: SourceLocation, _ body: (repeat each Input) throws -> Output, _ shape: OutputShape<Output>,
  inputs input: repeat each Input
) throws(KilnError) -> Traced {
  let traced = try Trace("main", at: location).recording { binder throws(KilnError) in
    let arguments = binder.bindArguments(repeat each input)
    return shape.taken(try KilnError.catching(at: location) { () throws in try body(repeat each arguments) })
  }
  return Traced(
    module: try traced.recorded.module(), name: traced.recorded.function.name, captures: traced.recorded.captures)
}

import KilnIR

// `compile`, spelled out for up to six parameters: a parameter pack would accept a closure with an `inout` parameter and
// silently drop what it assigns (Documentation/Decisions/0004). A closure gives one tree, or several in a tuple.

private func one<Output: TensorTree>(_ output: Output, _ visitor: inout OutputVisitor) -> Output {
  visitor.visited(output)
}

/// Compiles a closure: it is traced at the first call, transformed, fused, and run as a static plan.
///
/// ```swift
/// let f = compile { (x: Tensor<Float>, y: Tensor<Float>) in tanh(x) * y }
/// let z = f(x, y)
/// ```
/// The closure's parameters need their types. It is `@Sendable`: it cannot capture a `var`, so nothing it captured goes stale;
/// state is an argument, an `inout` first parameter or a `Variable`.
public func compile<Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable () -> Output
) -> Compiled<Output> { Compiled(body, options, SourceLocation(file, line)) { one($0, &$1) } }

/// Compiles a closure: it is traced at the first call, transformed, fused, and run as a static plan.
///
/// ```swift
/// let f = compile { (x: Tensor<Float>, y: Tensor<Float>) in tanh(x) * y }
/// let z = f(x, y)
/// ```
/// The closure's parameters need their types. It is `@Sendable`: it cannot capture a `var`, so nothing it captured goes stale;
/// state is an argument, an `inout` first parameter or a `Variable`.
public func compile<each Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable () -> (repeat each Output)
) -> Compiled<(repeat each Output)> {
  Compiled(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<State: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State) -> Output
) -> CompiledUpdate<State, Output> { CompiledUpdate(body, options, SourceLocation(file, line)) { one($0, &$1) } }

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<State: TensorTree, each Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State) -> (repeat each Output)
) -> CompiledUpdate<State, (repeat each Output)> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// See `compile` of a closure without parameters.
public func compile<A: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A) -> Output
) -> Compiled<Output, A> { Compiled(body, options, SourceLocation(file, line)) { one($0, &$1) } }

/// See `compile` of a closure without parameters.
public func compile<A: TensorTree, each Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A) -> (repeat each Output)
) -> Compiled<(repeat each Output), A> {
  Compiled(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<State: TensorTree, A: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A) -> Output
) -> CompiledUpdate<State, Output, A> { CompiledUpdate(body, options, SourceLocation(file, line)) { one($0, &$1) } }

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<State: TensorTree, A: TensorTree, each Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A) -> (repeat each Output)
) -> CompiledUpdate<State, (repeat each Output), A> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// See `compile` of a closure without parameters.
public func compile<A: TensorTree, B: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A, B) -> Output
) -> Compiled<Output, A, B> { Compiled(body, options, SourceLocation(file, line)) { one($0, &$1) } }

/// See `compile` of a closure without parameters.
public func compile<A: TensorTree, B: TensorTree, each Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A, B) -> (repeat each Output)
) -> Compiled<(repeat each Output), A, B> {
  Compiled(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<State: TensorTree, A: TensorTree, B: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B) -> Output
) -> CompiledUpdate<State, Output, A, B> { CompiledUpdate(body, options, SourceLocation(file, line)) { one($0, &$1) } }

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<State: TensorTree, A: TensorTree, B: TensorTree, each Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B) -> (repeat each Output)
) -> CompiledUpdate<State, (repeat each Output), A, B> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// See `compile` of a closure without parameters.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A, B, C) -> Output
) -> Compiled<Output, A, B, C> { Compiled(body, options, SourceLocation(file, line)) { one($0, &$1) } }

/// See `compile` of a closure without parameters.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, each Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A, B, C) -> (repeat each Output)
) -> Compiled<(repeat each Output), A, B, C> {
  Compiled(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C) -> Output
) -> CompiledUpdate<State, Output, A, B, C> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { one($0, &$1) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, each Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C) -> (repeat each Output)
) -> CompiledUpdate<State, (repeat each Output), A, B, C> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// See `compile` of a closure without parameters.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A, B, C, D) -> Output
) -> Compiled<Output, A, B, C, D> { Compiled(body, options, SourceLocation(file, line)) { one($0, &$1) } }

/// See `compile` of a closure without parameters.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, each Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A, B, C, D) -> (repeat each Output)
) -> Compiled<(repeat each Output), A, B, C, D> {
  Compiled(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D) -> Output
) -> CompiledUpdate<State, Output, A, B, C, D> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { one($0, &$1) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, each Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D) -> (repeat each Output)
) -> CompiledUpdate<State, (repeat each Output), A, B, C, D> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// See `compile` of a closure without parameters.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A, B, C, D, E) -> Output
) -> Compiled<Output, A, B, C, D, E> { Compiled(body, options, SourceLocation(file, line)) { one($0, &$1) } }

/// See `compile` of a closure without parameters.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, each Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A, B, C, D, E) -> (repeat each Output)
) -> Compiled<(repeat each Output), A, B, C, D, E> {
  Compiled(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D, E) -> Output
) -> CompiledUpdate<State, Output, A, B, C, D, E> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { one($0, &$1) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, each Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D, E) -> (repeat each Output)
) -> CompiledUpdate<State, (repeat each Output), A, B, C, D, E> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// See `compile` of a closure without parameters.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A, B, C, D, E, F) -> Output
) -> Compiled<Output, A, B, C, D, E, F> { Compiled(body, options, SourceLocation(file, line)) { one($0, &$1) } }

/// See `compile` of a closure without parameters.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, each Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (A, B, C, D, E, F) -> (repeat each Output)
) -> Compiled<(repeat each Output), A, B, C, D, E, F> {
  Compiled(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D, E, F) -> Output
) -> CompiledUpdate<State, Output, A, B, C, D, E, F> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { one($0, &$1) }
}

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  each Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D, E, F) -> (repeat each Output)
) -> CompiledUpdate<State, (repeat each Output), A, B, C, D, E, F> {
  CompiledUpdate(body, options, SourceLocation(file, line)) { output, visitor in (repeat visitor.visited(each output)) }
}

import KilnIR

// `compile`, spelled out for up to eight parameters: a parameter pack would accept a closure with an `inout` parameter
// and silently drop what it assigns (Documentation/Decisions/0004). Here: closures that update their first parameter
// and give one tree, or nothing.

/// Compiles a closure that updates its first parameter in place; see `CompiledUpdate`.
///
/// ```swift
/// let step = compile { (model: inout Tensor<Float>, x: Tensor<Float>) in
///   model = model - 0.1 * x
///   return (model * x).sum()
/// }
/// let loss = step(updating: &model, x)
/// ```
public func compile<State: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State) throws -> Output
) -> CompiledUpdate<State, Output> { CompiledUpdate(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<State: TensorTree, A: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A) throws -> Output
) -> CompiledUpdate<State, Output, A> { CompiledUpdate(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<State: TensorTree, A: TensorTree, B: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B) throws -> Output
) -> CompiledUpdate<State, Output, A, B> { CompiledUpdate(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C) throws -> Output
) -> CompiledUpdate<State, Output, A, B, C> { CompiledUpdate(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D) throws -> Output
) -> CompiledUpdate<State, Output, A, B, C, D> { CompiledUpdate(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D, E) throws -> Output
) -> CompiledUpdate<State, Output, A, B, C, D, E> { CompiledUpdate(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D, E, F) throws -> Output
) -> CompiledUpdate<State, Output, A, B, C, D, E, F> {
  CompiledUpdate(body, options, SourceLocation(file, line), .tree())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  G: TensorTree, Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D, E, F, G) throws -> Output
) -> CompiledUpdate<State, Output, A, B, C, D, E, F, G> {
  CompiledUpdate(body, options, SourceLocation(file, line), .tree())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  G: TensorTree, H: TensorTree, Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D, E, F, G, H) throws -> Output
) -> CompiledUpdate<State, Output, A, B, C, D, E, F, G, H> {
  CompiledUpdate(body, options, SourceLocation(file, line), .tree())
}

/// See `compile` of a closure with an `inout` parameter alone.
@_disfavoredOverload public func compile<State: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State) throws -> Void
) -> CompiledUpdate<State, Void> { CompiledUpdate(body, options, SourceLocation(file, line), .nothing()) }

/// See `compile` of a closure with an `inout` parameter alone.
@_disfavoredOverload public func compile<State: TensorTree, A: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A) throws -> Void
) -> CompiledUpdate<State, Void, A> { CompiledUpdate(body, options, SourceLocation(file, line), .nothing()) }

/// See `compile` of a closure with an `inout` parameter alone.
@_disfavoredOverload public func compile<State: TensorTree, A: TensorTree, B: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B) throws -> Void
) -> CompiledUpdate<State, Void, A, B> { CompiledUpdate(body, options, SourceLocation(file, line), .nothing()) }

/// See `compile` of a closure with an `inout` parameter alone.
@_disfavoredOverload public func compile<State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C) throws -> Void
) -> CompiledUpdate<State, Void, A, B, C> { CompiledUpdate(body, options, SourceLocation(file, line), .nothing()) }

/// See `compile` of a closure with an `inout` parameter alone.
@_disfavoredOverload public func compile<State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D) throws -> Void
) -> CompiledUpdate<State, Void, A, B, C, D> { CompiledUpdate(body, options, SourceLocation(file, line), .nothing()) }

/// See `compile` of a closure with an `inout` parameter alone.
@_disfavoredOverload
public func compile<State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D, E) throws -> Void
) -> CompiledUpdate<State, Void, A, B, C, D, E> {
  CompiledUpdate(body, options, SourceLocation(file, line), .nothing())
}

/// See `compile` of a closure with an `inout` parameter alone.
@_disfavoredOverload
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D, E, F) throws -> Void
) -> CompiledUpdate<State, Void, A, B, C, D, E, F> {
  CompiledUpdate(body, options, SourceLocation(file, line), .nothing())
}

/// See `compile` of a closure with an `inout` parameter alone.
@_disfavoredOverload
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  G: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D, E, F, G) throws -> Void
) -> CompiledUpdate<State, Void, A, B, C, D, E, F, G> {
  CompiledUpdate(body, options, SourceLocation(file, line), .nothing())
}

/// See `compile` of a closure with an `inout` parameter alone.
@_disfavoredOverload
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  G: TensorTree, H: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  _ body: @escaping @Sendable (inout State, A, B, C, D, E, F, G, H) throws -> Void
) -> CompiledUpdate<State, Void, A, B, C, D, E, F, G, H> {
  CompiledUpdate(body, options, SourceLocation(file, line), .nothing())
}

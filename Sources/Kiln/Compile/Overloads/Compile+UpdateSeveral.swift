import KilnIR

// `compile`, spelled out for up to eight parameters: a parameter pack would accept a closure with an `inout` parameter
// and silently drop what it assigns (Documentation/Decisions/0004). Here: closures that update their first parameter
// and give several trees.

/// `compile` of a closure that updates its first parameter and gives several trees, in a tuple.
public func compile<State: TensorTree, First: TensorTree, Second: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State) throws -> (First, Second)
) -> CompiledUpdate<State, (First, Second)> { CompiledUpdate(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<State: TensorTree, A: TensorTree, First: TensorTree, Second: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A) throws -> (First, Second)
) -> CompiledUpdate<State, (First, Second), A> { CompiledUpdate(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<State: TensorTree, A: TensorTree, B: TensorTree, First: TensorTree, Second: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B) throws -> (First, Second)
) -> CompiledUpdate<State, (First, Second), A, B> { CompiledUpdate(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, First: TensorTree, Second: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C) throws -> (First, Second)
) -> CompiledUpdate<State, (First, Second), A, B, C> {
  CompiledUpdate(body, options, SourceLocation(file, line), .pair())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, First: TensorTree, Second: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D) throws -> (First, Second)
) -> CompiledUpdate<State, (First, Second), A, B, C, D> {
  CompiledUpdate(body, options, SourceLocation(file, line), .pair())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, First: TensorTree,
  Second: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D, E) throws -> (First, Second)
) -> CompiledUpdate<State, (First, Second), A, B, C, D, E> {
  CompiledUpdate(body, options, SourceLocation(file, line), .pair())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  First: TensorTree, Second: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D, E, F) throws -> (First, Second)
) -> CompiledUpdate<State, (First, Second), A, B, C, D, E, F> {
  CompiledUpdate(body, options, SourceLocation(file, line), .pair())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  G: TensorTree, First: TensorTree, Second: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D, E, F, G) throws -> (First, Second)
) -> CompiledUpdate<State, (First, Second), A, B, C, D, E, F, G> {
  CompiledUpdate(body, options, SourceLocation(file, line), .pair())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  G: TensorTree, H: TensorTree, First: TensorTree, Second: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D, E, F, G, H) throws -> (First, Second)
) -> CompiledUpdate<State, (First, Second), A, B, C, D, E, F, G, H> {
  CompiledUpdate(body, options, SourceLocation(file, line), .pair())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<State: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State) throws -> (First, Second, Third, repeat each Rest)
) -> CompiledUpdate<State, (First, Second, Third, repeat each Rest)> {
  CompiledUpdate(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A) throws -> (First, Second, Third, repeat each Rest)
) -> CompiledUpdate<State, (First, Second, Third, repeat each Rest), A> {
  CompiledUpdate(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree,
  each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B) throws -> (First, Second, Third, repeat each Rest)
) -> CompiledUpdate<State, (First, Second, Third, repeat each Rest), A, B> {
  CompiledUpdate(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, First: TensorTree, Second: TensorTree,
  Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C) throws -> (First, Second, Third, repeat each Rest)
) -> CompiledUpdate<State, (First, Second, Third, repeat each Rest), A, B, C> {
  CompiledUpdate(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, First: TensorTree, Second: TensorTree,
  Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (inout State, A, B, C, D) throws -> (First, Second, Third, repeat each Rest)
) -> CompiledUpdate<State, (First, Second, Third, repeat each Rest), A, B, C, D> {
  CompiledUpdate(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, First: TensorTree,
  Second: TensorTree, Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body:
    @escaping @Sendable (inout State, A, B, C, D, E) throws -> (First, Second, Third, repeat each Rest)
) -> CompiledUpdate<State, (First, Second, Third, repeat each Rest), A, B, C, D, E> {
  CompiledUpdate(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body:
    @escaping @Sendable (inout State, A, B, C, D, E, F) throws -> (First, Second, Third, repeat each Rest)
) -> CompiledUpdate<State, (First, Second, Third, repeat each Rest), A, B, C, D, E, F> {
  CompiledUpdate(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  G: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body:
    @escaping @Sendable (inout State, A, B, C, D, E, F, G) throws -> (First, Second, Third, repeat each Rest)
) -> CompiledUpdate<State, (First, Second, Third, repeat each Rest), A, B, C, D, E, F, G> {
  CompiledUpdate(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure with an `inout` parameter alone.
public func compile<
  State: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree,
  G: TensorTree, H: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body:
    @escaping @Sendable (inout State, A, B, C, D, E, F, G, H) throws -> (First, Second, Third, repeat each Rest)
) -> CompiledUpdate<State, (First, Second, Third, repeat each Rest), A, B, C, D, E, F, G, H> {
  CompiledUpdate(body, options, SourceLocation(file, line), .trees())
}

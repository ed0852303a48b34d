import KilnIR

// `compile`, spelled out for up to eight parameters: a parameter pack would accept a closure with an `inout` parameter
// and silently drop what it assigns (Documentation/Decisions/0004). Here: closures that give several trees. Two are
// written out, so that labelled pairs fit; an empty tuple fits nowhere.

/// `compile` of a closure that gives several trees, in a tuple.
public func compile<First: TensorTree, Second: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable () throws -> (First, Second)
) -> Compiled<(First, Second)> { Compiled(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<A: TensorTree, First: TensorTree, Second: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A) throws -> (First, Second)
) -> Compiled<(First, Second), A> { Compiled(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<A: TensorTree, B: TensorTree, First: TensorTree, Second: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B) throws -> (First, Second)
) -> Compiled<(First, Second), A, B> { Compiled(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, First: TensorTree, Second: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C) throws -> (First, Second)
) -> Compiled<(First, Second), A, B, C> { Compiled(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, First: TensorTree, Second: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D) throws -> (First, Second)
) -> Compiled<(First, Second), A, B, C, D> { Compiled(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, First: TensorTree, Second: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E) throws -> (First, Second)
) -> Compiled<(First, Second), A, B, C, D, E> { Compiled(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, First: TensorTree,
  Second: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E, F) throws -> (First, Second)
) -> Compiled<(First, Second), A, B, C, D, E, F> { Compiled(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, G: TensorTree,
  First: TensorTree, Second: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E, F, G) throws -> (First, Second)
) -> Compiled<(First, Second), A, B, C, D, E, F, G> { Compiled(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, G: TensorTree,
  H: TensorTree, First: TensorTree, Second: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E, F, G, H) throws -> (First, Second)
) -> Compiled<(First, Second), A, B, C, D, E, F, G, H> { Compiled(body, options, SourceLocation(file, line), .pair()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable () throws -> (First, Second, Third, repeat each Rest)
) -> Compiled<(First, Second, Third, repeat each Rest)> {
  Compiled(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure without parameters that gives one tree.
public func compile<A: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A) throws -> (First, Second, Third, repeat each Rest)
) -> Compiled<(First, Second, Third, repeat each Rest), A> {
  Compiled(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B) throws -> (First, Second, Third, repeat each Rest)
) -> Compiled<(First, Second, Third, repeat each Rest), A, B> {
  Compiled(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree,
  each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C) throws -> (First, Second, Third, repeat each Rest)
) -> Compiled<(First, Second, Third, repeat each Rest), A, B, C> {
  Compiled(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree,
  each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D) throws -> (First, Second, Third, repeat each Rest)
) -> Compiled<(First, Second, Third, repeat each Rest), A, B, C, D> {
  Compiled(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, First: TensorTree, Second: TensorTree,
  Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E) throws -> (First, Second, Third, repeat each Rest)
) -> Compiled<(First, Second, Third, repeat each Rest), A, B, C, D, E> {
  Compiled(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, First: TensorTree,
  Second: TensorTree, Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E, F) throws -> (First, Second, Third, repeat each Rest)
) -> Compiled<(First, Second, Third, repeat each Rest), A, B, C, D, E, F> {
  Compiled(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, G: TensorTree,
  First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E, F, G) throws -> (First, Second, Third, repeat each Rest)
) -> Compiled<(First, Second, Third, repeat each Rest), A, B, C, D, E, F, G> {
  Compiled(body, options, SourceLocation(file, line), .trees())
}

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, G: TensorTree,
  H: TensorTree, First: TensorTree, Second: TensorTree, Third: TensorTree, each Rest: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E, F, G, H) throws -> (First, Second, Third, repeat each Rest)
) -> Compiled<(First, Second, Third, repeat each Rest), A, B, C, D, E, F, G, H> {
  Compiled(body, options, SourceLocation(file, line), .trees())
}

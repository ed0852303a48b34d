import KilnIR

// `compile`, spelled out for up to eight parameters: a parameter pack would accept a closure with an `inout` parameter
// and silently drop what it assigns (Documentation/Decisions/0004). Here: closures that give one tree.

/// Compiles a closure: it is traced at the first call, transformed, fused, and run as a static plan.
///
/// ```swift
/// let f = compile { (x: Tensor<Float>, y: Tensor<Float>) in tanh(x) * y }
/// let z = f(x, y)
/// ```
/// The closure's parameters need their types. It is `@Sendable`: it cannot capture a `var`, so nothing it captured goes
/// stale; state is an argument, an `inout` first parameter or a `Variable`. What it throws comes out of `run` as the
/// `cause` of a `KilnError`.
public func compile<Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable () throws -> Output
) -> Compiled<Output> { Compiled(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<A: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A) throws -> Output
) -> Compiled<Output, A> { Compiled(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<A: TensorTree, B: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B) throws -> Output
) -> Compiled<Output, A, B> { Compiled(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C) throws -> Output
) -> Compiled<Output, A, B, C> { Compiled(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D) throws -> Output
) -> Compiled<Output, A, B, C, D> { Compiled(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, Output: TensorTree>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E) throws -> Output
) -> Compiled<Output, A, B, C, D, E> { Compiled(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E, F) throws -> Output
) -> Compiled<Output, A, B, C, D, E, F> { Compiled(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, G: TensorTree,
  Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E, F, G) throws -> Output
) -> Compiled<Output, A, B, C, D, E, F, G> { Compiled(body, options, SourceLocation(file, line), .tree()) }

/// See `compile` of a closure without parameters that gives one tree.
public func compile<
  A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, E: TensorTree, F: TensorTree, G: TensorTree,
  H: TensorTree, Output: TensorTree
>(
  options: CompileOptions = CompileOptions(), file: StaticString = #filePath, line: UInt = #line,
  @ClosureBody _ body: @escaping @Sendable (A, B, C, D, E, F, G, H) throws -> Output
) -> Compiled<Output, A, B, C, D, E, F, G, H> { Compiled(body, options, SourceLocation(file, line), .tree()) }

/// The error for a closure that no `compile` takes.
@available(
  *, unavailable,
  message:
    "a compiled closure takes up to eight trees of tensors with their types written (a Bool or an Int as Static<Bool>), inout only the first, and gives a tree or a tuple of trees"
)
@_disfavoredOverload
public func compile<Body>(options: CompileOptions = CompileOptions(), _ body: Body) -> Compiled<Tensor<Float>> {
  refused()
}

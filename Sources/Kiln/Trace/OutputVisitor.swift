import KilnIR

extension TensorCore {
  fileprivate static let placeholder = makePlaceholder()

  /// What stands for a result in the template of a call.
  static func makePlaceholder() -> TensorCore {
    TensorCore(
      poisoned: Diagnostic("tensor.invalid", "this tensor stands for the result of a call"), TensorType(.f32, .scalar),
      noted: nil)
  }
}

/// Takes the tensors out of results, and puts others in.
struct OutputVisitor: TensorVisitor {
  // What the collecting visitor finds is an object of its own: a warm call replaces, and has nothing to destroy.
  private enum Mode {
    case collecting(Findings)
    case replacing(UnsafeMutablePointer<TensorCore?>)
  }

  private final class Findings {
    var cores: [TensorCore] = []
    var failure: Diagnostic?
  }

  private let mode: Mode
  private var next = 0

  /// Moves the tensors to `cores`.
  init() { mode = .collecting(Findings()) }
  /// Replaces the tensors, in their order, by those at `results`, which it takes away; nil leaves the tensor.
  init(results: UnsafeMutablePointer<TensorCore?>) { mode = .replacing(results) }

  var cores: [TensorCore] { findings?.cores ?? [] }
  /// The fault of a result's type; a trace that is there has it noted.
  var failure: Diagnostic? { findings?.failure }

  private var findings: Findings? {
    switch mode {
    case .collecting(let findings): findings
    case .replacing: nil
    }
  }

  mutating func leaf(_ tensor: inout AnyTensor) {
    switch mode {
    case .collecting(let findings):
      findings.cores.append(tensor.core)
      // A template must not keep the trace alive.
      tensor.core = .placeholder
    case .replacing(let results):
      if let core = results[next].take() { tensor.core = core }
      next += 1
    }
  }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}

  mutating func visited<Tree: TensorTree>(_ tree: Tree) -> Tree {
    if case .collecting(let findings) = mode, let failure = TreeCheck.failure(of: tree) {
      findings.failure = findings.failure ?? failure
      Trace.current?.note(failure)
      guard TreeCheck.isValue(tree) else { return tree }
    }
    if Tree._isTensor, case .replacing(let results) = mode, results[next] != nil {
      defer { next += 1 }
      return Self.tensor(at: results + next)
    }
    var tree = tree
    tree.visit(&self)
    return tree
  }

  /// Takes a tensor away without counting references to it.
  private static func tensor<Tree: TensorTree>(at result: UnsafeMutablePointer<TensorCore?>) -> Tree {
    defer { result.initialize(to: nil) }
    return UnsafeMutableRawPointer(result).assumingMemoryBound(to: Tree.self).move()
  }

  /// `visited`, but the tensors of an object stay: for trees that may not have been looked at.
  mutating func visitedIfValue<Tree: TensorTree>(_ tree: Tree) -> Tree {
    TreeCheck.isValue(tree) ? visited(tree) : tree
  }
}

import KilnIR

/// Puts the inputs of a trace in the place of the tensors of a tree. The fault of a tree's type is noted in the trace.
struct InputBinder: TensorVisitor {
  let trace: Trace
  private(set) var inputs: [TensorCore] = []
  private var path = TreePath()
  private var bindsElements = false

  init(_ trace: Trace) { self.trace = trace }

  mutating func bind<Tree: TensorTree>(_ tree: Tree, _ name: String) -> Tree {
    if let failure = TreeCheck.failure(of: tree) {
      trace.note(failure)
      guard TreeCheck.isValue(tree) else { return tree }
    }
    var tree = tree
    visit(&tree, name)
    return tree
  }

  /// Binds elements along the leading axes of the tensors of `tree`, each of which has one.
  mutating func bindElements<Tree: TensorTree>(_ tree: Tree, _ name: String) -> Tree {
    bindsElements = true
    defer { bindsElements = false }
    return bind(tree, name)
  }

  mutating func leaf(_ tensor: inout AnyTensor) {
    let type = tensor.core.type
    let input = trace.addInput(path.irName, bindsElements ? type.element : type)
    inputs.append(input)
    tensor = AnyTensor(input)
  }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}
  mutating func enter(_ name: String) { path.enter(name) }
  mutating func enter(_ index: Int) { path.enter(String(index)) }
  mutating func leave() { path.leave() }
}

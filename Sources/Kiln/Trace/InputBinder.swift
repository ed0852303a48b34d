import KilnIR

/// Replaces the tensors of a tree by the inputs of a trace. The fault of a tree's type is noted in the trace.
struct InputBinder: TensorVisitor {
  let trace: Trace
  private var path = TreePath()
  private var bindsElements = false
  /// The types of the next inputs, where they are not those of the tensors.
  var types: ArraySlice<TensorType> = []

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

  /// Binds the trees of arguments, which are named by their numbers.
  mutating func bindArguments<each Tree: TensorTree>(_ trees: repeat each Tree) -> (repeat each Tree) {
    func bound<Argument: TensorTree>(_ tree: Argument, _ index: inout Int) -> Argument {
      defer { index += 1 }
      return bind(tree, "arg\(index)")
    }
    var index = 0
    return (repeat bound(each trees, &index))
  }

  /// Binds elements along the leading axes of the tensors of `tree`, each of which has one.
  mutating func bindElements<Tree: TensorTree>(_ tree: Tree, _ name: String) -> Tree {
    bindsElements = true
    defer { bindsElements = false }
    return bind(tree, name)
  }

  mutating func leaf(_ tensor: inout AnyTensor) {
    let type = tensor.core.type
    tensor = AnyTensor(trace.addInput(path.irName, types.popFirst() ?? (bindsElements ? type.element : type)))
  }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}
  mutating func enter(_ name: String) { path.enter(name) }
  mutating func enter(_ index: Int) { path.enter(String(index)) }
  mutating func leave() { path.leave() }
}

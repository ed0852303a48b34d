/// The arguments of a call beside its warm path. A function that hands a parameter pack on copies every element into
/// memory whose size it looks up first, so the warm path does not hand packs on.
struct Arguments {
  private class Argument {
    func match(_ matcher: inout SignatureMatcher) {}
  }

  private final class TypedArgument<Tree: TensorTree>: Argument {
    let tree: Tree
    init(_ tree: Tree) { self.tree = tree }
    override func match(_ matcher: inout SignatureMatcher) { matcher.match(tree) }
  }

  private var arguments: [Argument] = []
  private var nextIndex = 0

  mutating func append(_ tree: some TensorTree) { arguments.append(TypedArgument(tree)) }

  /// The next one, of the type that it had when it was appended.
  mutating func next<Tree: TensorTree>(_ type: Tree.Type) -> Tree {
    nextIndex += 1
    return unsafeDowncast(arguments[nextIndex - 1], to: TypedArgument<Tree>.self).tree
  }

  func match(_ matcher: inout SignatureMatcher) {
    for argument in arguments { argument.match(&matcher) }
  }
}

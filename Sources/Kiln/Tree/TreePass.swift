import KilnIR

/// One pass over the tensors at the same places of several trees of one structure, all computed before any is replaced.
struct TreePass<Scalar: TensorElement> {
  private let names: [String]
  /// For each tree, its tensors.
  private var tensors: [[AnyTensor]]
  /// The places of the tensors that are worked on.
  private var places: ArraySlice<Int> = []

  /// Trees of different structures (`tree.C4`), or with real tensors of another type where `Scalar` is real, are
  /// diagnostics; then there are no places.
  init(_ trees: [some TensorTree], of type: Scalar.Type) {
    let all = trees.map(\.tensors)
    names = all[0].map(\.name)
    tensors = all.map { $0.map(\.tensor) }
    if let diagnostic = TreeStructure.difference(all) ?? otherReal() {
      let first = Failure.poison(diagnostic, TensorType(Scalar.dtype, .scalar))
      tensors = tensors.map { $0.map { AnyTensor(Failure.poison(after: first, $0.type)) } }
      return
    }
    places = tensors[0].indices.filter { tensors[0][$0].dtype == Scalar.dtype }[...]
  }

  private func otherReal() -> Diagnostic? {
    guard Scalar.dtype.isReal else { return nil }
    guard let place = tensors[0].firstIndex(where: { $0.dtype.isReal && $0.dtype != Scalar.dtype }) else { return nil }
    return Diagnostic(
      "tree.C4",
      "the closure takes tensors of \(Scalar.dtype), and \(TreeStructure.shown(names[place])) is \(tensors[0][place].type)",
      at: CallSite.here(), notes: ["`of: Double.self` takes those of f64; `+`, `-` and `*` take all real types"])
  }

  mutating func next() -> Int? { places.popFirst() }
  func name(_ place: Int) -> String { names[place] }
  subscript(tree: Int, place: Int) -> Tensor<Scalar> { Tensor(unchecked: tensors[tree][place]) }
  mutating func set(_ tree: Int, _ place: Int, _ result: Tensor<Scalar>) { tensors[tree][place] = result.untyped }
  func results(_ tree: Int) -> [AnyTensor] { tensors[tree] }
}

/// Whether trees have the same tensors.
enum TreeStructure {
  typealias Entry = (name: String, tensor: AnyTensor)

  /// `tree.C4`: the first difference in names or element types of a tree from the first one.
  static func difference(_ trees: [[Entry]]) -> Diagnostic? {
    for (number, tree) in trees.enumerated().dropFirst() {
      for place in 0..<max(tree.count, trees[0].count) {
        let expected = place < trees[0].count ? trees[0][place] : nil
        let found = place < tree.count ? tree[place] : nil
        if expected?.name == found?.name, expected?.tensor.dtype == found?.tensor.dtype { continue }
        func text(_ entry: Entry?) -> String { entry.map { "\(shown($0.name)): \($0.tensor.type)" } ?? "nothing" }
        return Diagnostic(
          "tree.C4",
          "trees that are combined have the same structure; the first has \(text(expected)) where tree \(number + 1) has "
            + text(found), at: CallSite.here())
      }
    }
    return nil
  }

  /// The name of a tensor in a message; that of a bare tensor is empty.
  static func shown(_ name: String) -> String { name.isEmpty ? "the tensor" : name }
}

extension Failure {
  /// Poisoned tensors of the types of `tensors`, after one diagnostic.
  static func poison(_ diagnostic: Diagnostic, _ tensors: [AnyTensor]) -> [AnyTensor] {
    let first = poison(diagnostic, TensorType(.f32, .scalar))
    return tensors.map { AnyTensor(poison(after: first, $0.type)) }
  }
}

import KilnIR

/// Finds stored properties that a tree's `visit` forgets: their tensors would be frozen, their constants no part of the key.
enum TreeCheck {
  /// Whether trees are checked when they are first compiled: in debug builds.
  static let isEnabled: Bool = {
    var isDebug = false
    assert(
      {
        isDebug = true
        return true
      }())
    return isDebug
  }()

  /// - Throws: `tree.C2`, naming the type and the property.
  static func check(_ tree: some TensorTree) throws(KilnError) {
    guard isEnabled, let forgotten = forgotten(in: tree) else { return }
    throw KilnError("tree.C2", forgotten, at: CallSite.here()).resolved()
  }

  private static func forgotten(in value: Any) -> String? {
    if value is any TensorProtocol { return nil }
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .struct || mirror.displayStyle == .class, let tree = value as? any TensorTree {
      let names = shownNames(tree)
      let labels = mirror.children.compactMap(\.label)
      // A property may be shown under another name, so only their number counts.
      if names.count < labels.count, let missing = labels.first(where: { !names.contains($0) }) {
        return "visit of \(type(of: value)) does not show its stored property '\(missing)'"
      }
    }
    for child in mirror.children {
      if let found = forgotten(in: child.value) { return found }
    }
    return nil
  }

  private static func shownNames(_ tree: some TensorTree) -> Set<String> {
    var tree = tree
    var visitor = TopNames()
    tree.visit(&visitor)
    return visitor.names
  }
}

/// The names that a tree shows itself, not those of its subtrees.
private struct TopNames: TensorVisitor {
  static var isReadOnly: Bool { true }
  var names: Set<String> = []
  private var depth = 0

  mutating func leaf(_ tensor: inout AnyTensor) {}
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) { note(name) }
  mutating func enter(_ name: String) {
    note(name)
    depth += 1
  }
  mutating func enter(_ index: Int) { depth += 1 }
  mutating func leave() { depth -= 1 }

  private mutating func note(_ name: String) { if depth == 0 { names.insert(name) } }
}

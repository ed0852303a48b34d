public import Kiln

/// What the macros write for a property. They see how it is written and not its type, so the compiler chooses.
extension TensorVisitor {
  /// Goes through a tree.
  @inlinable public mutating func property(_ tree: inout some TensorTree, _ name: String) { visit(&tree, name) }

  /// Shows a constant.
  @inlinable public mutating func property(_ value: inout some Hashable & Sendable, _ name: String) {
    constant(value, name)
  }

  /// Goes through a tree that could be a constant.
  @inlinable public mutating func property(_ tree: inout some TensorTree & Hashable & Sendable, _ name: String) {
    visit(&tree, name)
  }

  /// What can be neither.
  @available(
    *, unavailable,
    message: "the property is neither a TensorTree nor Hashable and Sendable; @Ignored leaves it out of the tree"
  )
  public mutating func property<Value>(_ value: inout Value, _ name: String) {}

  /// Shows a constant.
  @inlinable public mutating func property(_ value: some Hashable & Sendable, _ name: String) { constant(value, name) }

  /// A tree that cannot change.
  @available(*, unavailable, message: "the tensors of a tree are replaced: the property has to be a var")
  public mutating func property(_ tree: some TensorTree, _ name: String) {}

  /// What can be neither.
  @available(
    *, unavailable,
    message: "the property is neither a TensorTree nor Hashable and Sendable; @Ignored leaves it out of the tree"
  )
  public mutating func property<Value>(_ value: Value, _ name: String) {}
}

/// What the macros show for a property with `@Ignored`: the same for every value.
public struct IgnoredProperty: Hashable, Sendable {
  /// The mark.
  @inlinable public init() {}
}

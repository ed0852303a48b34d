/// Kiln's objects that a tree may keep without showing them: programs read variables at each call, and functions and
/// generators have no part in the program.
protocol NoPartOfTrees: AnyObject {}

extension Variable: NoPartOfTrees {}
extension Compiled: NoPartOfTrees {}
extension CompiledUpdate: NoPartOfTrees {}
extension Generator: NoPartOfTrees {}
extension GradientTape: NoPartOfTrees {}

/// What `Mirror` finds in a tree.
enum StoredValues {
  /// Deeper values are not looked at; objects may refer to each other in circles.
  static let maximumDepth = 32
  /// How many elements of a collection that is not a tree are looked at; of numbers and the like, one.
  private static let sampleCount = 4096

  /// The name of a property whose storage has another: a wrapper's, or that of a lazy property.
  static func name(_ label: String) -> String {
    let lazy = "$__lazy_storage_$_"
    if label.hasPrefix(lazy) { return String(label.dropFirst(lazy.utf8.count)) }
    return label.hasPrefix("_") ? String(label.dropFirst()) : label
  }

  /// The stored values of `mirror`; of a collection that is not a tree, such as a million numbers, the first ones.
  static func children(_ mirror: Mirror, isTree: Bool) -> [Mirror.Child] {
    switch mirror.displayStyle {
    case .collection, .set, .dictionary: isTree ? Array(mirror.children) : sample(mirror)
    default: Array(mirror.children)
    }
  }

  private static func sample(_ mirror: Mirror) -> [Mirror.Child] {
    guard let first = mirror.children.first else { return [] }
    let isSimple = !(first.value is any TensorProtocol) && Mirror(reflecting: first.value).children.isEmpty
    return Array(mirror.children.prefix(isSimple ? 1 : sampleCount))
  }

  /// Whether a property need not be shown.
  static func isExempt(_ value: Any) -> Bool { value is any NoPartOfTrees }

  /// The tensors in `value`, but for those in objects.
  static func cores(in value: Any) -> [TensorCore] {
    var cores: [TensorCore] = []
    collect(value, 0) { value, isInObject in
      guard !isInObject, let tensor = value as? any TensorProtocol else { return }
      cores.append(tensor.core)
    }
    return cores
  }

  /// The tensors in the objects that `value` holds.
  static func coresOfObjects(in value: Any) -> [TensorCore] {
    var cores: [TensorCore] = []
    collect(value, 0) { value, isInObject in
      guard isInObject, let tensor = value as? any TensorProtocol else { return }
      cores.append(tensor.core)
    }
    return cores
  }

  /// The class of the first object in `value`.
  static func className(in value: Any) -> String {
    var name: String?
    collect(value, 0) { value, _ in
      if name == nil, Mirror(reflecting: value).displayStyle == .class { name = "\(type(of: value))" }
    }
    return name ?? "\(type(of: value))"
  }

  /// The trees in `value` that no other tree in it encloses.
  static func outermostTrees(in value: Any) -> [any TensorTree] {
    if let tree = value as? any TensorTree { return [tree] }
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .class { return [] }
    return children(mirror, isTree: false).flatMap { outermostTrees(in: $0.value) }
  }

  private static func collect(
    _ value: Any, _ depth: Int, isInObject: Bool = false, _ found: (Any, _ isInObject: Bool) -> Void
  ) {
    if value is any TensorProtocol {
      found(value, isInObject)
      return
    }
    if depth > maximumDepth || isExempt(value) { return }
    let mirror = Mirror(reflecting: value)
    let isObject = mirror.displayStyle == .class
    if isObject { found(value, isInObject) }
    for child in children(mirror, isTree: value is any TensorTree) {
      collect(child.value, depth + 1, isInObject: isInObject || isObject, found)
    }
  }
}

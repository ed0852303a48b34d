import KilnIR
import KilnRuntime

/// Compares what a tree stores, which `Mirror` tells, with what its `visit` reaches.
///
/// Tensors are compared by what happens to them: in a copy, whose tensors a visitor has replaced by others with the
/// same elements, no tensor of the original may be left; and in the original all must be left. Names do not matter for
/// that. Other values can only be counted.
enum TreeInspection {
  static func fault(in tree: some TensorTree) -> TreeFault? {
    if let fault = objectFault(in: tree, of: nil, depth: 0) { return fault }
    return visitFault(in: tree)
  }

  // MARK: - Objects

  /// The first object among the stored trees. Nothing is visited.
  private static func objectFault(in value: Any, of place: (type: String, property: String)?, depth: Int) -> TreeFault?
  {
    if value is any TensorProtocol || depth > StoredValues.maximumDepth { return nil }
    let mirror = Mirror(reflecting: value)
    let isTree = value is any TensorTree
    if mirror.displayStyle == .class {
      guard isTree else { return nil }
      let object = "\(type(of: value))"
      return place.map { .holdsObject($0.type, $0.property, object) } ?? .isObject(object)
    }
    for child in StoredValues.children(mirror, isTree: isTree) {
      var place = place
      if isTree, !(value is any TreeGroup), mirror.displayStyle == .struct, let label = child.label {
        place = ("\(type(of: value))", StoredValues.name(label))
      }
      if let found = objectFault(in: child.value, of: place, depth: depth + 1) { return found }
    }
    return nil
  }

  // MARK: - What visit reaches

  private static func visitFault<Tree: TensorTree>(in tree: Tree) -> TreeFault? {
    if tree is any TensorProtocol { return nil }
    let mirror = Mirror(reflecting: tree)
    for child in StoredValues.children(mirror, isTree: true) {
      for nested in StoredValues.outermostTrees(in: child.value) {
        if let fault = visitFault(in: nested) { return fault }
      }
    }
    switch mirror.displayStyle {
    case .struct: return structFault(in: tree, mirror)
    case .enum: return enumFault(in: tree, mirror)
    // The containers of the library show all that they have.
    default: return nil
    }
  }

  private static func structFault<Tree: TensorTree>(in tree: Tree, _ mirror: Mirror) -> TreeFault? {
    let type = "\(Tree.self)"
    if mirror.children.isEmpty && MemoryLayout<Tree>.size > 0 {
      ReflectionNote.write(type)
      return nil
    }
    if let fault = tensorFault(in: tree, mirror) { return fault }
    var shown = TopLevel()
    var copy = tree
    copy.visit(&shown)
    // Properties without tensors: shown by their names, or under names that no property has.
    let labels = mirror.children.compactMap(\.label).map(StoredValues.name)
    var spare = shown.names.filter { !labels.contains($0) }.count
    for child in mirror.children {
      let name = StoredValues.name(child.label ?? "")
      if shown.names.contains(name) || StoredValues.isExempt(child.value) { continue }
      if !StoredValues.cores(in: child.value).isEmpty { continue }
      if spare == 0 { return .hides(type, name) }
      spare -= 1
    }
    return nil
  }

  private static func enumFault<Tree: TensorTree>(in tree: Tree, _ mirror: Mirror) -> TreeFault? {
    if let fault = tensorFault(in: tree, mirror) { return fault }
    var shown = TopLevel()
    var copy = tree
    copy.visit(&shown)
    return shown.constantCount == 0 ? .hidesCase("\(Tree.self)") : nil
  }

  private static func tensorFault<Tree: TensorTree>(in tree: Tree, _ mirror: Mirror) -> TreeFault? {
    let stored = Set(mirror.children.flatMap { StoredValues.cores(in: $0.value) }.map { ObjectIdentifier($0) })
    let held = mirror.children.map { StoredValues.coresOfObjects(in: $0.value) }
    if stored.isEmpty && held.allSatisfy(\.isEmpty) { return nil }
    var copy = tree
    var twins = TwinMaker()
    copy.visit(&twins)
    for (child, before) in zip(mirror.children, held) {
      let after = StoredValues.coresOfObjects(in: child.value)
      if zip(before, after).allSatisfy({ $0 === $1 }) { continue }
      // They were written into an object: it gets its own back.
      var restorer = Restorer(twins.originals)
      copy.visit(&restorer)
      return .holdsObject("\(Tree.self)", StoredValues.name(child.label ?? ""), StoredValues.className(in: child.value))
    }
    return withExtendedLifetime(twins.originals) {
      for child in Mirror(reflecting: copy).children {
        if StoredValues.cores(in: child.value).contains(where: { stored.contains(ObjectIdentifier($0)) }) {
          return .hides("\(Tree.self)", StoredValues.name(child.label ?? ""))
        }
      }
      return nil
    }
  }
}

/// Kiln's own trees of trees, which no message names.
protocol TreeGroup: TensorTree {}

/// Replaces each tensor by another core of the same elements.
private struct TwinMaker: TensorVisitor {
  var originals: [TensorCore] = []

  mutating func leaf(_ tensor: inout AnyTensor) {
    originals.append(tensor.core)
    tensor = AnyTensor(tensor.core.twin)
  }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}
}

private struct Restorer: TensorVisitor {
  private var rest: ArraySlice<TensorCore>

  init(_ cores: [TensorCore]) { rest = cores[...] }

  mutating func leaf(_ tensor: inout AnyTensor) { if let core = rest.popFirst() { tensor = AnyTensor(core) } }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}
}

extension TensorCore {
  /// Another core that shows the same elements, or is the same value of a trace.
  fileprivate var twin: TensorCore {
    switch kind {
    case .buffer, .view, .device, .deviceView: return TensorCore(viewing: self, as: interned)
    case .poisoned: return TensorCore(poisoned: poison.reason, type, noted: poison.noted)
    case .traced:
      guard let (trace, value) = traced else { return self }
      return TensorCore(traced: value, of: trace, type)
    }
  }
}

/// What a tree shows itself, not in its subtrees.
private struct TopLevel: TensorVisitor {
  static var isReadOnly: Bool { true }
  var names: Set<String> = []
  var constantCount = 0
  private var depth = 0

  mutating func leaf(_ tensor: inout AnyTensor) {}
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {
    guard depth == 0 else { return }
    names.insert(name)
    constantCount += 1
  }
  mutating func enter(_ name: String) {
    if depth == 0 { names.insert(name) }
    depth += 1
  }
  mutating func enter(_ index: Int) { enter(String(index)) }
  mutating func leave() { depth -= 1 }
}

/// Says once that trees cannot be inspected.
private enum ReflectionNote {
  private static let isWritten = Lock(false)

  static func write(_ type: String) {
    let isFirst = isWritten.withLock { isWritten in
      defer { isWritten = true }
      return !isWritten
    }
    guard isFirst else { return }
    System.writeToStandardError(
      "kiln: note: \(type) was built without reflection metadata, so nothing checks that its visit shows every property\n"
    )
  }
}

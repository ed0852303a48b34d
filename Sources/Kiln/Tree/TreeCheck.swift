import KilnIR
import KilnRuntime
import Synchronization

/// The gate of trees: everything that takes a tree asks here before it writes into one. A type is inspected when a tree
/// of its kind is first seen; calls of compiled programs that are there do not ask.
enum TreeCheck {
  /// What was inspected and found right: a type, and which optionals and collections of it were filled.
  private struct Kind: Hashable {
    let type: ObjectIdentifier
    let structure: Int
  }

  private struct State {
    var sound: Set<Kind> = []
    /// Types with a tree that is not a value.
    var refused: Set<ObjectIdentifier> = []
  }

  /// Structures without end, such as a cache that grows at each turn, are forgotten and inspected again.
  private static let maximumCount = 4096
  private static let state = Lock(State())
  private static let hasRefused = Atomic(false)

  /// Why `tree` cannot be used: `tree.C2`, a stored property that `visit` leaves out; `tree.C3`, an object.
  static func failure<Tree: TensorTree>(of tree: Tree) -> Diagnostic? {
    if Tree.self is AnyObject.Type { return refusal(Tree.self, TreeFault.isObject("\(Tree.self)")) }
    var structure = StructureHasher()
    var copy = tree
    copy.visit(&structure)
    let kind = Kind(type: ObjectIdentifier(Tree.self), structure: structure.value)
    if state.withLock({ $0.sound.contains(kind) }) { return nil }
    if let fault = TreeInspection.fault(in: tree) { return refusal(Tree.self, fault) }
    state.withLock { state in
      if state.sound.count >= maximumCount { state.sound = [] }
      state.sound.insert(kind)
    }
    return nil
  }

  /// Whether tensors may be written into a copy of `tree`: not if they would be those of an object.
  static func isValue<Tree: TensorTree>(_ tree: Tree) -> Bool {
    guard hasRefused.load(ordering: .acquiring),
      state.withLock({ $0.refused.contains(ObjectIdentifier(Tree.self)) })
    else { return true }
    return failure(of: tree)?.label != TreeFault.objectLabel
  }

  /// Inspects `tree` also if one like it was found right.
  /// - Throws: `tree.C2` or `tree.C3`.
  static func check<Tree: TensorTree>(_ tree: Tree) throws(KilnError) {
    if let failure = failure(of: tree) { throw KilnError(failure).resolved() }
    if let fault = TreeInspection.fault(in: tree) { throw KilnError(refusal(Tree.self, fault)).resolved() }
  }

  private static func refusal<Tree: TensorTree>(_ type: Tree.Type, _ fault: TreeFault) -> Diagnostic {
    if fault.label == TreeFault.objectLabel {
      state.withLock { _ = $0.refused.insert(ObjectIdentifier(type)) }
      hasRefused.store(true, ordering: .releasing)
    }
    return Diagnostic(fault.label, fault.message, at: CallSite.here(), notes: fault.notes)
  }
}

/// A fault of a type that conforms to `TensorTree`.
struct TreeFault {
  static let objectLabel = "tree.C3"

  let label: String
  let message: String
  var notes: [String] = []

  static func isObject(_ type: String) -> TreeFault {
    TreeFault(
      label: objectLabel, message: "a tree is a value, and \(type) is a class",
      notes: ["a copy of an object is the object itself, so results would be written into it; make it a struct"])
  }

  static func holdsObject(_ type: String, _ property: String, _ object: String) -> TreeFault {
    TreeFault(
      label: objectLabel, message: "a tree is a value, and \(type) holds an object of class \(object) in '\(property)'",
      notes: ["a copy of an object is the object itself, so results would be written into it; make it a struct"])
  }

  static func hides(_ type: String, _ property: String) -> TreeFault {
    TreeFault(
      label: "tree.C2", message: "visit of \(type) does not show its stored property '\(property)'",
      notes: [
        "it would be frozen in compiled programs and have no gradient: `visitor.visit(&\(property), \"\(property)\")` shows "
          + "a tree, `visitor.constant(\(property), \"\(property)\")` another value"
      ])
  }

  static func hidesCase(_ type: String) -> TreeFault {
    TreeFault(
      label: "tree.C2", message: "visit of the enum \(type) does not show which case it is",
      notes: ["programs would be shared between cases: `visitor.constant(…, \"case\")` tells them apart"])
  }
}

/// The names, leaves and subtrees of a tree as one number.
private struct StructureHasher: TensorVisitor {
  static var isReadOnly: Bool { true }
  private var hasher = Hasher()
  var value: Int { hasher.finalize() }

  mutating func leaf(_ tensor: inout AnyTensor) { hasher.combine(0) }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {
    hasher.combine(1)
    hasher.combine(name)
  }
  mutating func enter(_ name: String) {
    hasher.combine(2)
    hasher.combine(name)
  }
  mutating func enter(_ index: Int) { hasher.combine(3) }
  mutating func leave() { hasher.combine(4) }
}

import KilnIR

/// One thing that decides which program a call runs: the type of a tensor, or a value that is part of the program.
enum SignatureItem {
  case tensor(InternedType)
  case constant(ConstantBox)

  static func == (a: SignatureItem, b: SignatureItem) -> Bool {
    switch (a, b) {
    case (.tensor(let a), .tensor(let b)): a == b
    case (.constant(let a), .constant(let b)): a.isEqual(to: b)
    case (.tensor, .constant), (.constant, .tensor): false
    }
  }
}

/// A constant of any type, compared without a cast or an allocation.
class ConstantBox {
  func holds<Other: Hashable>(_ other: Other) -> Bool { false }
  func isEqual(to other: ConstantBox) -> Bool { false }
  var text: String { "" }
}

final class TypedConstantBox<Value: Hashable>: ConstantBox {
  let value: Value

  init(_ value: Value) { self.value = value }

  override func holds<Other: Hashable>(_ other: Other) -> Bool {
    guard Other.self == Value.self else { return false }
    return withUnsafePointer(to: other) { pointer in
      pointer.withMemoryRebound(to: Value.self, capacity: 1) { $0.pointee == value }
    }
  }

  override func isEqual(to other: ConstantBox) -> Bool { other.holds(value) }
  override var text: String { "\(value)" }
}

/// The arguments of one call, taken apart: what decides the program, the tensors, and the name of each.
struct Signature {
  /// The line of the call.
  let location = CallSite.here()
  private(set) var items: [SignatureItem] = []
  /// The name of each item: `arg0.layers.0.weight`.
  private(set) var names: [String] = []
  private(set) var leaves: [TensorCore] = []
  private(set) var leafNames: [String] = []
  /// How many tensors each tree has.
  private(set) var leafCounts: [Int] = []
  /// What makes the call impossible, such as a tensor of another trace.
  var failure: Diagnostic? { treeFailure ?? leafFailure }
  /// A fault of the type of a tree.
  private(set) var treeFailure: Diagnostic?
  private var leafFailure: Diagnostic?
  /// Where the call has to run.
  private(set) var device = Device.current
  fileprivate var path = TreePath()

  /// The types of the tensors.
  var types: [TensorType] {
    items.compactMap { item in
      if case .tensor(let type) = item { type.type } else { nil }
    }
  }

  /// Whether a call differs from this one in the types of its tensors only.
  func hasForm(of other: Signature) -> Bool {
    guard device == other.device, items.count == other.items.count, names == other.names else { return false }
    return zip(items, other.items).allSatisfy { mine, others in
      switch (mine, others) {
      case (.tensor, .tensor): true
      case (.constant, .constant): mine == others
      case (.tensor, .constant), (.constant, .tensor): false
      }
    }
  }

  /// What is left of it when the call has ended.
  var withoutTensors: Signature {
    var signature = self
    signature.leaves = []
    return signature
  }

  mutating func add(_ tree: some TensorTree, _ name: String) {
    if treeFailure == nil { treeFailure = TreeCheck.failure(of: tree) }
    var tree = tree
    let count = leaves.count
    visit(&tree, name)
    leafCounts.append(leaves.count - count)
  }

  mutating func addArguments<each Tree: TensorTree>(_ prefix: String, _ trees: repeat each Tree) {
    var index = 0
    for tree in repeat each trees {
      add(tree, "\(prefix)\(index)")
      index += 1
    }
  }

  /// Decides where the call runs: on the device that the function names, where the arguments lie, or on the current
  /// one.
  ///
  /// - Throws: what makes the call impossible; `device.C1` for arguments on other devices.
  mutating func place(on named: Device?) throws(KilnError) {
    if let failure { throw KilnError(failure) }
    do throws(KilnError) {
      let found = try Placement.device(of: leaves) { leafNames[$0] }
      device = named ?? found ?? .current
      for (leaf, name) in zip(leaves, leafNames) { try Placement.check(leaf, on: device, named: name) }
    } catch {
      throw error.located(at: location)
    }
  }

  /// The first item in which a later signature of the same tree differs.
  func firstDifference(from new: Signature) -> CompilationReport.Reason? {
    for (index, item) in items.enumerated() {
      guard index < new.items.count, names[index] == new.names[index] else {
        let found = index < new.items.count ? new.names[index] : "nothing"
        return CompilationReport.Reason(name: "the structure at \(names[index])", old: names[index], new: found)
      }
      if !(item == new.items[index]) {
        return CompilationReport.Reason(name: names[index], old: item.text, new: new.items[index].text)
      }
    }
    guard items.count < new.items.count else { return nil }
    return CompilationReport.Reason(
      name: "the structure", old: "\(items.count) values", new: "\(new.items.count) values")
  }
}

extension Signature: TensorVisitor {
  static var isReadOnly: Bool { true }

  mutating func leaf(_ tensor: inout AnyTensor) {
    let core = tensor.core
    items.append(.tensor(core.interned))
    names.append(path.description)
    leaves.append(core)
    leafNames.append(path.description)
    if core.kind == .poisoned, leafFailure == nil {
      leafFailure = Diagnostic(
        "tensor.invalid", "\(path.description) has no value", at: location,
        notes: ["because: \(core.poison.reason.resolved())"])
    }
    if core.kind == .traced, Trace.current == nil, leafFailure == nil { leafFailure = Failure.strayed(core) }
  }

  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {
    items.append(.constant(TypedConstantBox(value)))
    names.append(path.names.isEmpty ? name : "\(path.description).\(name)")
  }

  mutating func enter(_ name: String) { path.enter(name) }
  mutating func enter(_ index: Int) { path.enter(String(index)) }
  mutating func leave() { path.leave() }
}

/// The names and the tensors of trees, in order.
func signature<each Input: TensorTree>(_ prefix: String, of input: repeat each Input) -> Signature {
  var signature = Signature()
  signature.addArguments(prefix, repeat each input)
  return signature
}

import KilnIR

/// One thing that decides which program a call runs: the type of a tensor, or a value that is part of the program.
enum SignatureItem {
  case tensor(Unmanaged<InternedType>)
  case constant(ConstantBox)

  static func == (a: SignatureItem, b: SignatureItem) -> Bool {
    switch (a, b) {
    case (.tensor(let a), .tensor(let b)): a.toOpaque() == b.toOpaque()
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
  /// What makes the call impossible, such as a tensor of another trace.
  var failure: Diagnostic? { treeFailure ?? leafFailure }
  /// A fault of the type of a tree.
  private(set) var treeFailure: Diagnostic?
  private var leafFailure: Diagnostic?
  /// Where the call has to run.
  private(set) var device = Device.current
  fileprivate var path = TreePath()

  mutating func add(_ tree: some TensorTree, _ name: String) {
    if treeFailure == nil { treeFailure = TreeCheck.failure(of: tree) }
    var tree = tree
    visit(&tree, name)
  }

  /// Decides where the call runs: on the device that the function names, where the arguments lie, or on the current one.
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
    items.append(.tensor(.passUnretained(core.interned)))
    names.append(path.description)
    leaves.append(core)
    leafNames.append(path.description)
    if core.kind == .poisoned, leafFailure == nil {
      leafFailure = Diagnostic(
        "tensor.invalid", "\(path.description) has no value", at: location,
        notes: ["because: \(core.poison.reason.resolved())"])
    }
    if core.kind == .traced, Trace.current == nil, leafFailure == nil { leafFailure = strayed(core) }
  }

  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {
    items.append(.constant(TypedConstantBox(value)))
    names.append(path.names.isEmpty ? name : "\(path.description).\(name)")
  }

  mutating func enter(_ name: String) { path.enter(name) }
  mutating func enter(_ index: Int) { path.enter(String(index)) }
  mutating func leave() { path.leave() }
}

/// Compares a call's arguments with those of a program that is there, without allocating, and notes where the tensors lie.
struct SignatureMatcher: TensorVisitor {
  static var isReadOnly: Bool { true }

  private unowned(unsafe) let program: CompiledProgram
  private unowned(unsafe) let ambient: Ambient?
  private let items: UnsafeBufferPointer<SignatureItem>
  private let addresses: UnsafeMutablePointer<UnsafeRawPointer>
  private let wantsCores: Bool
  private var next = 0
  private var leafCount = 0
  private var matches = true
  /// Whether some argument lies on the program's device, and so decides where the call runs.
  private var isPlaced: Bool

  /// - Parameter isNamed: whether the function names its device.
  init(
    _ program: CompiledProgram, _ ambient: Ambient?, isNamed: Bool, addresses: UnsafeMutablePointer<UnsafeRawPointer>
  ) {
    self.program = program
    self.ambient = ambient
    items = program.items
    self.addresses = addresses
    wantsCores = program.onDevice != nil
    isPlaced = isNamed
  }

  var isComplete: Bool { matches && next == items.count && (isPlaced || program.isWanted(ambient)) }

  mutating func leaf(_ tensor: inout AnyTensor) {
    let core = tensor.core
    guard matches, next < items.count, case .tensor(let type) = items[next],
      type.toOpaque() == Unmanaged.passUnretained(core.interned).toOpaque(), accepts(core)
    else {
      matches = false
      return
    }
    let address = wantsCores ? Unmanaged.passUnretained(core).toOpaque() : core.pointer
    addresses.advanced(by: leafCount).initialize(to: UnsafeRawPointer(address))
    next += 1
    leafCount += 1
  }

  private mutating func accepts(_ core: TensorCore) -> Bool {
    switch core.kind {
    case .buffer, .view: return true
    case .device, .deviceView:
      isPlaced = true
      return core.deviceElements?.device == program.device
    case .traced, .poisoned: return false
    }
  }

  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {
    guard matches, next < items.count, case .constant(let box) = items[next], box.holds(value) else {
      matches = false
      return
    }
    next += 1
  }
}

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

extension TensorCore {
  fileprivate static let placeholder = TensorCore(
    poisoned: Diagnostic("tensor.invalid", "this tensor stands for the result of a call"), TensorType(.f32, .scalar),
    noted: nil)
}

/// Takes the tensors out of results, and puts others in.
struct OutputVisitor: TensorVisitor {
  // What the collecting visitor finds is an object of its own: a warm call replaces, and has nothing to destroy.
  private enum Mode {
    case collecting(Findings)
    case replacing(UnsafeMutablePointer<TensorCore?>)
  }

  private final class Findings {
    var cores: [TensorCore] = []
    var failure: Diagnostic?
  }

  private let mode: Mode
  private var next = 0

  /// Moves the tensors to `cores`.
  init() { mode = .collecting(Findings()) }
  /// Replaces the tensors, in their order, by those at `results`, which it takes away; nil leaves the tensor.
  init(results: UnsafeMutablePointer<TensorCore?>) { mode = .replacing(results) }

  var cores: [TensorCore] { findings?.cores ?? [] }
  /// The fault of a result's type; a trace that is there has it noted.
  var failure: Diagnostic? { findings?.failure }

  private var findings: Findings? {
    switch mode {
    case .collecting(let findings): findings
    case .replacing: nil
    }
  }

  mutating func leaf(_ tensor: inout AnyTensor) {
    switch mode {
    case .collecting(let findings):
      findings.cores.append(tensor.core)
      // A template must not keep the trace alive.
      tensor.core = .placeholder
    case .replacing(let results):
      if let core = results[next].take() { tensor.core = core }
      next += 1
    }
  }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}

  mutating func visited<Tree: TensorTree>(_ tree: Tree) -> Tree {
    if case .collecting(let findings) = mode, let failure = TreeCheck.failure(of: tree) {
      findings.failure = findings.failure ?? failure
      Trace.current?.note(failure)
      guard TreeCheck.isValue(tree) else { return tree }
    }
    var tree = tree
    tree.visit(&self)
    return tree
  }

  /// `visited`, but the tensors of an object stay: for trees of which nobody knows that they were looked at.
  mutating func visitedIfValue<Tree: TensorTree>(_ tree: Tree) -> Tree {
    TreeCheck.isValue(tree) ? visited(tree) : tree
  }
}

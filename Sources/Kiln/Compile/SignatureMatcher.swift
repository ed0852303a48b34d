import KilnIR

/// Compares a call's arguments with those of a program that is there, without allocating, and notes where the tensors
/// lie.
struct SignatureMatcher: TensorVisitor {
  static var isReadOnly: Bool { true }

  private let frame: CallFrame
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
  init(_ frame: CallFrame, _ ambient: Ambient?, isNamed: Bool) {
    self.frame = frame
    self.ambient = ambient
    items = frame.items
    addresses = frame.inputs
    wantsCores = frame.isOnDevice
    isPlaced = isNamed
  }

  var isComplete: Bool { matches && next == items.count && (isPlaced || isWanted) }

  /// Whether the program is for the device of a call whose arguments do not say one.
  private var isWanted: Bool {
    guard let ambient, let device = ambient.device else { return frame.isForPreferred }
    return device == frame.program.signature.device
  }

  /// Visits an argument. A tensor is looked at where it lies: all threads count references to a copy in one place.
  mutating func match<Tree: TensorTree>(_ tree: borrowing Tree) {
    guard Tree._isTensor else {
      var tree = copy tree
      return tree.visit(&self)
    }
    withUnsafeBytes(of: tree) { bytes in
      bytes.load(as: Unmanaged<TensorCore>.self)._withUnsafeGuaranteedRef { look(at: $0) }
    }
  }

  mutating func leaf(_ tensor: inout AnyTensor) { look(at: tensor.core) }

  private mutating func look(at core: TensorCore) {
    guard matches, next < items.count, case .tensor(let type) = items[next],
      type == core.interned, accepts(core)
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
      return core.deviceElements?.device == frame.program.device
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

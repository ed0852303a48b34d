import KilnIR

/// Compares a call's arguments with those of a program that is there, without allocating, and notes where the tensors
/// lie.
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

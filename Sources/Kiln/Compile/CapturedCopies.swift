import KilnIR
import KilnRuntime

/// What a program captured in the host's memory, copied to its device once, and again when a variable has another value
/// or the device was lost.
final class CapturedCopies: Sendable {
  private struct Copy {
    let source: TensorCore
    let core: TensorCore
  }

  private let copies: Lock<[Copy?]>

  init(count: Int) { copies = Lock(Array(repeating: nil, count: count)) }

  func copy(_ index: Int, of source: TensorCore, on device: Device) throws(KilnError) -> TensorCore {
    try copies.withLock { copies throws(KilnError) in
      if let known = copies[index], known.source === source, known.core.deviceElements?.storage.isValid != false {
        return known.core
      }
      let core = try source.moved(to: device)
      copies[index] = Copy(source: source, core: core)
      return core
    }
  }
}

extension CompiledProgram {
  /// The captured tensors on the program's device.
  func capturesOnDevice() throws(KilnError) -> [TensorCore] {
    var cores: [TensorCore] = []
    for (index, capture) in captures.enumerated() {
      // Tensors were looked at when the program was made; variables have other values since.
      let core = capture.core()
      try Placement.check(core, on: device, named: "a variable's value")
      cores.append(try copies.copy(index, of: core, on: device))
    }
    return cores
  }
}

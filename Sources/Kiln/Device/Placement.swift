import KilnIR
import KilnRuntime

/// Where operations and programs run (Documentation/Decisions/0007): where their tensors lie. Tensors in the host's
/// memory are copied to where the others lie; tensors on two devices never meet without a move that the program writes.
enum Placement {
  /// The device that a program on `cores` has to run on, or nil if all lie in the host's memory.
  ///
  /// - Parameter name: what to call a tensor in a diagnostic.
  /// - Throws: `device.C1` if they lie on two devices.
  static func device(
    of cores: some Collection<TensorCore>, named name: (_ index: Int) -> String
  ) throws(KilnError) -> Device? {
    var found: (device: Device, index: Int)?
    for (index, core) in cores.enumerated() {
      guard let device = core.deviceElements?.device else { continue }
      guard let first = found else {
        found = (device, index)
        continue
      }
      guard device != first.device else { continue }
      throw KilnError(
        "device.C1",
        "\(name(index)) lies on \(device) and \(name(first.index)) on \(first.device); a program runs on one device",
        notes: ["move one of them first: `x.moved(to: …)`"])
    }
    return found?.device
  }

  /// - Throws: `device.C1` if `core` lies on another device than the one on which the program runs.
  static func check(_ core: TensorCore, on device: Device, named name: @autoclosure () -> String) throws(KilnError) {
    guard let found = core.deviceElements?.device, found != device else { return }
    throw KilnError(
      "device.C1", "\(name()) lies on \(found), and the program runs on \(device)",
      notes: ["move it first: `x.moved(to: …)`"])
  }
}

extension DeviceExecutable {
  /// Runs the program on the device of `inputs`, whose results stay there.
  ///
  /// - Parameters:
  ///   - inputs: tensors with elements on `device` or in the host's memory.
  ///   - hasBegun: becomes true when donated memory may be written over.
  func run(
    _ inputs: [TensorCore], donating donated: Set<Int>, on device: Device, _ types: some Collection<InternedType>,
    hasBegun: inout Bool
  ) throws(KilnError) -> [TensorCore] {
    let operands = inputs.map { core in
      core.deviceElements.map { DeviceOperand.device($0.storage) } ?? .host(core.bytes)
    }
    let storages = try run(operands, donating: donated, hasBegun: &hasBegun)
    withExtendedLifetime(inputs) {}
    // Cores that share a storage share its elements, so that an update sees that somebody else has them.
    var known: [ObjectIdentifier: DeviceElements] = [:]
    for input in inputs {
      if let elements = input.deviceElements { known[ObjectIdentifier(elements.storage)] = elements }
    }
    return zip(storages, types).map { storage, type in
      let elements = known[ObjectIdentifier(storage)] ?? DeviceElements(storage, on: device)
      known[ObjectIdentifier(storage)] = elements
      return TensorCore(type, elements)
    }
  }

  /// Runs the program without donations.
  func run(
    _ inputs: [TensorCore], on device: Device, _ types: some Collection<InternedType>
  ) throws(KilnError) -> [TensorCore] {
    var hasBegun = false
    return try run(inputs, donating: [], on: device, types, hasBegun: &hasBegun)
  }
}

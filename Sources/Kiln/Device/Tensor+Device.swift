import KilnIR
import KilnRuntime

extension TensorProtocol {
  /// Where the elements lie: `.cpu` for the host's memory, whatever computed them, or a device with memory of its own.
  ///
  /// A traced tensor lies nowhere: that is a diagnostic.
  public var device: Device {
    guard core.isConcrete else {
      _ = core.concrete("device")
      return .current
    }
    return core.deviceElements?.device ?? .cpu
  }
}

extension TensorTree {
  /// The tree with every tensor on `device`; one that lies there already is not copied. `.cpu`, or an interpreter,
  /// means the host's memory.
  ///
  /// Results of a device stay on it, and programs take them from there without a copy. A tensor in the host's memory
  /// may be an argument on any device, at the price of a copy at each call; one on a device, only there.
  /// ```swift
  /// let gpu = try Device.opencl()
  /// var model = model.moved(to: gpu)
  /// ```
  /// A traced tensor, or a device without room or that is gone, is a diagnostic.
  public func moved(to device: Device) -> Self {
    var result = self
    result.updateTensors { _, tensor in
      let core = tensor.core
      guard core.isConcrete else {
        _ = core.concrete("moved(to:)")
        return tensor
      }
      do throws(KilnError) {
        let moved = try core.moved(to: device)
        RecordingTapes.current?.noteMove(core, moved)
        return AnyTensor(moved)
      } catch {
        return AnyTensor(Failure.poison(error.diagnostics[0].located(at: CallSite.here()), core.type))
      }
    }
    return result
  }
}

extension TensorCore {
  /// The same elements in the memory of `device`, or in the host's if that is nil or runs on it; this core if they lie
  /// there.
  ///
  /// - Precondition: it has elements.
  package func moved(to device: Device?) throws(KilnError) -> TensorCore {
    let memory = device?.executor.memory
    guard let elements = deviceElements else {
      guard let device, let memory else { return self }
      let storage = try memory.upload(bytes)
      return TensorCore(interned, DeviceElements(storage, on: device))
    }
    if let device, memory != nil, elements.device == device { return self }
    let host = try TensorCore.allocate(interned)
    try elements.storage.download(
      to: UnsafeMutableRawBufferPointer(start: host.pointer, count: interned.byteCount))
    return memory == nil ? host : try host.moved(to: device)
  }
}

extension Diagnostic {
  /// The diagnostic at `location`, if it has no place of its own.
  func located(at location: SourceLocation) -> Diagnostic {
    var result = self
    if result.location == .unknown { result.location = location }
    return result
  }
}

extension KilnError {
  /// The error with `location` for every diagnostic that has no place of its own.
  func located(at location: SourceLocation) -> KilnError {
    KilnError(diagnostics.map { $0.located(at: location) }, cause: cause)
  }
}

import COpenCL
package import KilnIR
package import KilnRuntime
import Synchronization

/// One OpenCL device of the machine: what it is called and what it can do. It is opened when it is first used.
///
///     let device = try OpenCLDevice.choose("gpu")
// @unchecked: the handles of platform and device are constant; what is opened is behind the lock.
package final class OpenCLDevice: @unchecked Sendable {
  package enum Kind: String, Hashable, Sendable { case cpu, gpu, accelerator }

  /// What the driver says about the device.
  package struct Properties: Hashable, Sendable {
    package var name: String
    package var vendor: String
    package var platform: String
    package var driverVersion: String
    package var kind: Kind
    package var computeUnits: Int
    /// MHz.
    package var clockFrequency: Int
    /// Bytes of device memory, and the most that one buffer may have.
    package var globalMemoryBytes: Int
    package var maximumBufferBytes: Int
    /// Bytes of local memory of a work group, and whether it is memory of its own.
    package var localMemoryBytes: Int
    package var hasDedicatedLocalMemory: Bool
    package var maximumWorkGroupSize: Int
    /// Bytes of all arguments of a kernel.
    package var maximumParameterBytes: Int
    package var sharesHostMemory: Bool
    package var hasDouble: Bool
    package var hasHalf: Bool
    /// The driver offers `-cl-fp32-correctly-rounded-divide-sqrt`.
    package var offersCorrectDivision: Bool
    /// What the driver lacks of Numerics.md B5, in words; nil if it claims all of it.
    package var missing: String?
  }

  /// Its place among all devices, as `opencl:1` names it.
  package let index: Int
  package let properties: Properties
  let library: OpenCLLibrary
  let platform: OpaquePointer
  let handle: OpaquePointer
  private let opened = Lock<OpenCLContext?>(nil)
  /// Objects of this device that are alive.
  let liveObjects = Atomic<Int>(0)
  /// What was copied to it and from it.
  package let transfers = Lock(OpenCLTransfers())
  /// Faults to inject, for tests.
  package let faults = Lock(OpenCLFaults())

  init(
    library: OpenCLLibrary, platform: OpaquePointer, properties: Properties, handle: OpaquePointer, index: Int
  ) {
    self.library = library
    self.platform = platform
    self.properties = properties
    self.handle = handle
    self.index = index
  }

  /// Every device of every platform, in the order of the loader; or why there is no device.
  package static let all: Result<[OpenCLDevice], RuntimeError> = Result { () throws(RuntimeError) in try enumerate() }

  private static func enumerate() throws(RuntimeError) -> [OpenCLDevice] {
    let library = try OpenCLLibrary.shared.get()
    var devices: [OpenCLDevice] = []
    for platform in handles({ library.api.GetPlatformIDs($0, $1, $2) }) {
      let name = DeviceQuery.text { library.api.GetPlatformInfo(platform, UInt32(KilnCLPlatformName), $0, $1, $2) }
      for handle in handles({ library.api.GetDeviceIDs(platform, KilnCLTypeAll, $0, $1, $2) }) {
        let query = DeviceQuery(library: library, device: handle)
        guard query.isUsable else { continue }
        devices.append(
          OpenCLDevice(
            library: library, platform: platform, properties: query.properties(platform: name), handle: handle,
            index: devices.count))
      }
    }
    guard !devices.isEmpty else {
      throw RuntimeError(
        .unavailable,
        "the OpenCL loader finds no device. Install the driver of the device, or pocl-opencl-icd for the processor.")
    }
    return devices
  }

  private static func handles(
    _ query: (UInt32, UnsafeMutablePointer<OpaquePointer?>?, UnsafeMutablePointer<UInt32>?) -> Int32
  ) -> [OpaquePointer] {
    var count: UInt32 = 0
    guard query(0, nil, &count) == 0, count > 0 else { return [] }
    var handles = [OpaquePointer?](repeating: nil, count: Int(count))
    guard query(count, &handles, nil) == 0 else { return [] }
    return handles.compactMap { $0 }
  }

  /// The device that `text` names, after `opencl:` or alone: a number, `gpu` or `cpu`, or a part of its name; the first
  /// GPU, or else the first device, if it is empty.
  ///
  /// - Throws: `unavailable`, with the list of devices.
  package static func choose(_ text: String = "") throws(RuntimeError) -> OpenCLDevice {
    let devices = try all.get()
    let prefix = "opencl:"
    let wanted = (text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text).lowercased()
    let found: OpenCLDevice?
    if wanted.isEmpty {
      found = devices.first { $0.properties.kind == .gpu } ?? devices[0]
    } else if let number = Int(wanted) {
      found = devices.indices.contains(number) ? devices[number] : nil
    } else if let kind = Kind(rawValue: wanted) {
      found = devices.first { $0.properties.kind == kind }
    } else {
      found = devices.first { "\($0.properties.name) \($0.properties.vendor)".lowercased().contains(wanted) }
    }
    guard let found else {
      throw RuntimeError(
        .unavailable,
        "there is no OpenCL device \"\(text)\"; there are:" + devices.map { "\n  \($0)" }.joined())
    }
    return found
  }

  /// The device, opened: its context, queue and programs. A device that was lost is opened again.
  ///
  /// - Throws: what the driver says.
  package func context() throws(RuntimeError) -> OpenCLContext {
    try opened.withLock { opened throws(RuntimeError) in
      if let context = opened, !context.isLost { return context }
      opened = nil
      let context = try OpenCLContext(self)
      opened = context
      return context
    }
  }

  /// The same device opened a second time, with contents and faults of its own.
  ///
  /// - Parameter hidesDouble: as if it had no f64.
  package func separateCopy(hidesDouble: Bool = false) -> OpenCLDevice {
    var seen = properties
    if hidesDouble { seen.hasDouble = false }
    return OpenCLDevice(library: library, platform: platform, properties: seen, handle: handle, index: index)
  }

  /// Closes the device; buffers and executables that live keep what they need.
  package func close() { opened.withLock { $0 = nil } }

  /// What lowering must know.
  ///
  /// - Parameters:
  ///   - kind: as if it were this kind of device; nil: its own. Bits do not change.
  ///   - workItems: as if so many filled it; nil: its own figure. Bits do not change.
  package func lowering(as kind: Kind? = nil, filledBy workItems: Int? = nil) -> DeviceDescription {
    var dtypes = Set(DType.allCases)
    if !properties.hasDouble { dtypes.remove(.f64) }
    let kind = kind ?? properties.kind
    return DeviceDescription(
      name: "\(properties.name) (\(properties.platform), \(properties.driverVersion))",
      kind: kind == .cpu ? .cpu : .gpu, vectorBytes: 64, vectorRegisters: 32,
      threads: properties.computeUnits, level2Bytes: 1 << 20,
      maximumBuffers: KernelSignature.maximumBuffers(parameterBytes: properties.maximumParameterBytes), dtypes: dtypes,
      workGroups: properties.workGroupLimits(as: kind, filledBy: workItems))
  }
}

extension OpenCLDevice.Properties {
  fileprivate func workGroupLimits(as kind: OpenCLDevice.Kind, filledBy workItems: Int?) -> WorkGroupLimits {
    WorkGroupLimits(
      isProcessor: kind == .cpu, maximumWorkGroupSize: maximumWorkGroupSize, localMemoryBytes: localMemoryBytes,
      fullWorkItems: workItems ?? computeUnits * (kind == .cpu ? 256 : 1024))
  }
}

extension OpenCLDevice: CustomStringConvertible {
  package var description: String {
    let p = properties
    let types = ["f32", p.hasDouble ? "f64" : nil, p.hasHalf ? "f16" : nil].compactMap { $0 }.joined(separator: " ")
    return
      "opencl:\(index) \(p.name) (\(p.platform), driver \(p.driverVersion)): \(p.kind.rawValue), \(p.computeUnits) "
      + "units at \(p.clockFrequency) MHz, \(p.globalMemoryBytes >> 20) MiB, local \(p.localMemoryBytes >> 10) KiB, \(types)"
      + (p.missing.map { ", not strict: \($0)" } ?? "")
  }
}

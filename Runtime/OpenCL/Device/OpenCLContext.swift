import COpenCL
package import KilnRuntime
import Synchronization

/// An opened device: its context, one in-order queue, the programs built so far and the free buffers.
// @unchecked: the handles are constant; what changes is behind locks.
package final class OpenCLContext: @unchecked Sendable {
  package let device: OpenCLDevice
  let library: OpenCLLibrary
  let context: OpenCLObject
  let queue: OpenCLObject
  private let profiling = Lock<OpenCLObject?>(nil)
  let programs = Lock(BoundedCache<Digest, OpenCLObject>(limit: MemoryLimits.shared.code))
  let freeBuffers: Lock<FreeLists<OpenCLObject>>
  private let lost = Atomic(false)
  /// Whether the device keeps Numerics.md, found by a probe when it was opened.
  package private(set) var strictness = Strictness.refused("it was not probed")

  init(_ device: OpenCLDevice) throws(RuntimeError) {
    self.device = device
    freeBuffers = Lock(FreeLists(limit: device.properties.globalMemoryBytes / 4))
    let library = device.library
    self.library = library
    var status: Int32 = 0
    let properties: [Int] = [0x1084, Int(bitPattern: device.platform), 0]
    var handle: OpaquePointer? = device.handle
    guard let context = library.api.CreateContext(properties, 1, &handle, nil, nil, &status) else {
      throw RuntimeError(openCL: status, "opening \(device.properties.name)")
    }
    self.context = OpenCLObject(context, of: device, release: library.api.ReleaseContext)
    queue = try Self.makeQueue(device, context, profiling: false)
    strictness = try probe()
    IdleMemory.add(self)
  }

  deinit {
    IdleMemory.remove(self)
    trim()
  }

  private static func makeQueue(
    _ device: OpenCLDevice, _ context: OpaquePointer, profiling: Bool
  ) throws(RuntimeError) -> OpenCLObject {
    var status: Int32 = 0
    let properties = profiling ? UInt64(KilnCLQueueProfiling) : 0
    guard let queue = device.library.api.CreateCommandQueue(context, device.handle, properties, &status) else {
      throw RuntimeError(openCL: status, "making a queue of \(device.properties.name)")
    }
    return OpenCLObject(queue, of: device, release: device.library.api.ReleaseCommandQueue)
  }

  /// A queue whose events carry times; the other one must be idle while it is used.
  func profilingQueue() throws(RuntimeError) -> OpenCLObject {
    try profiling.withLock { queue throws(RuntimeError) in
      if let queue { return queue }
      let made = try Self.makeQueue(device, context.handle, profiling: true)
      queue = made
      return made
    }
  }

  /// Whether the device was lost since it was opened.
  package var isLost: Bool { lost.load(ordering: .acquiring) }

  /// Throws if `status` says that something failed, and remembers a lost device.
  func check(_ status: Int32, _ doing: @autoclosure () -> String) throws(RuntimeError) {
    guard status != 0 else { return }
    let error = RuntimeError(openCL: status, doing())
    if error.kind == .deviceLost { lost.store(true, ordering: .releasing) }
    throw error
  }

  /// Waits until the device has done all that was asked of it.
  package func finish() throws(RuntimeError) {
    try check(library.api.Finish(queue.handle), "waiting for \(device.properties.name)")
  }

  // MARK: - Buffers

  func makeBuffer(_ byteCount: Int) throws(RuntimeError) -> OpenCLObject {
    let doing = "allocating \(byteCount) bytes on \(device.properties.name)"
    guard byteCount <= device.properties.maximumBufferBytes else {
      throw RuntimeError(
        .outOfMemory, "\(doing): one buffer there has at most \(device.properties.maximumBufferBytes) bytes")
    }
    let fails = device.faults.withLock { faults in
      guard let left = faults.allocationsLeft else { return false }
      faults.allocationsLeft = max(0, left - 1)
      return left == 0
    }
    var status = Int32(KilnCLMemObjectAllocationFailure)
    let memory =
      fails
      ? nil : library.api.CreateBuffer(context.handle, UInt64(KilnCLMemReadWrite), max(byteCount, 64), nil, &status)
    guard let memory else {
      try check(status, doing)
      throw RuntimeError(.outOfMemory, doing)
    }
    return OpenCLObject(memory, of: device, release: library.api.ReleaseMemObject)
  }
}

import COpenCL
package import KilnIR
package import KilnRuntime
import Synchronization

/// A block of memory on an OpenCL device. Values stay in it between calls; it returns to the free list of its device
/// when it is no longer referenced.
// @unchecked: the handle is constant, and the one in-order queue of the device orders the accesses.
package final class DeviceBuffer: @unchecked Sendable {
  /// The bytes asked for.
  package let byteCount: Int
  let context: OpenCLContext
  let memory: OpenCLObject

  /// A buffer of undefined bytes.
  ///
  /// - Throws: `outOfMemory` when the device has no room, even after the free buffers were returned to it.
  package init(byteCount: Int, on context: OpenCLContext) throws(RuntimeError) {
    self.byteCount = byteCount
    self.context = context
    memory = try context.takeBuffer(byteCount)
  }

  deinit { context.giveBack(memory, byteCount) }

  /// A buffer on `device` with these bytes.
  package convenience init(copying bytes: UnsafeRawBufferPointer, to device: OpenCLDevice) throws(RuntimeError) {
    try self.init(byteCount: bytes.count, on: device.context())
    try write(bytes, waits: true)
  }

  /// The device that it lies on.
  package var device: OpenCLDevice { context.device }

  /// Copies all bytes to the host, after all that was asked of the device before.
  ///
  /// - Throws: `deviceLost` if the device went away, and the bytes with it.
  package func read(into target: UnsafeMutableRawBufferPointer) throws(RuntimeError) {
    try read(into: target, waits: true)
  }

  func write(_ bytes: UnsafeRawBufferPointer, waits: Bool) throws(RuntimeError) {
    precondition(bytes.count <= byteCount, "the bytes fit the buffer")
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    device.transfers.withLock { $0.countUpload(bytes.count) }
    try context.check(
      context.library.api.EnqueueWriteBuffer(
        context.queue.handle, memory.handle, waits ? 1 : 0, 0, bytes.count, base, 0, nil, nil),
      "writing \(bytes.count) bytes to \(device.properties.name)")
  }

  func read(into target: UnsafeMutableRawBufferPointer, waits: Bool) throws(RuntimeError) {
    precondition(target.count <= byteCount, "the buffer has these bytes")
    guard let base = target.baseAddress, !target.isEmpty else { return }
    device.transfers.withLock { $0.countDownload(target.count) }
    try context.check(
      context.library.api.EnqueueReadBuffer(
        context.queue.handle, memory.handle, waits ? 1 : 0, 0, target.count, base, 0, nil, nil),
      "reading \(target.count) bytes from \(device.properties.name)")
  }
}

extension DeviceBuffer: DeviceStorage {
  package var isValid: Bool { !context.isLost }

  package func download(to target: UnsafeMutableRawBufferPointer) throws(KilnError) {
    guard isValid else {
      throw KilnError("device.lost", "\(device.properties.name) was lost, and the elements of this tensor with it")
    }
    do throws(RuntimeError) { try read(into: target) } catch { throw KilnError(openCL: error) }
  }
}

extension OpenCLDevice: DeviceMemory {
  package func upload(_ bytes: UnsafeRawBufferPointer) throws(KilnError) -> any DeviceStorage {
    do throws(RuntimeError) {
      return try DeviceBuffer(copying: bytes, to: self)
    } catch {
      throw KilnError(openCL: error)
    }
  }
}

/// Copies of tensors between the host and a device so far; what a plan copies for itself (its constants, when it is
/// made) counts too, its status words do not.
package struct OpenCLTransfers: Hashable, Sendable {
  package private(set) var uploadCount = 0
  package private(set) var uploadedBytes = 0
  package private(set) var downloadCount = 0
  package private(set) var downloadedBytes = 0

  mutating func countUpload(_ byteCount: Int) {
    uploadCount += 1
    uploadedBytes += byteCount
  }
  mutating func countDownload(_ byteCount: Int) {
    downloadCount += 1
    downloadedBytes += byteCount
  }
}

extension DeviceBuffer {
  /// Copies these elements to the buffer, and waits for it.
  package func write<Element: BitwiseCopyable>(_ elements: [Element]) throws(RuntimeError) {
    let result = elements.withUnsafeBytes { bytes in
      Result { () throws(RuntimeError) in try write(bytes, waits: true) }
    }
    try result.get()
  }

  /// The first `count` elements, after all that was asked of the device before.
  package func read<Element: BitwiseCopyable>(_: Element.Type, count: Int) throws(RuntimeError) -> [Element] {
    var failure: RuntimeError?
    let elements = [Element](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      do throws(RuntimeError) {
        try read(into: UnsafeMutableRawBufferPointer(buffer), waits: true)
        initializedCount = count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return elements
  }
}

extension OpenCLContext {
  /// A free buffer of this size class, or a new one; free ones go back to the device if it has no more room.
  func takeBuffer(_ byteCount: Int) throws(RuntimeError) -> OpenCLObject {
    guard let sizeClass = SizeClass(byteCount: byteCount) else {
      throw RuntimeError(.outOfMemory, "a buffer of \(byteCount) bytes is larger than any device")
    }
    if let free = freeBuffers.withLock({ $0.take(sizeClass) }) { return free }
    let capacity = sizeClass.capacity <= device.properties.maximumBufferBytes ? sizeClass.capacity : byteCount
    do throws(RuntimeError) {
      return try makeBuffer(capacity)
    } catch  where error.kind == .outOfMemory {
      guard freeBuffers.withLock({ $0.byteCount > 0 }) else { throw error }
      trim()
      try finish()
      return try makeBuffer(capacity)
    }
  }

  func giveBack(_ buffer: OpenCLObject, _ byteCount: Int) {
    guard !isLost, let sizeClass = SizeClass(byteCount: byteCount),
      sizeClass.capacity <= device.properties.maximumBufferBytes
    else { return }
    let dropped = freeBuffers.withLock { $0.give(back: buffer, sizeClass) }
    withExtendedLifetime(dropped) {}
  }

  /// Returns every free buffer to the device. Returns their bytes.
  @discardableResult
  package func trim() -> Int {
    let (buffers, byteCount) = freeBuffers.withLock { free in
      let byteCount = free.byteCount
      return (free.removeAll(), byteCount)
    }
    withExtendedLifetime(buffers) {}
    return byteCount
  }
}

extension OpenCLContext: IdleMemoryHolder {
  package func releaseIdleMemory() -> Int {
    let dropped = programs.withLock { $0.removeAll() }
    withExtendedLifetime(dropped) {}
    return trim()
  }
}

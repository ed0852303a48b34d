package import KilnIR

/// The elements of a tensor in memory that the host does not address. They stay there until the host asks for them.
package protocol DeviceStorage: AnyObject, Sendable {
  /// The bytes of the elements.
  var byteCount: Int { get }
  /// False once the device was lost, and the elements with it.
  var isValid: Bool { get }
  /// Copies the elements to the host, after all that was asked of the device before.
  ///
  /// - Parameter target: memory of `byteCount` bytes.
  /// - Throws: `device.lost` if the device went away.
  func download(to target: UnsafeMutableRawBufferPointer) throws(KilnError)
}

/// The memory of a device of its own.
package protocol DeviceMemory: AnyObject, Sendable {
  /// A copy of the host's bytes on the device.
  ///
  /// - Throws: `memory.exhausted` where the device has no room, `device.unavailable` or `device.lost`.
  func upload(_ bytes: UnsafeRawBufferPointer) throws(KilnError) -> any DeviceStorage
}

/// What a program on a device with memory of its own reads.
package enum DeviceOperand {
  /// Bytes of the host, which stay as they are until the run has ended; the run copies them.
  case host(UnsafeRawBufferPointer)
  /// Elements that lie on the device.
  case device(any DeviceStorage)
}

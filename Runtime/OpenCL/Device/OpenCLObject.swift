import Synchronization

/// A handle of OpenCL's that is released once, and counted while it lives.
// @unchecked: the handle is constant; OpenCL's functions may be called from any thread (but for the arguments of a
// kernel, which belong to one run at a time).
final class OpenCLObject: @unchecked Sendable {
  let handle: OpaquePointer
  private let device: OpenCLDevice
  private let release: (OpaquePointer) -> Int32

  init(_ handle: OpaquePointer, of device: OpenCLDevice, release: @escaping (OpaquePointer) -> Int32) {
    self.handle = handle
    self.device = device
    self.release = release
    device.liveObjects.add(1, ordering: .relaxed)
  }

  deinit {
    _ = release(handle)
    device.liveObjects.subtract(1, ordering: .relaxed)
  }
}

/// Faults to inject into a device, for tests.
package struct OpenCLFaults: Sendable {
  /// How many more buffers can be allocated; nil for no limit.
  package var allocationsLeft: Int?
  /// Every program that is built gets a line that does not compile.
  package var breaksBuilds = false
  /// How programs are written whatever the device is: with corrected products, 64-bit indices, integers in a buffer.
  package var style = CLStyle()
  /// A wrong emitter: every `from` in the text of a kernel becomes `to`.
  package var rewrite: (from: String, to: String)?
  /// Further options of every build.
  package var buildOptions = ""
  /// What the probe finds instead of the truth.
  package var strictness: Strictness?
  /// How many more launches happen before the device is lost; nil for never.
  package var launchesLeft: Int?

  package init() {}
}

extension OpenCLDevice {
  /// OpenCL objects that are alive: what a failed call must not leave behind.
  package var liveObjectCount: Int { liveObjects.load(ordering: .relaxed) }
}

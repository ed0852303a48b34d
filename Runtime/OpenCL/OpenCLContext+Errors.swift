import COpenCL
package import KilnIR
package import KilnRuntime

extension KilnError {
  /// A failure of the device, as the caller of a compiled function sees it.
  package init(openCL error: RuntimeError) {
    let label =
      switch error.kind {
      case .unavailable: "device.unavailable"
      case .outOfMemory: "memory.exhausted"
      case .deviceLost: "device.lost"
      case .codeGeneration: "opencl.build"
      }
    self.init(label, error.message)
  }
}

extension OpenCLContext {
  /// What a finished command took on the device.
  func nanoseconds(of event: OpenCLObject) -> Int {
    var (start, end): (UInt64, UInt64) = (0, 0)
    _ = library.api.GetEventProfilingInfo(event.handle, UInt32(KilnCLProfilingStart), 8, &start, nil)
    _ = library.api.GetEventProfilingInfo(event.handle, UInt32(KilnCLProfilingEnd), 8, &end, nil)
    return Int(clamping: end &- start)
  }
}

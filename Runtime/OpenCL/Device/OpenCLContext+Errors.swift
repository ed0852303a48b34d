import COpenCL
package import KilnIR
package import KilnRuntime

extension KilnError {
  /// A failure of the device, as the caller of a compiled function sees it.
  package init(openCL error: RuntimeError) { self.init(error, codeGeneration: "opencl.build") }
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

import COpenCL
import Glibc
package import KilnRuntime

/// OpenCL's ICD loader, loaded into the process on first use and never linked
/// (Documentation/Decisions/0003-llvm-by-dlopen.md says why).
// @unchecked: a table of C functions that is written once.
package final class OpenCLLibrary: @unchecked Sendable {
  /// The library of the process, or why it cannot be loaded and what to install.
  package static let shared: Result<OpenCLLibrary, RuntimeError> = Result { () throws(RuntimeError) in
    try OpenCLLibrary(path: getenv("KILN_OPENCL").map { String(cString: $0) } ?? "libOpenCL.so.1")
  }

  let api: KilnOpenCLTable

  private init(path: String) throws(RuntimeError) {
    let table = UnsafeMutablePointer<KilnOpenCLTable>.allocate(capacity: 1)
    defer { table.deallocate() }
    var missing: UnsafePointer<CChar>?
    if let reason = kiln_opencl_load(path, table, &missing) {
      let detail = missing.map { "\(path) lacks \(String(cString: $0))" } ?? String(cString: reason)
      throw RuntimeError(
        .unavailable,
        """
        the OpenCL runtime needs libOpenCL, which could not be loaded. Install an ICD loader and a driver (on Debian: apt \
        install ocl-icd-libopencl1 and the driver of the device, or pocl-opencl-icd for the processor).
          \(detail)
        """)
    }
    api = table.pointee
  }

  /// Throws if `status` says that something failed.
  func check(_ status: Int32, _ doing: @autoclosure () -> String) throws(RuntimeError) {
    if status != 0 { throw RuntimeError(openCL: status, doing()) }
  }
}

extension RuntimeError {
  /// What an OpenCL status code means.
  init(openCL status: Int32, _ doing: String) {
    let name = Self.openCLNames[status] ?? "OpenCL error \(status)"
    switch Int(status) {
    case Int(KilnCLMemObjectAllocationFailure), Int(KilnCLOutOfHostMemory), Int(KilnCLInvalidBufferSize):
      self.init(.outOfMemory, "\(doing): no memory is left on the device (\(name))")
    case Int(KilnCLDeviceNotAvailable), Int(KilnCLOutOfResources), -14, -9999:
      self.init(.deviceLost, "\(doing): the device is lost or out of resources (\(name)); the next call opens it again")
    default:
      self.init(.codeGeneration, "\(doing): \(name)")
    }
  }

  private static let openCLNames: [Int32: String] = [
    -1: "CL_DEVICE_NOT_FOUND", -2: "CL_DEVICE_NOT_AVAILABLE", -3: "CL_COMPILER_NOT_AVAILABLE",
    -4: "CL_MEM_OBJECT_ALLOCATION_FAILURE", -5: "CL_OUT_OF_RESOURCES", -6: "CL_OUT_OF_HOST_MEMORY",
    -11: "CL_BUILD_PROGRAM_FAILURE", -14: "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST", -30: "CL_INVALID_VALUE",
    -34: "CL_INVALID_CONTEXT", -36: "CL_INVALID_COMMAND_QUEUE", -38: "CL_INVALID_MEM_OBJECT", -42: "CL_INVALID_BINARY",
    -43: "CL_INVALID_BUILD_OPTIONS", -44: "CL_INVALID_PROGRAM", -45: "CL_INVALID_PROGRAM_EXECUTABLE",
    -46: "CL_INVALID_KERNEL_NAME", -48: "CL_INVALID_KERNEL", -49: "CL_INVALID_ARG_INDEX", -50: "CL_INVALID_ARG_VALUE",
    -51: "CL_INVALID_ARG_SIZE", -52: "CL_INVALID_KERNEL_ARGS", -54: "CL_INVALID_WORK_GROUP_SIZE",
    -55: "CL_INVALID_WORK_ITEM_SIZE", -61: "CL_INVALID_BUFFER_SIZE", -63: "CL_INVALID_GLOBAL_WORK_SIZE",
    -1001: "CL_PLATFORM_NOT_FOUND", -9999: "the driver reports an illegal access",
  ]
}

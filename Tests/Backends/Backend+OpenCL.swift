import Foundation
import Kiln
package import KilnIR
package import KilnOpenCL
package import KilnPasses

extension Backend {
  /// The OpenCL device of the tests. `KILN_TEST_OPENCL` chooses; PoCL is the device of continuous integration.
  package static let openCLDevice = Result {
    Device.prepareForDrivers()
    return try OpenCLDevice.choose(ProcessInfo.processInfo.environment["KILN_TEST_OPENCL"] ?? "")
  }

  /// Whether there is such a device. Without one its tests are skipped and say why, but for continuous integration,
  /// where they fail.
  package static let hasOpenCL: Bool = {
    if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
    if case .failure(let error) = openCLDevice {
      print("OpenCL tests are skipped: \(error)")
      return false
    }
    return true
  }()

  /// Compiled for a device, with the schedules of a kind of devices.
  ///
  /// - Parameter lowering: what the plan is made for; nil: the device as it is.
  package static func openCL(
    _ device: OpenCLDevice, as kind: OpenCLDevice.Kind, for lowering: DeviceDescription? = nil, fuses: Bool = true,
    passes: Pipeline? = nil
  ) -> Backend {
    Backend("OpenCL, as a \(kind)\(fuses ? "" : ", not fused")") { module, entry, inputs in
      let plan = try ExecutionPlan.compiled(
        module, entry, for: lowering ?? device.lowering(as: kind), CompilationOptions(fuses: fuses), passes: passes)
      return try OpenCLExecutable(plan, on: device, cache: nil).run(inputs)
    }
  }
}

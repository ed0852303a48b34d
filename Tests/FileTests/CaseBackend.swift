import Kiln
import KilnBackends
import KilnIR
import KilnOpenCL
import KilnPasses
import KilnRuntime

/// Where the cases of kind `run` are run.
struct CaseBackend: CustomStringConvertible, Sendable {
  let backend: Backend
  /// Whether it runs what transforms made, which consists of ops that other cases have: of OpenCL the schedules of one
  /// kind of devices will do.
  var runsTransforms = true

  var description: String { backend.description }

  /// As they are written, but for calls.
  private static let passes = Pipeline([.inlineAll])

  static let reference = CaseBackend(backend: .reference)

  private static let onOpenCL: [CaseBackend] = {
    guard Backend.hasOpenCL, let device = try? Backend.openCLDevice.get().separateCopy() else { return [] }
    // The driver's compiler is asked for little: hundreds of small programs run once, and what Kiln does is the same.
    device.faults.withLock { $0.buildOptions = " -cl-opt-disable" }
    return [
      CaseBackend(backend: .openCL(device, as: .cpu, passes: passes), runsTransforms: false),
      CaseBackend(backend: .openCL(device, as: .gpu, passes: passes)),
    ]
  }()

  static let all =
    [
      reference, CaseBackend(backend: .kernelReference(passes: passes)),
      CaseBackend(backend: .kernelReference(fuses: false, passes: passes)),
    ] + onOpenCL
}

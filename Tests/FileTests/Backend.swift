import Foundation
import Kiln
import KilnIR
import KilnOpenCL
import KilnPasses
import KilnRuntime

/// Something that runs functions; all must find the same values.
struct Backend: CustomStringConvertible, Sendable {
  let description: String
  /// Whether it runs what transforms made, which consists of ops that other cases have: of OpenCL the schedules of one
  /// kind of devices will do.
  var runsTransforms = true
  let run: @Sendable (Module, String, [TensorValue]) throws -> [TensorValue]

  /// The graph interpreter.
  static let reference = Backend(description: "reference") { module, function, inputs in
    try ReferenceInterpreter.run(module, function: function, inputs: inputs)
  }

  /// Lowered to a plan whose kernels are interpreted.
  static func kernelReference(fuses: Bool) -> Backend {
    Backend(description: "kernel-reference\(fuses ? "" : ", not fused")") { module, name, inputs in
      let inlined = try Pass.inlineAll.run(module)
      guard let function = inlined[name] else {
        throw KilnError("run.C1", "there is no function @\(name)")
      }
      let plan = try Lowering(function, in: inlined, for: .testCPU, options: LoweringOptions(fuses: fuses)).plan
      return try PlanInterpreter.run(plan, inputs: inputs)
    }
  }

  /// Lowered to a plan for an OpenCL device, with the schedules of a kind of devices.
  static func openCL(_ device: OpenCLDevice, _ kind: OpenCLDevice.Kind) -> Backend {
    Backend(description: "OpenCL, as a \(kind)", runsTransforms: kind == .gpu) { module, name, inputs in
      let inlined = try Pass.inlineAll.run(module)
      guard let function = inlined[name] else {
        throw KilnError("run.C1", "there is no function @\(name)")
      }
      let description = device.lowering(as: kind)
      let plan = try Lowering(function, in: inlined, for: description).plan
      return try OpenCLExecutable(plan, on: device, cache: nil, limits: description.workGroups).run(inputs)
    }
  }

  /// Without an OpenCL device its tests are skipped and say so, but for continuous integration, where `openCLIsThere`
  /// fails.
  ///
  /// The driver's compiler is asked for little: hundreds of small programs run once, and what Kiln does is the same.
  static let openCLDevice = Result {
    Device.prepareForDrivers()
    let device = try OpenCLDevice.choose(ProcessInfo.processInfo.environment["KILN_TEST_OPENCL"] ?? "").separateCopy()
    device.faults.withLock { $0.buildOptions = " -cl-opt-disable" }
    return device
  }

  private static let onOpenCL: [Backend] = {
    switch openCLDevice {
    case .success(let device): return [openCL(device, .cpu), openCL(device, .gpu)]
    case .failure(let error):
      print("file tests on OpenCL are skipped: \(error)")
      return []
    }
  }()

  static let all = [reference, kernelReference(fuses: true), kernelReference(fuses: false)] + onOpenCL
}

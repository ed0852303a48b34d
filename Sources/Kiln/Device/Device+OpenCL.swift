public import KilnIR
package import KilnOpenCL
import KilnPasses
package import KilnRuntime

extension OpenCLExecutable: DeviceExecutable {}

extension Device {
  /// An OpenCL device of this machine. Its results are those of the other devices, bit for bit.
  ///
  /// ```swift
  /// let gpu = try Device.opencl()
  /// let double = compile(options: CompileOptions(device: gpu)) { (x: Tensor<Float>) in x + x }
  /// ```
  ///
  /// - Parameter name: a number, `gpu` or `cpu`, or a part of the device's name; empty for the first GPU, or else the
  ///   first device.
  /// - Throws: `device.unavailable` with what there is, or what to install.
  public static func opencl(_ name: String = "") throws(KilnError) -> Device {
    do throws(RuntimeError) {
      let device = try OpenCLDevice.choose(name)
      return opened.withLock { opened in
        if let known = opened[device.index] { return known }
        let made = Device(device)
        opened[device.index] = made
        return made
      }
    } catch {
      throw KilnError("device.unavailable", error.message)
    }
  }

  /// What has to be done before an OpenCL driver compiles in this process.
  package static func prepareForDrivers() { CallSite.prepare() }

  /// Another executor for `device`, as a device of its own.
  package init(_ device: OpenCLDevice, cache: ObjectCache? = .user) {
    Self.prepareForDrivers()
    let (name, description) = ("opencl:\(device.index)", device.lowering())
    let backend = PlanBackend(name, for: .openCL, on: description) { plan, _ throws(KilnError) in
      try OpenCLExecutable(plan, on: device, cache: cache)
    }
    self.init(name, PlanExecutor(description, memory: device, backend))
  }

  /// One executor a device, so that devices of one name are equal.
  private static let opened = Lock<[Int: Device]>([:])
}

extension Lowered {
  /// The OpenCL C that `device` compiles for this plan.
  ///
  /// - Throws: `device.unavailable` when the device lacks what the plan needs.
  package func openCLText(for device: OpenCLDevice) throws(KilnError) -> String {
    do throws(RuntimeError) {
      return try OpenCLExecutable.text(of: plan, on: device)
    } catch {
      throw KilnError(openCL: error)
    }
  }
}

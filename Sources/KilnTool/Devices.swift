import ArgumentParser
import KilnCPU
import KilnOpenCL
import KilnRuntime

/// `kiln devices`: what this machine has.
struct Devices: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Lists the devices of this machine.")

  mutating func run() {
    switch CPUMachine.shared {
    case .success(let machine):
      print("cpu               \(machine.description()), LLVM \(machine.library.version)")
    case .failure(let error):
      print("cpu               unavailable: \(error.message)")
    }
    switch OpenCLDevice.all {
    case .success(let devices):
      for device in devices { print(line(for: device)) }
    case .failure(let error):
      print("opencl            unavailable: \(error.message)")
    }
    print("reference         the graph interpreter: slow, and the meaning of programs")
    print("kernel-reference  the kernel interpreter: what fusion and lowering made, without machine code")
  }

  /// The device, and whether it keeps the numerics contract.
  private func line(for device: OpenCLDevice) -> String {
    do throws(RuntimeError) {
      return "\(device), \(try device.context().strictness.summary)"
    } catch {
      return "\(device), cannot be opened: \(error.message)"
    }
  }
}

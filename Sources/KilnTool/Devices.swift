import ArgumentParser
import KilnCPU
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
    print("reference         the graph interpreter: slow, and the meaning of programs")
    print("kernel-reference  the kernel interpreter: what fusion and lowering made, without machine code")
  }
}

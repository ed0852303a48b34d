public import KilnIR
import KilnOpenCL
import KilnRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Device {
  /// The devices of this machine, the best first: the processor, if it can be compiled for; OpenCL devices, if there
  /// are any; the interpreters, which are there everywhere.
  public static let available: [Device] = {
    let numbers = (try? OpenCLDevice.all.get().indices).map(Array.init) ?? []
    let opencl = numbers.compactMap { try? Device.opencl("\($0)") }
    return (processorFailure == nil ? [.cpu] : []) + opencl + [.reference, .kernelReference]
  }()

  /// The device that `name` names, as on the command line: `cpu`, `opencl`, `opencl:1`, `opencl:gpu`, `opencl:` and a
  /// part of its name, `reference`, `kernel-reference`.
  ///
  /// - Throws: `device.unavailable` with what there is, or what to install.
  public static func named(_ name: String) throws(KilnError) -> Device {
    switch name {
    case "cpu": return .cpu
    case "opencl": return try .opencl()
    case "reference": return .reference
    case "kernel-reference": return .kernelReference
    default:
      guard name.hasPrefix("opencl:") else {
        throw KilnError(
          "device.unavailable",
          "there is no device \"\(name)\"; there are cpu, opencl, opencl:NUMBER, opencl:NAME, reference, kernel-reference"
        )
      }
      return try .opencl(name)
    }
  }

  /// The device where nothing else is said: the one that `KILN_DEVICE` names, or the processor, or the interpreter
  /// where the processor cannot be used.
  ///
  /// The interpreter is some hundred times slower, so a program that falls back to it says so once.
  package static let preferred: Device = {
    guard let text = getenv("KILN_DEVICE").map({ String(cString: $0) }), !text.isEmpty else {
      guard let reason = processorFailure else { return .cpu }
      let line = reason.message.split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: " ")
      System.writeToStandardError(
        "kiln: everything runs in the interpreter, hundreds of times slower than compiled: \(line) "
          + "KILN_DEVICE=reference says that this is meant.\n")
      return .reference
    }
    do throws(KilnError) {
      return try named(text)
    } catch {
      // Every program then reports this; a default device would hide the mistake.
      return Device(
        text, UnavailableExecutor("KILN_DEVICE: " + error.diagnostics.map(\.message).joined(separator: "\n")))
    }
  }()
}

import ArgumentParser
import Foundation
import Kiln
import KilnCPU
import KilnIR
import KilnRuntime

/// A device as the command line names it.
enum DeviceName: Hashable, ExpressibleByArgument {
  case cpu
  /// An OpenCL device by its number, kind or name; the first one if that is empty.
  case opencl(String)
  case reference
  case kernelReference

  static let list = "cpu, opencl, opencl:NUMBER|NAME, reference, kernel-reference"

  init?(argument: String) {
    switch argument {
    case "cpu": self = .cpu
    case "reference": self = .reference
    case "kernel-reference": self = .kernelReference
    case "opencl": self = .opencl("")
    default:
      guard argument.hasPrefix("opencl:") else { return nil }
      self = .opencl(String(argument.dropFirst("opencl:".count)))
    }
  }

  var rawValue: String {
    switch self {
    case .cpu: "cpu"
    case .opencl(let name): name.isEmpty ? "opencl" : "opencl:\(name)"
    case .reference: "reference"
    case .kernelReference: "kernel-reference"
    }
  }

  var defaultValueDescription: String { rawValue }

  /// The device that was asked for, by the command line or by `KILN_DEVICE`.
  static func chosen(_ name: DeviceName?) throws(ToolError) -> Device? {
    if let name { return try name.device() }
    if let text = ProcessInfo.processInfo.environment["KILN_DEVICE"], !text.isEmpty {
      guard let name = DeviceName(argument: text) else {
        throw ToolError(usage: "KILN_DEVICE: there is no device '\(text)'; there are \(list)")
      }
      return try name.device()
    }
    return nil
  }

  func device() throws(ToolError) -> Device {
    switch self {
    case .reference: return .reference
    case .kernelReference: return .kernelReference
    case .opencl(let name):
      do throws(KilnError) {
        return try Device.opencl(name)
      } catch {
        throw ToolError(RuntimeError(.unavailable, error.diagnostics.map(\.message).joined(separator: "\n")))
      }
    case .cpu:
      if case .failure(let error) = CPUMachine.shared { throw ToolError(error) }
      return .cpu
    }
  }
}

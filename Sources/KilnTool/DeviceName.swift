import ArgumentParser
import Foundation
import Kiln
import KilnCPU
import KilnRuntime

/// A device as the command line names it.
enum DeviceName: String, CaseIterable, ExpressibleByArgument {
  case cpu
  case reference
  case kernelReference = "kernel-reference"

  static let list = allCases.map(\.rawValue).joined(separator: ", ")

  /// The device that was asked for, or the best one of this machine.
  static func chosen(_ name: DeviceName?) throws(ToolError) -> Device {
    if let name { return try name.device() }
    guard case .failure(let error) = CPUMachine.shared else { return try DeviceName.cpu.device() }
    FileHandle.standardError.write(Data("note: running on reference: \(error.message)\n".utf8))
    return .reference
  }

  func device() throws(ToolError) -> Device {
    switch self {
    case .reference: return .reference
    case .kernelReference: return .kernelReference
    case .cpu:
      if case .failure(let error) = CPUMachine.shared { throw ToolError(error) }
      return .cpu
    }
  }
}

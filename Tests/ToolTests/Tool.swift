import Foundation

/// The built `kiln`, run as a process.
enum Tool {
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  /// Beside the test bundle.
  static let path: String = {
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    return tests.deletingLastPathComponent().appendingPathComponent("kiln").path
  }()

  static func run(_ arguments: String..., input: String = "", environment: [String: String] = [:]) throws -> Outcome {
    try run(path, arguments, input: input, environment: environment)
  }

  static func run(
    _ executable: String, _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> Outcome {
    let folder = try Folder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    // Files and not pipes: neither side can block on a full one.
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder.write("input", input)))
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("output", "")))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("errors", "")))
    try process.run()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -1,
      output: try folder.read("output"), errors: try folder.read("errors"))
  }
}

/// A temporary folder that is deleted with its last reference.
final class Folder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("kiln-test-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    return "\(path)/\(name)"
  }

  func read(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")), as: UTF8.self)
  }

  func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))) }
}

/// The bytes of a version 1.0 `.npy` file.
func npy(_ header: String, _ payload: [UInt8], length: Int? = nil) -> [UInt8] {
  var text = header
  while (10 + text.utf8.count + 1) % 64 != 0 { text += " " }
  text += "\n"
  let count = length ?? text.utf8.count
  return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 255), UInt8(count >> 8)] + Array(text.utf8) + payload
}

/// Floats as the bytes of a file.
func bytes(_ floats: [Float]) -> [UInt8] {
  floats.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian) { Array($0) } }
}

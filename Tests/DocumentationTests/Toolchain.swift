import Foundation

/// The compiler that built these tests.
enum Toolchain {
  /// What the compiler says of itself.
  struct Info: Decodable {
    struct Target: Decodable { var triple: String }
    struct Paths: Decodable { var runtimeResourcePath: String }
    var target: Target
    var paths: Paths
  }

  static func info(_ folder: TemporaryFolder) throws -> Info {
    try JSONDecoder().decode(
      Info.self, from: Data(run("swiftc", ["-print-target-info"], in: folder).output.utf8))
  }

  /// Runs a program of the toolchain, and gives what it printed.
  static func run(_ program: String, _ arguments: [String], in folder: TemporaryFolder) throws -> (
    status: Int32, output: String
  ) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    // A file and not a pipe: neither side can block on a full one.
    let output = try folder.write("output", "")
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = process.standardOutput
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: try Data(contentsOf: output), as: UTF8.self))
  }
}

/// A folder that is deleted with its last reference.
final class TemporaryFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("kiln-test-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ name: String, _ text: String) throws -> URL {
    let file = url.appendingPathComponent(name)
    try Data(text.utf8).write(to: file)
    return file
  }
}

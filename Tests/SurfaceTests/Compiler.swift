import Foundation
import KilnTesting
import Testing

/// The Swift compiler that built the tests, which type-checks files against the built modules.
enum Compiler {
  struct Finding: CustomStringConvertible {
    let line: Int
    let isError: Bool
    let message: String
    var description: String { "line \(line): \(isError ? "error" : "warning"): \(message)" }
  }

  /// What the compiler says about a file.
  /// - Parameter limit: the milliseconds that an expression may take; one that takes longer is a warning.
  static func findings(in text: String, limit: Int? = nil) throws -> [Finding] {
    let files = FileManager.default
    let folder = files.temporaryDirectory.appendingPathComponent("kiln-surface-\(UUID().uuidString)")
    try files.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? files.removeItem(at: folder) }
    let source = folder.appendingPathComponent("Surface.swift")
    try Data(text.utf8).write(to: source)
    var arguments =
      ["-typecheck", source.path, "-swift-version", "6", "-diagnostic-style", "llvm"]
      + ["-module-cache-path", folder.appendingPathComponent("cache").path] + BuiltModules.searchPaths()
    if let limit { arguments += ["-Xfrontend", "-warn-long-expression-type-checking=\(limit)"] }
    let log = folder.appendingPathComponent("log")
    try Data().write(to: log)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["swiftc"] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: log)
    try process.run()
    process.waitUntilExit()
    let output = try String(contentsOf: log, encoding: .utf8)
    let findings = output.split(separator: "\n").compactMap { finding(String($0), in: source.path) }
    // A compiler that could not start on the file has nothing to say about its lines.
    try #require(process.terminationStatus == 0 || findings.contains { $0.isError }, "\(output)")
    return findings
  }

  /// `FILE:LINE:COLUMN: error: MESSAGE`.
  private static func finding(_ line: String, in path: String) -> Finding? {
    guard line.hasPrefix("\(path):") else { return nil }
    let parts = line.dropFirst(path.count + 1).split(separator: ":", maxSplits: 3).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    guard parts.count == 4, let number = Int(parts[0]), ["error", "warning"].contains(parts[2]) else { return nil }
    return Finding(line: number, isError: parts[2] == "error", message: parts[3])
  }
}

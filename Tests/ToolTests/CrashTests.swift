import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The tool reports a crash in one line, with what to send, and with its own exit status.
@Suite struct CrashTests {
  /// `kiln` waiting for its standard input, which is sent a signal when it has its handlers.
  private func crash(_ signal: Int32, _ environment: [String: String] = [:]) throws -> Tool.Outcome {
    let folder = try Folder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Tool.path)
    process.arguments = ["run", "-", "--device", "reference"]
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let input = Pipe()
    process.standardInput = input
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("output", "")))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("errors", "")))
    try process.run()
    // It reads its input when its handlers are there, and that must not end.
    let state = "/proc/\(process.processIdentifier)/wchan"
    let start = Date()
    while Date().timeIntervalSince(start) < 20 {
      if (try? String(contentsOfFile: state, encoding: .utf8))?.contains("pipe") == true { break }
      usleep(20_000)
    }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    try input.fileHandleForWriting.close()
    return Tool.Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -1,
      output: try folder.read("output"), errors: try folder.read("errors"))
  }

  @Test("each signal of a crash", arguments: [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV])
  func signals(signal: Int32) throws {
    let outcome = try crash(signal)
    #expect(outcome.status == 4)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(outcome.errors.hasPrefix("error: kiln crashed (SIG"))
    #expect(outcome.errors.contains("this is a bug in Kiln. Please report it"))
    #expect(outcome.errors.contains("'kiln run - --device reference'"))
  }

  @Test("who asks for the backtrace gets it")
  func backtrace() throws {
    let outcome = try crash(SIGILL, ["SWIFT_BACKTRACE": "enable=yes,color=no"])
    // The backtracer goes on after a signal that another process sent.
    #expect(outcome.status != 4 && !outcome.errors.contains("kiln crashed"))
  }
}

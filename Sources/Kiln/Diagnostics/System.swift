import CCallSite
import SystemPackage

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The few things that the front end wants from the operating system.
enum System {
  /// The working directory, without a slash at its end.
  static var workingDirectory: String? {
    guard let text = getcwd(nil, 0) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }

  /// The name of the running program, without its folder.
  static var programName: String {
    let path = CommandLine.arguments.first ?? "program"
    return path.split(separator: "/").last.map(String.init) ?? "program"
  }

  static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// Writes what was printed and waits in a buffer.
  static func flushOutput() { kiln_flush_output() }

  /// Ends the process by a signal, of which no handler hears.
  static func abort() -> Never {
    signal(SIGABRT, SIG_DFL)
    #if canImport(Glibc)
      Glibc.abort()
    #else
      Darwin.abort()
    #endif
  }

  static func writeToStandardError(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll(text.utf8)
  }
}

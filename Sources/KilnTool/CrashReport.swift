#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the tool says when it crashes: one line that this is a bug in Kiln and what to send, instead of a backtrace of
/// the tool's own code. Who sets `SWIFT_BACKTRACE=enable=yes` gets the backtrace.
enum CrashReport {
  /// A bug in Kiln.
  static let status: Int32 = 4

  private static let signals: [(number: Int32, name: String)] = [
    (SIGILL, "SIGILL"), (SIGTRAP, "SIGTRAP"), (SIGABRT, "SIGABRT"), (SIGBUS, "SIGBUS"), (SIGFPE, "SIGFPE"),
    (SIGSEGV, "SIGSEGV"),
  ]

  /// The line for each signal: a handler may not make strings.
  // nonisolated(unsafe): written once, before the handlers are there.
  nonisolated(unsafe) private static var lines = [UnsafeRawBufferPointer?](repeating: nil, count: 32)
  private static let stackBytes = 1 << 16

  /// Takes over the signals of crashes, from the backtracer too.
  static func install() {
    if let setting = getenv("SWIFT_BACKTRACE"), String(cString: setting).contains("enable=yes") { return }
    let command = CommandLine.arguments.dropFirst().map { $0.contains(" ") ? "'\($0)'" : $0 }.joined(separator: " ")
    // A stack that overflowed has no room for the handler.
    var stack = stack_t()
    stack.ss_sp = .allocate(byteCount: stackBytes, alignment: 16)
    stack.ss_size = stackBytes
    sigaltstack(&stack, nil)
    var taken = sigset_t()
    sigemptyset(&taken)
    for (number, name) in signals {
      sigaddset(&taken, number)
      let line = """
        error: kiln crashed (\(name)): this is a bug in Kiln. Please report it with this command line, 'kiln \(command)', and the \
        files that it names; SWIFT_BACKTRACE=enable=yes shows where it happened.

        """
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: line.utf8.count, alignment: 1)
      bytes.copyBytes(from: line.utf8)
      lines[Int(number)] = UnsafeRawBufferPointer(bytes)
      var action = sigaction()
      #if canImport(Glibc)
        action.__sigaction_handler.sa_handler = handler
      #else
        action.__sigaction_u.__sa_handler = handler
      #endif
      action.sa_flags = Int32(bitPattern: UInt32(SA_ONSTACK)) | Int32(bitPattern: UInt32(SA_RESETHAND))
      sigaction(number, &action, nil)
    }
    // The parent process may have blocked them.
    pthread_sigmask(SIG_UNBLOCK, &taken, nil)
  }

  private static let handler: @convention(c) (Int32) -> Void = { number in
    if let line = lines[Int(number)] { _ = write(2, line.baseAddress, line.count) }
    _exit(status)
  }
}

import Glibc
import KilnRuntime
import Synchronization

/// The functions of loaded machine code, for `perf`: it reads the names of code without a file from
/// `/tmp/perf-PID.map`, a line for each function (address and bytes in hexadecimal, name). Written if `KILN_PERF_MAP`
/// is 1.
enum PerfMap {
  static let isWanted = Setting.number("KILN_PERF_MAP", in: 0...1) == 1

  private static let file = Mutex(
    isWanted ? open("/tmp/perf-\(getpid()).map", O_WRONLY | O_CREAT | O_APPEND, 0o644) : -1)

  /// Adds a function; a name of one line.
  static func add(_ name: String, at address: UInt, byteCount: Int) {
    let line = "\(String(address, radix: 16)) \(String(byteCount, radix: 16)) \(name)\n"
    file.withLock { file in
      guard file >= 0 else { return }
      _ = line.withCString { write(file, $0, strlen($0)) }
    }
  }
}

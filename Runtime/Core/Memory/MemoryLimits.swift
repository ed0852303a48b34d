import Glibc

/// How much Kiln keeps for later, in bytes (Documentation/Memory.md). `KILN_MEMORY` sets the sum in MiB; otherwise it
/// is a quarter of the memory that the process may use, and at least 256 MiB.
package struct MemoryLimits: Sendable {
  package static let shared = MemoryLimits(
    total: Setting.number("KILN_MEMORY", in: 1...(1 << 30)).map { $0 << 20 } ?? max(256 << 20, usableBytes / 4))

  /// Free buffers.
  package let buffers: Int
  /// Programs of operations and of transformed closures, with the memory that they work in.
  package let programs: Int
  /// Machine code.
  package let code: Int

  package init(total: Int) {
    programs = total / 8
    code = min(total / 8, 128 << 20)
    buffers = total - programs - code
  }

  /// The memory of the machine, or of the control group of the process if that may use less.
  private static let usableBytes: Int = {
    let machine = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(getpagesize())
    var limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
    // Version 2 has one line: 0::/the/group.
    for line in text(of: "/proc/self/cgroup").split(separator: "\n") where line.hasPrefix("0::") {
      limits.append("/sys/fs/cgroup\(line.dropFirst(3))/memory.max")
    }
    return limits.compactMap { Int(text(of: $0).prefix { $0.isNumber }) }.filter { $0 > 0 }.reduce(machine, min)
  }()

  private static func text(of path: String) -> String {
    guard let file = fopen(path, "re") else { return "" }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = fread(&buffer, 1, buffer.count, file)
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }
}

import Glibc

/// The clocks and counters of the machine.
enum Stopwatch {
  /// Nanoseconds of a clock that only goes forward.
  static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// The most memory that the process had, in units of 2^20 bytes.
  static func peakMegabytes() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
  }

  /// CPU seconds since boot of everything but this process, time that the host took included.
  static func otherCPUSeconds() -> Double {
    guard let file = fopen("/proc/stat", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // cpu user nice system idle iowait irq softirq steal
    let counts = text.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
    guard counts.count == 8 else { return 0 }
    var own = tms()
    times(&own)
    let busy = counts[0] + counts[2] + counts[5] + counts[6] + counts[7]
    return (busy - Double(own.tms_utime) - Double(own.tms_stime)) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// `sched_getaffinity` and `sched_setaffinity`, which are GNU extensions that Swift's Glibc does not show.
  private typealias Affinity = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> CInt

  private static func affinity(_ name: String) -> Affinity? {
    dlsym(nil, name).map { unsafeBitCast($0, to: Affinity.self) }
  }

  /// Lets the process run on the first `count` cores that it may use.
  static func pin(toCores count: Int) {
    guard let get = affinity("sched_getaffinity"), let set = affinity("sched_setaffinity") else { return }
    var allowed = [UInt8](repeating: 0, count: 128)
    guard get(0, allowed.count, &allowed) >= 0 else { return }
    var kept = 0
    for core in 0..<allowed.count * 8 where allowed[core / 8] >> (core % 8) & 1 == 1 {
      if kept >= count { allowed[core / 8] &= ~(1 << (core % 8)) }
      kept += 1
    }
    _ = set(0, allowed.count, &allowed)
  }
}

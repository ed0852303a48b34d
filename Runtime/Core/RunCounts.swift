import Synchronization

/// A count for each thread, which goes up when the thread begins to run a plan and when it has ended: odd in between.
/// A run that may call on the worker threads sees by them whether other threads want the cores. To count costs a thread
/// no more than a store to memory of its own.
package struct RunCounts: Sendable {
  package static let shared = RunCounts()

  /// Threads with greater numbers are not seen.
  static let limit = 256
  private static let lineBytes = 64

  // @unchecked: there are atomic values at it.
  private struct Lines: @unchecked Sendable { let start: UnsafeMutableRawPointer }

  private let lines: Lines

  init() {
    let start = UnsafeMutableRawPointer.allocate(
      byteCount: (Self.limit + 1) * Self.lineBytes, alignment: Self.lineBytes)
    lines = Lines(start: start)
    for number in 0...Self.limit { count(of: number).initialize(to: Atomic(0)) }
  }

  /// That of the thread `number`, which alone writes it.
  func count(of number: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    (lines.start + min(number, Self.limit) * Self.lineBytes).assumingMemoryBound(to: Atomic<Int>.self)
  }

  /// How many threads are in a run.
  func runningCount() -> Int {
    (0..<min(ThreadState.count, Self.limit)).count { count(of: $0).pointee.load(ordering: .relaxed) & 1 == 1 }
  }
}

/// What one observer saw of the counts.
struct RunObserver {
  private var seen = [Int](repeating: 0, count: RunCounts.limit)

  /// How many threads beside the one that asks are in a run, or have been in one since it asked last: a thread that
  /// makes small calls one after the other is between two of them half of the time.
  mutating func othersAtWork(_ counts: RunCounts = .shared, besides number: Int) -> Int {
    var others = 0
    for thread in 0..<min(ThreadState.count, RunCounts.limit) {
      let count = counts.count(of: thread).pointee.load(ordering: .relaxed)
      if thread != number, count & 1 == 1 || count != seen[thread] { others += 1 }
      seen[thread] = count
    }
    return others
  }
}

import CRuntime
import Glibc
import Synchronization

/// What a pool and its threads share. The protocol:
///
/// - `gate` holds the number of the loop, whether it is closed, and how many workers are inside. A caller writes the
///   job, then opens the gate; a worker enters by adding itself to an open gate. The caller closes the gate when all
///   ranges are claimed and waits until no thread is inside. So the job is read only between entering and leaving.
/// - Each thread's part of the range has a cursor; `fetch-and-add` claims the next chunk of it.
/// - `permits` says how many workers may be inside at once; it is read a moment before or after its time now and then,
///   which changes nothing but how many help.
/// - A worker that waited in vain says so in `sleeping`, looks once more and sleeps on the gate (a futex).
// @unchecked: `job` is written by the one caller that holds `busy`, while no worker is inside the gate.
final class WorkerTeam: @unchecked Sendable {
  final class Start: Sendable {
    let team: WorkerTeam
    let number: Int
    init(team: WorkerTeam, number: Int) {
      self.team = team
      self.number = number
    }
  }

  private struct Job {
    var entry: WorkerPool.Entry
    var context: UnsafeMutableRawPointer?
    var count: Int
    var grain: Int
    var chunk: Int
    var parts: Int

    /// Where part `part` begins; part `parts` begins at the end.
    func start(_ part: Int) -> Int {
      let units = (count + grain - 1) / grain
      return min(count, units * part / parts * grain)
    }
  }

  private static let lineBytes = 64
  private static let closed = 1 << 15
  private static let oneLoop = 1 << 16
  private static let worthWaking = 40_000

  /// One atomic word in each cache line: gate, sleeping, busy, stopped, permits, then a cursor for each thread.
  private let lines: UnsafeMutableRawPointer
  private let lineCount: Int
  private var gate: UnsafeMutablePointer<Atomic<Int>> { line(0) }
  private var sleeping: UnsafeMutablePointer<Atomic<Int>> { line(1) }
  private var busy: UnsafeMutablePointer<Atomic<Int>> { line(2) }
  private var stopped: UnsafeMutablePointer<Atomic<Int>> { line(3) }
  private var permits: UnsafeMutablePointer<Atomic<Int>> { line(4) }
  private func cursor(_ part: Int) -> UnsafeMutablePointer<Atomic<Int>> { line(5 + part) }

  private let threadCount: Int
  private let yieldsCores: Bool
  private var observer = RunObserver()
  private var job: Job
  private var refused = 0
  private var lastRefusal = 0

  init(threadCount: Int, yieldsCores: Bool) {
    self.threadCount = threadCount
    self.yieldsCores = yieldsCores
    lineCount = 5 + threadCount
    lines = .allocate(byteCount: lineCount * Self.lineBytes, alignment: Self.lineBytes)
    job = Job(entry: { _, _, _, _ in }, context: nil, count: 0, grain: 1, chunk: 1, parts: 1)
    for index in 0..<lineCount { line(index).initialize(to: Atomic(0)) }
    gate.pointee.store(Self.closed, ordering: .relaxed)
  }

  deinit { lines.deallocate() }

  private func line(_ index: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    (lines + index * Self.lineBytes).assumingMemoryBound(to: Atomic<Int>.self)
  }

  /// How many loops were opened.
  var loopCount: Int { gate.pointee.load(ordering: .relaxed) / Self.oneLoop }

  // MARK: - The caller

  /// Runs a loop with the help of the workers, or returns false if the caller had better run it alone.
  func run(
    _ count: Int, _ grain: Int, _ nanoseconds: Int, _ threads: Int, _ chunksPerThread: Int,
    _ context: UnsafeMutableRawPointer?, _ entry: WorkerPool.Entry
  ) -> Bool {
    guard busy.pointee.load(ordering: .relaxed) == 0, busy.pointee.exchange(1, ordering: .acquiring) == 0
    else { return false }
    defer { busy.pointee.store(0, ordering: .releasing) }
    let threads = min(threads, threadCount - othersAtWork())
    if threads <= 1 { return false }
    let asleep = sleeping.pointee.load(ordering: .relaxed)
    let wakes = asleep > 0 && isWorthWaking(nanoseconds)
    if asleep == threadCount - 1 && !wakes { return false }
    permits.pointee.store(threads - 1, ordering: .relaxed)

    let units = (count + grain - 1) / grain
    job = Job(
      entry: entry, context: context, count: count, grain: grain,
      chunk: max(1, units / (threads * chunksPerThread)) * grain, parts: threads)
    for part in 0..<threads { cursor(part).pointee.store(job.start(part), ordering: .relaxed) }
    let loop = (gate.pointee.load(ordering: .relaxed) & ~(Self.oneLoop - 1)) &+ Self.oneLoop
    _ = gate.pointee.exchange(loop, ordering: .sequentiallyConsistent)
    if wakes && sleeping.pointee.load(ordering: .sequentiallyConsistent) > 0 { wake(threads - 1) }

    claim(job, thread: 0)
    gate.pointee.bitwiseOr(Self.closed, ordering: .acquiringAndReleasing)
    var turns = 0
    while gate.pointee.load(ordering: .acquiring) & (Self.closed - 1) != 0 {
      turns += 1
      // A worker that the system took off its core must get one back.
      if turns > 2000 { sched_yield() } else { kiln_pause() }
    }
    return true
  }

  private func wake(_ count: Int) { kiln_futex_wake(gate, Int32(count)) }

  private func othersAtWork() -> Int {
    yieldsCores ? observer.othersAtWork(besides: ThreadState.current.number) : 0
  }

  /// Small loops in quick succession are worth it together.
  private func isWorthWaking(_ nanoseconds: Int) -> Bool {
    if nanoseconds >= Self.worthWaking { return true }
    let now = monotonicNanoseconds()
    if now - lastRefusal > 200_000 { refused = 0 }
    refused += nanoseconds
    lastRefusal = now
    guard refused >= Self.worthWaking else { return false }
    refused = 0
    return true
  }

  private func claim(_ job: Job, thread: Int) {
    for offset in 0..<job.parts {
      let part = (thread + offset) % job.parts
      let end = job.start(part + 1)
      let cursor = cursor(part)
      while cursor.pointee.load(ordering: .relaxed) < end {
        let begin = cursor.pointee.wrappingAdd(job.chunk, ordering: .relaxed).oldValue
        guard begin < end else { break }
        job.entry(job.context, begin, min(begin + job.chunk, end), thread)
      }
    }
  }

  // MARK: - The workers

  func stop() {
    stopped.pointee.store(1, ordering: .sequentiallyConsistent)
    // The number of the loop changes, so that no thread falls asleep on the old one.
    _ = gate.pointee.wrappingAdd(Self.oneLoop, ordering: .sequentiallyConsistent)
    wake(threadCount)
  }

  func work(_ thread: Int) {
    kiln_name_thread("kiln-\(thread)")
    _ = FloatingPointMode.enter()
    var spin = SpinWindow()
    var seen = gate.pointee.load(ordering: .acquiring) | (Self.oneLoop - 1)
    while stopped.pointee.load(ordering: .acquiring) == 0 {
      let now = gate.pointee.load(ordering: .acquiring)
      let isFull = now & (Self.closed - 1) >= permits.pointee.load(ordering: .relaxed)
      if now | (Self.oneLoop - 1) == seen || now & Self.closed != 0 || isFull {
        if spin.isOver(coreIsWanted) { sleep(at: now, &spin) } else { kiln_pause() }
        continue
      }
      let entering = gate.pointee.compareExchange(expected: now, desired: now + 1, ordering: .acquiringAndReleasing)
      guard entering.exchanged else { continue }
      seen = now | (Self.oneLoop - 1)
      spin.loopBegins()
      claim(job, thread: thread)
      gate.pointee.wrappingSubtract(1, ordering: .releasing)
      spin.loopEnds()
    }
  }

  /// Whether calls are on all cores.
  private func coreIsWanted() -> Bool { yieldsCores && RunCounts.shared.runningCount() >= threadCount }

  private func sleep(at seen: Int, _ spin: inout SpinWindow) {
    sleeping.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    // The futex compares the lower half of the gate: a loop opened since `seen` was read makes it return at once.
    if gate.pointee.load(ordering: .sequentiallyConsistent) == seen {
      kiln_futex_wait(gate, UInt32(truncatingIfNeeded: seen))
    }
    sleeping.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    spin.restart()
  }
}

/// How long a worker spins before it sleeps: twice the usual pause between loops, from 50 µs to 2 ms.
struct SpinWindow {
  private static let shortest = 50_000
  private static let longest = 2_000_000

  private var usualGap = 0
  private var since = monotonicNanoseconds()
  private var turns = 0

  /// The window in nanoseconds. Pauses that no window can bridge are not worth spinning for.
  var length: Int {
    usualGap > Self.longest ? Self.shortest : min(Self.longest, max(Self.shortest, 2 * usualGap))
  }

  mutating func isOver(_ coreIsWanted: () -> Bool) -> Bool {
    turns &+= 1
    return turns & 31 == 0 && (monotonicNanoseconds() - since > length || coreIsWanted())
  }

  mutating func restart() {
    since = monotonicNanoseconds()
    turns = 0
  }

  mutating func loopBegins() {
    let gap = monotonicNanoseconds() - since
    usualGap += (min(gap, 4 * Self.longest) - usualGap) / 8
  }

  mutating func loopEnds() { restart() }
}

func monotonicNanoseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

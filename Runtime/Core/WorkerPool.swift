import CRuntime
import Glibc
import Synchronization

/// Worker threads that help a caller with one loop at a time (fork, join). They spin between loops, then sleep.
///
/// The range of a loop is cut into one part per thread; a thread that has finished its part helps with the others, so a
/// worker that wakes late costs nothing but its help. Where the cuts fall never shows in a result (Numerics.md R6).
/// Any thread may call; while one loop runs, every other caller runs its loop alone, so callers never wait for each
/// other and loops inside loops are fine. Nothing is allocated per loop.
///
/// The pool of the process leaves the cores on which other threads run plans to them: a worker would take turns there
/// with another call, and a loop ends with its slowest thread.
package final class WorkerPool: Sendable {
  /// The work of a range: context, begin, end and the number of the thread that runs it (0 is the caller).
  package typealias Entry = @convention(c) (UnsafeMutableRawPointer?, Int, Int, Int) -> Void

  /// The pool of the process: `KILN_THREADS` threads, otherwise one for each core that the process may use.
  package static let shared = WorkerPool(threadCount: defaultThreadCount, leastWork: 50_000, yieldsCores: true)

  /// The caller and the workers.
  package let threadCount: Int
  /// The estimated nanoseconds of a plan from which its runs call on the workers. Two threads that each run a shorter
  /// one get more done if neither is helped, and the workers sleep.
  package let leastWork: Int
  private let team: WorkerTeam
  private let threads: [pthread_t]

  /// - Parameter yieldsCores: whether it leaves cores to other threads that run plans.
  package init(threadCount: Int, leastWork: Int = 0, yieldsCores: Bool = false) {
    self.leastWork = leastWork
    let team = WorkerTeam(threadCount: max(1, threadCount), yieldsCores: yieldsCores)
    var threads: [pthread_t] = []
    for number in 1..<max(1, threadCount) {
      var thread = pthread_t()
      let start = Unmanaged.passRetained(WorkerTeam.Start(team: team, number: number))
      let failed = pthread_create(
        &thread, nil,
        { argument in
          let start = Unmanaged<WorkerTeam.Start>.fromOpaque(argument!).takeRetainedValue()
          start.team.work(start.number)
          return nil
        }, start.toOpaque())
      if failed != 0 {
        start.release()
        break
      }
      threads.append(thread)
    }
    self.team = team
    self.threads = threads
    self.threadCount = threads.count + 1
  }

  deinit {
    team.stop()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Calls `entry` for ranges that together make up `0..<count`, cut at multiples of `grain`.
  ///
  /// - Parameters:
  ///   - nanoseconds: about what the whole loop costs one thread. Sleeping workers are woken only for loops that repay
  ///     the 25 µs that this takes.
  ///   - chunksPerThread: the pieces of a thread's part: what a thread that is held up leaves to the others.
  ///   - threads: how many threads may take part, if not all. Each has a number below `threadCount`.
  package func forkJoin(
    _ count: Int, grain: Int = 1, nanoseconds: Int, chunksPerThread: Int = 4, threads: Int = .max,
    context: UnsafeMutableRawPointer?, _ entry: Entry
  ) {
    guard count > 0 else { return }
    let threads = min(threads, threadCount)
    if threads == 1 || count <= grain
      || !team.run(count, grain, nanoseconds, threads, chunksPerThread, context, entry)
    {
      entry(context, 0, count, 0)
    }
  }

  /// `forkJoin` with a closure: `body(range, thread)`.
  package func forEachRange(
    of count: Int, grain: Int = 1, nanoseconds: Int, threads: Int = .max, _ body: (Range<Int>, Int) -> Void
  ) {
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafeMutablePointer(to: &body) { pointer in
        forkJoin(count, grain: grain, nanoseconds: nanoseconds, threads: threads, context: pointer) {
          context, begin, end, thread in
          context!.assumingMemoryBound(to: ((Range<Int>, Int) -> Void).self).pointee(begin..<end, thread)
        }
      }
    }
  }

  /// How many loops the workers were called on for.
  package var sharedLoopCount: Int { team.loopCount }

  private static var defaultThreadCount: Int {
    Setting.number("KILN_THREADS", in: 1...256) ?? Int(kiln_core_count())
  }
}

import Dispatch
import Foundation
import Synchronization
import Testing

@testable import KilnRuntime

@Suite("Worker pool")
struct WorkerPoolTests {
  private let heavy = 1_000_000

  @Test("each index runs once, whatever the number of threads", arguments: [1, 2, 3, 8], [0, 1, 2, 7, 64, 1000, 4097])
  func coverage(threads: Int, count: Int) {
    let pool = WorkerPool(threadCount: threads)
    for grain in [1, 3, 64] {
      for _ in 0..<5 {
        let runs = Counts(count)
        pool.forEachRange(of: count, grain: grain, nanoseconds: heavy) { range, thread in
          if thread >= threads || range.lowerBound % grain != 0 { Issue.record("\(range) on \(thread)") }
          for index in range { runs.add(index) }
        }
        #expect(runs.all(are: 1), "\(threads) threads, \(count) by \(grain)")
      }
    }
  }

  @Test("workers that slept wake up and help")
  func wakesUp() {
    let pool = WorkerPool(threadCount: 2)
    var helped = false
    for _ in 0..<200 where !helped {
      usleep(5000)  // longer than any spinning
      let threads = Lock(Set<Int>())
      pool.forEachRange(of: 64, nanoseconds: heavy) { _, thread in
        threads.withLock { _ = $0.insert(thread) }
        usleep(100)
      }
      helped = threads.withLock { $0.count } == 2
    }
    #expect(helped)
  }

  @Test("a loop inside a loop runs")
  func nested() {
    let pool = WorkerPool(threadCount: 3)
    let runs = Counts(64)
    pool.forEachRange(of: 8, nanoseconds: heavy) { outer, _ in
      for i in outer {
        pool.forEachRange(of: 8, nanoseconds: heavy) { inner, _ in
          for j in inner { runs.add(i * 8 + j) }
        }
      }
    }
    #expect(runs.all(are: 1))
  }

  @Test("workers join odd and even loops alike")
  func everyLoop() {
    let pool = WorkerPool(threadCount: 2)
    var joined = [0, 0]
    for loop in 0..<400 {
      let helped = Atomic(0)
      pool.forEachRange(of: 64, nanoseconds: 1_000_000) { range, thread in
        if thread == 1 { helped.store(1, ordering: .relaxed) }
        let end = ContinuousClock.now + .microseconds(5 * range.count)
        while ContinuousClock.now < end {}
      }
      joined[loop % 2] += helped.load(ordering: .relaxed)
    }
    #expect(joined[0] > 0 && joined[1] > 0, "\(joined)")
  }

  @Test("no more threads take part than a loop allows")
  func allowedThreads() {
    let pool = WorkerPool(threadCount: 4)
    for _ in 0..<100 {
      let threads = Lock(Set<Int>())
      pool.forEachRange(of: 64, nanoseconds: heavy, threads: 2) { _, thread in
        threads.withLock { _ = $0.insert(thread) }
        usleep(20)
      }
      #expect(threads.withLock { $0.count } <= 2)
    }
    let before = pool.sharedLoopCount
    pool.forEachRange(of: 64, nanoseconds: heavy, threads: 1) { _, thread in #expect(thread == 0) }
    #expect(before > 0 && pool.sharedLoopCount == before)
  }

  @Test("pools come and go")
  func lifetime() {
    for _ in 0..<50 {
      let pool = WorkerPool(threadCount: 3)
      let runs = Counts(10)
      pool.forEachRange(of: 10, nanoseconds: heavy) { range, _ in for index in range { runs.add(index) } }
      #expect(runs.all(are: 1))
    }
  }
}

/// How often each index was visited.
private final class Counts: Sendable {
  private let counts: Lock<[Int]>
  init(_ count: Int) { counts = Lock([Int](repeating: 0, count: count)) }
  func add(_ index: Int) { counts.withLock { $0[index] += 1 } }
  func all(are value: Int) -> Bool { counts.withLock { $0.allSatisfy { $0 == value } } }
}

@Suite("Worker pool with several callers")
struct WorkerPoolThreadTests {
  @Test("several callers at once finish, each with its own loop")
  func callers() {
    let pool = WorkerPool(threadCount: 3)
    DispatchQueue.concurrentPerform(iterations: 4) { _ in
      for _ in 0..<300 {
        let runs = Counts(100)
        pool.forEachRange(of: 100, grain: 4, nanoseconds: 1_000_000) { range, _ in
          for index in range { runs.add(index) }
        }
        if !runs.all(are: 1) { Issue.record("an index ran twice or never") }
      }
    }
  }

  @Test("cores on which other threads run plans are left to them")
  func yielding() async {
    await #expect(processExitsWith: .success) {
      let pool = WorkerPool(threadCount: 2, yieldsCores: true)
      func isShared() -> Bool {
        let before = pool.sharedLoopCount
        pool.forEachRange(of: 64, nanoseconds: 1_000_000) { _, _ in }
        return pool.sharedLoopCount > before
      }
      guard isShared() else { exit(1) }
      let (hasBegun, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
      let other = Started {
        ThreadState.current.countRun()
        hasBegun.signal()
        mayEnd.wait()
        ThreadState.current.countRun()
      }
      hasBegun.wait()
      guard !isShared(), !isShared() else { exit(2) }
      mayEnd.signal()
      other.join()
      // A thread that has just ended a run may begin the next one.
      guard !isShared(), isShared() else { exit(3) }
    }
  }

  @Test("what a loop wrote is seen by the caller and by the next loop")
  func writes() {
    let pool = WorkerPool(threadCount: 2)
    let count = 512
    let cells = UnsafeMutablePointer<Int>.allocate(capacity: count)
    defer { cells.deallocate() }
    cells.initialize(repeating: 0, count: count)
    nonisolated(unsafe) let shared = cells
    for _ in 0..<300 {
      pool.forEachRange(of: count, grain: 16, nanoseconds: 1_000_000) { range, _ in
        for index in range { shared[index] += shared[index] + 1 - shared[index] }
      }
    }
    #expect((0..<count).allSatisfy { cells[$0] == 300 })
  }
}

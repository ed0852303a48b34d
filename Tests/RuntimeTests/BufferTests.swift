import Dispatch
import Glibc
import Testing

@testable import KilnRuntime

@Suite("Buffers")
struct BufferTests {
  @Test("a block fits, and a fifth of it at most is unused")
  func sizeClasses() throws {
    var sizes = [0, 1, 63, 64, 65, 256, 257, 1000, 1024, 1025, 4096, 1 << 20, (2 << 20) + 1, 1 << 33]
    sizes += (8..<30).flatMap { [(1 << $0) - 1, 1 << $0, (1 << $0) + 1] }
    for bytes in sizes {
      let sizeClass = try #require(SizeClass(byteCount: bytes))
      #expect(sizeClass.capacity >= bytes)
      #expect(bytes < 256 || sizeClass.capacity - bytes <= sizeClass.capacity / 5 + 1, "\(bytes)")
      #expect(SizeClass(byteCount: sizeClass.capacity) == sizeClass)
      #expect(SizeClass(index: sizeClass.index) == sizeClass)
      #expect((0..<SizeClass.count).contains(sizeClass.index))
    }
  }

  @Test("blocks are aligned and come back warm")
  func reuse() throws {
    let pool = BufferPool(limit: 64 << 20)
    for bytes in [0, 100, 4096, 3 << 20] {
      let first = try HostBuffer(byteCount: bytes, pool: pool).pointer
      let second = try HostBuffer(byteCount: bytes, pool: pool)
      #expect(second.pointer == first)
      #expect(UInt(bitPattern: second.pointer) % (bytes >= SizeClass.hugePage ? UInt(SizeClass.hugePage) : 64) == 0)
    }
    #expect(pool.freeByteCount > 3 << 20)
    pool.trim()
    #expect(pool.freeByteCount == 0)
  }

  @Test("no more than the limit is kept")
  func limit() throws {
    let pool = BufferPool(limit: 10_000)
    do {
      let buffers = try (0..<10).map { _ in try HostBuffer(byteCount: 4096, pool: pool) }
      #expect(Set(buffers.map(\.pointer)).count == 10)
    }
    #expect(pool.freeByteCount == 8192)
  }

  @Test("a magazine keeps small blocks up to its limit, and gives the last one first")
  func magazine() throws {
    let pool = BufferPool(limit: 4 << 20)
    let magazine = try #require(pool.makeMagazine())
    let (small, large) = (try #require(SizeClass(byteCount: 1024)), try #require(SizeClass(byteCount: 70_000)))
    let blocks = try (0..<300).map { _ in try pool.take(1024) }
    let kept = blocks.count { magazine.give(back: $0, small) }
    #expect(kept == Magazine.limit / 1024 && magazine.byteCount == Magazine.limit)
    #expect(magazine.take(small) == blocks[kept - 1] && magazine.take(large) == nil)
    let other = try pool.take(70_000)
    #expect(!magazine.give(back: other, large))
    pool.give(back: other, 70_000)
    for block in blocks[(kept - 1)...] { pool.give(back: block, 1024) }
    let byteCount = (80 + 300) << 10
    #expect(pool.freeByteCount == byteCount)
    #expect(pool.trim() == byteCount && magazine.take(small) == nil && pool.freeByteCount == 0)
  }

  @Test("magazines are part of the limit, take half of it at most, and leave their blocks to the pool")
  func magazines() throws {
    let pool = BufferPool(limit: 1 << 20)
    let magazines = [try #require(pool.makeMagazine()), try #require(pool.makeMagazine())]
    #expect(pool.makeMagazine().map(\.byteCount) == nil)
    let sizeClass = try #require(SizeClass(byteCount: 4096))
    let blocks = try (0..<300).map { _ in try pool.take(4096) }
    for (number, block) in blocks.enumerated() where !magazines[number % 2].give(back: block, sizeClass) {
      pool.give(back: block, 4096)
    }
    #expect(pool.freeByteCount == 1 << 20)
    pool.takeBack(magazines[0])
    #expect(pool.freeByteCount == 1 << 20 && pool.makeMagazine().map(\.byteCount) == 0)
    #expect(pool.freeByteCount <= 1 << 20)
  }

  @Test("sizes beyond reason are an error", arguments: [-1, 1 << 45, 1 << 50, Int.max])
  func absurd(bytes: Int) {
    #expect(throws: RuntimeError.self) { try HostBuffer(byteCount: bytes) }
  }
}

@Suite("Floating-point mode")
struct FloatingPointModeTests {
  @Test("E5: denormals are kept for a caller that flushes, and its mode comes back")
  func flushingCaller() {
    let before = FloatingPointMode.current
    defer { FloatingPointMode.current = before }
    FloatingPointMode.current = before | FloatingPointMode.flushing
    let tiny = Float.leastNormalMagnitude
    func half(_ x: Float) -> Float { x * opaque(0.5) }
    #expect(half(opaque(tiny)) == 0)
    let inside = FloatingPointMode.withStandard { half(opaque(tiny)) }
    let after = FloatingPointMode.current
    FloatingPointMode.current = before
    #expect(inside == tiny / 2)
    #expect(after & FloatingPointMode.flushing == FloatingPointMode.flushing)
  }

  @inline(never)
  private func opaque(_ x: Float) -> Float { x }
}

@Suite("Buffers on several threads")
struct BufferThreadTests {
  @Test("threads that end leave their blocks and their numbers to others")
  func endedThreads() async {
    await #expect(processExitsWith: .success) {
      for turn in 0..<200 {
        let thread = Started {
          for bytes in [100, 5000, 60_000, 200_000] { use(bytes) }
        }
        thread.join()
        guard ThreadState.count <= 2, BufferPool.shared.freeByteCount < 400_000 else { exit(Int32(2 + turn % 100)) }
      }
      guard BufferPool.shared.trim() > 200_000, BufferPool.shared.freeByteCount == 0 else { exit(1) }
    }
  }

  @Test("trimming takes the blocks of a thread that waits, and that one goes on")
  func trimming() async {
    await #expect(processExitsWith: .success) {
      let (isFilled, isTrimmed) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
      let thread = Started {
        use(5000)
        isFilled.signal()
        isTrimmed.wait()
        for _ in 0..<10 { use(5000) }
      }
      isFilled.wait()
      let before = BufferPool.shared.freeByteCount
      BufferPool.shared.trim()
      guard before >= 5000, BufferPool.shared.freeByteCount == 0 else { exit(1) }
      isTrimmed.signal()
      thread.join()
    }
  }

  @Test("blocks that other threads free while one trims are never handed out twice")
  func sharedOwners() {
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for round in 0..<2000 {
        let bytes = 256 << (round % 4)
        guard let sizeClass = SizeClass(byteCount: bytes),
          let block = try? ThreadState.current.takeBlock(sizeClass, bytes)
        else { return }
        let mark = UInt64(thread * 10_000 + round)
        block.storeBytes(of: mark, as: UInt64.self)
        if round % 100 == thread { BufferPool.shared.trim() }
        if block.load(as: UInt64.self) != mark { Issue.record("a block had two owners") }
        ThreadState.current.giveBack(block, sizeClass)
      }
    }
  }

  @Test("blocks are never handed out twice")
  func owners() {
    let pool = BufferPool(limit: 1 << 20)
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for round in 0..<500 {
        guard let a = try? HostBuffer(byteCount: 512, pool: pool), let b = try? HostBuffer(byteCount: 512, pool: pool)
        else { return }
        let mark = UInt64(thread * 1000 + round)
        a.pointer.storeBytes(of: mark, as: UInt64.self)
        b.pointer.storeBytes(of: ~mark, as: UInt64.self)
        let found = a.pointer.load(as: UInt64.self)
        withExtendedLifetime((a, b)) {}
        if found != mark { Issue.record("a block had two owners") }
      }
    }
  }
}

/// Takes a block as a tensor does, and gives it back.
private func use(_ byteCount: Int) {
  guard let sizeClass = SizeClass(byteCount: byteCount),
    let block = try? ThreadState.current.takeBlock(sizeClass, byteCount)
  else { return }
  ThreadState.current.giveBack(block, sizeClass)
}

/// A thread of its own, which ends with its work.
struct Started {
  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private let thread: pthread_t

  init(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { work in
        if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body() }
        return nil
      }, Unmanaged.passRetained(Work(body)).toOpaque())
    self.thread = thread
  }

  func join() { pthread_join(thread, nil) }
}

import Dispatch
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

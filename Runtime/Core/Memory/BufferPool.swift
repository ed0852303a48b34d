import Glibc

/// Warm memory: free lists of blocks by size class. A block that comes back stays mapped, so that the next output of
/// that size costs no page fault (1.8 GB/s for fresh pages against more than 20 for warm ones).
///
/// Memory goes back to the system where keeping it would pass `limit`, the least recently used first, and where it is
/// not needed for long (`FreeLists`).
package final class BufferPool: Sendable {
  /// The pool of the process.
  package static let shared = BufferPool(limit: MemoryLimits.shared.buffers)

  /// The most free bytes that are kept.
  package let limit: Int
  private let free: Lock<FreeLists<Block>>

  // @unchecked: a free block belongs to the lists, which are behind the lock.
  private struct Block: @unchecked Sendable { var pointer: UnsafeMutableRawPointer }

  package init(limit: Int) {
    self.limit = limit
    free = Lock(FreeLists(limit: limit))
  }

  deinit { trim() }

  /// Bytes of free blocks that wait for their next use.
  package var freeByteCount: Int { free.withLock { $0.byteCount } }

  /// Returns every free block to the system. Returns their bytes.
  @discardableResult
  package func trim() -> Int {
    let (blocks, byteCount) = free.withLock { free in
      let byteCount = free.byteCount
      return (free.removeAll(), byteCount)
    }
    for block in blocks { Glibc.free(block.pointer) }
    return byteCount
  }

  package func take(_ byteCount: Int) throws(RuntimeError) -> UnsafeMutableRawPointer {
    guard byteCount >= 0, let sizeClass = SizeClass(byteCount: byteCount) else { throw outOfMemory(byteCount) }
    if let warm = free.withLock({ $0.take(sizeClass) }) { return warm.pointer }
    var block: UnsafeMutableRawPointer?
    let alignment = sizeClass.isHuge ? SizeClass.hugePage : 64
    func allocate() -> Bool { posix_memalign(&block, alignment, sizeClass.capacity) == 0 }
    // What is kept for later must not be what is missing now.
    guard allocate() || trim() > 0 && allocate(), let block else { throw outOfMemory(byteCount) }
    if sizeClass.isHuge { madvise(block, sizeClass.capacity, MADV_HUGEPAGE) }
    return block
  }

  package func give(back block: UnsafeMutableRawPointer, _ byteCount: Int) {
    guard let sizeClass = SizeClass(byteCount: byteCount) else { return }
    let block = Block(pointer: block)
    for dropped in free.withLock({ $0.give(back: block, sizeClass) }) { Glibc.free(dropped.pointer) }
  }

  private func outOfMemory(_ byteCount: Int) -> RuntimeError {
    RuntimeError(.outOfMemory, "a buffer of \(byteCount) bytes could not be allocated")
  }
}

/// Four classes in each power of two, so that at most a fifth of a block is unused.
package struct SizeClass: Equatable {
  static let hugePage = 2 << 20
  static let count = 48 * 4

  package let capacity: Int
  package let index: Int
  var isHuge: Bool { capacity >= Self.hugePage }

  /// Nil if no machine has that much.
  package init?(byteCount: Int) {
    guard byteCount < 1 << 46 else { return nil }
    let bytes = max(byteCount, 256)
    let exponent = Int.bitWidth - 1 - (bytes - 1).leadingZeroBitCount
    let step = 1 << (exponent - 2)
    let quarters = (bytes - 1 - (1 << exponent)) / step + 1
    capacity = (1 << exponent) + quarters * step
    index = exponent * 4 + quarters - 1
  }
}

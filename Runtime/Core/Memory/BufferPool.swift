import Glibc

/// Warm memory: free lists of blocks by size class. A block that comes back stays mapped, so that the next output of
/// that size costs no page fault (1.8 GB/s for fresh pages against more than 20 for warm ones).
///
/// The threads share the lists; in front of them, each thread has small blocks of its own for tensors (`Magazine`).
/// Memory goes back to the system where keeping it would pass `limit`, the least recently used first, and where it is
/// not needed for long (`FreeLists`).
package final class BufferPool: Sendable {
  /// The pool of the process.
  package static let shared = BufferPool(limit: MemoryLimits.shared.buffers)

  /// The most free bytes that are kept, in lists and magazines.
  package let limit: Int
  private let free: Lock<Free>

  // @unchecked: a free block belongs to the lists, which are behind the lock.
  private struct Block: @unchecked Sendable { var pointer: UnsafeMutableRawPointer }

  private struct Free: Sendable {
    /// Their limit is what the magazines leave of the pool's.
    var lists: FreeLists<Block>
    var magazines: [Magazine] = []
  }

  package init(limit: Int) {
    self.limit = limit
    free = Lock(Free(lists: FreeLists(limit: limit)))
  }

  deinit {
    trim()
    for magazine in free.withLock({ $0.magazines }) { magazine.destroy() }
  }

  /// Bytes of free blocks that wait for their next use.
  package var freeByteCount: Int { free.withLock { $0.magazines.reduce($0.lists.byteCount) { $0 + $1.byteCount } } }

  /// Returns every free block to the system. Returns their bytes.
  @discardableResult
  package func trim() -> Int {
    let (blocks, byteCount) = free.withLock { free in
      var byteCount = free.lists.byteCount
      var blocks = free.lists.removeAll()
      for (block, sizeClass) in free.magazines.flatMap({ $0.removeAll() }) {
        blocks.append(Block(pointer: block))
        byteCount += sizeClass.capacity
      }
      return (blocks, byteCount)
    }
    Self.release(blocks)
    return byteCount
  }

  package func take(_ byteCount: Int) throws(RuntimeError) -> UnsafeMutableRawPointer {
    guard byteCount >= 0, let sizeClass = SizeClass(byteCount: byteCount) else { throw outOfMemory(byteCount) }
    if let warm = free.withLock({ $0.lists.take(sizeClass) }) { return warm.pointer }
    return try allocate(sizeClass, byteCount)
  }

  package func give(back block: UnsafeMutableRawPointer, _ byteCount: Int) {
    if let sizeClass = SizeClass(byteCount: byteCount) { give(back: block, sizeClass) }
  }

  package func give(back block: UnsafeMutableRawPointer, _ sizeClass: SizeClass) {
    let block = Block(pointer: block)
    Self.release(free.withLock { $0.lists.give(back: block, sizeClass) })
  }

  // MARK: - Threads

  /// A magazine for a thread; nil where those of other threads have half of the limit.
  func makeMagazine() -> Magazine? {
    let (magazine, dropped) = free.withLock { free -> (Magazine?, [Block]) in
      guard (free.magazines.count + 1) * Magazine.limit <= limit / 2 else { return (nil, []) }
      let magazine = Magazine()
      free.magazines.append(magazine)
      return (magazine, free.lists.raiseLimit(by: -Magazine.limit))
    }
    Self.release(dropped)
    return magazine
  }

  /// Takes over the blocks of a thread that ends, and ends its magazine.
  func takeBack(_ magazine: Magazine) {
    let blocks = magazine.removeAll()
    free.withLock { free in
      free.magazines.removeAll { $0 == magazine }
      _ = free.lists.raiseLimit(by: Magazine.limit)
    }
    for (block, sizeClass) in blocks { give(back: block, sizeClass) }
    magazine.destroy()
  }

  // MARK: - The system

  private func allocate(_ sizeClass: SizeClass, _ byteCount: Int) throws(RuntimeError) -> UnsafeMutableRawPointer {
    var block: UnsafeMutableRawPointer?
    let alignment = sizeClass.isHuge ? SizeClass.hugePage : 64
    func allocate() -> Bool { posix_memalign(&block, alignment, sizeClass.capacity) == 0 }
    // What is kept for later must not be what is missing now.
    guard allocate() || trim() > 0 && allocate(), let block else { throw outOfMemory(byteCount) }
    if sizeClass.isHuge { madvise(block, sizeClass.capacity, MADV_HUGEPAGE) }
    return block
  }

  private static func release(_ blocks: [Block]) {
    for block in blocks { Glibc.free(block.pointer) }
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

  /// The class that has the number `index`.
  init(index: Int) {
    capacity = (1 << (index / 4)) + (index % 4 + 1) << (index / 4 - 2)
    self.index = index
  }
}

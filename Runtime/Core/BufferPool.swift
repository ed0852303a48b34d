import Glibc

/// Warm memory: free lists of blocks by size class. A block that comes back stays mapped, so that the next output of
/// that size costs no page fault (1.8 GB/s for fresh pages against more than 20 for warm ones).
///
/// Memory goes back to the system only where keeping it would pass `limit`.
public final class BufferPool: Sendable {
  /// The pool of the process: keeps at most a quarter of the machine's memory.
  public static let shared = BufferPool(
    limit: max(256 << 20, Int(sysconf(Int32(_SC_PHYS_PAGES))) / 4 * Int(getpagesize())))

  /// The most free bytes that are kept.
  public let limit: Int
  private let state = Lock(State())

  public init(limit: Int) { self.limit = limit }

  deinit { trim() }

  /// Bytes of free blocks that wait for their next use.
  public var freeByteCount: Int { state.withLock { $0.freeBytes } }

  /// Returns every free block to the system.
  public func trim() {
    let heads = state.withLock { state in
      let heads = state.heads
      state = State()
      return heads
    }
    for head in heads {
      var next = head.pointer
      while let block = next {
        next = block.load(as: UnsafeMutableRawPointer?.self)
        free(block)
      }
    }
  }

  package func take(_ byteCount: Int) throws(RuntimeError) -> UnsafeMutableRawPointer {
    guard byteCount >= 0, let sizeClass = SizeClass(byteCount: byteCount) else { throw outOfMemory(byteCount) }
    let warm = state.withLock { state -> Head in
      let head = state.heads[sizeClass.index]
      if let block = head.pointer {
        state.heads[sizeClass.index].pointer = block.load(as: UnsafeMutableRawPointer?.self)
        state.freeBytes -= sizeClass.capacity
      }
      return head
    }
    if let block = warm.pointer { return block }
    var block: UnsafeMutableRawPointer?
    let alignment = sizeClass.isHuge ? SizeClass.hugePage : 64
    guard posix_memalign(&block, alignment, sizeClass.capacity) == 0, let block else { throw outOfMemory(byteCount) }
    if sizeClass.isHuge { madvise(block, sizeClass.capacity, MADV_HUGEPAGE) }
    return block
  }

  package func give(back block: UnsafeMutableRawPointer, _ byteCount: Int) {
    guard let sizeClass = SizeClass(byteCount: byteCount) else { return }
    let head = Head(pointer: block)
    let kept = state.withLock { state in
      guard state.freeBytes + sizeClass.capacity <= limit else { return false }
      head.pointer?.storeBytes(of: state.heads[sizeClass.index].pointer, as: UnsafeMutableRawPointer?.self)
      state.heads[sizeClass.index] = head
      state.freeBytes += sizeClass.capacity
      return true
    }
    if !kept { free(block) }
  }

  private func outOfMemory(_ byteCount: Int) -> RuntimeError {
    RuntimeError(.outOfMemory, "a buffer of \(byteCount) bytes could not be allocated")
  }

  private struct State: Sendable {
    var heads = [Head](repeating: Head(pointer: nil), count: SizeClass.count)
    var freeBytes = 0
  }

  // @unchecked: a free block belongs to the list, which is behind the lock.
  private struct Head: @unchecked Sendable { var pointer: UnsafeMutableRawPointer? }
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

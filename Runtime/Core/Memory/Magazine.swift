import Glibc
import Synchronization

/// Free blocks that one thread has for itself, in front of the pool of all threads: small ones, and few. The thread
/// takes them and puts them back without meeting another one.
///
/// Each block holds the address of the next one of its size.
// @unchecked: what `memory` holds is read and written under the lock in it, which only `removeAll` of another thread
// ever finds closed.
struct Magazine: Equatable, @unchecked Sendable {
  /// The most bytes that one keeps.
  static let limit = 256 << 10
  /// The capacity of the largest blocks.
  static let largest = 64 << 10

  private static let listCount = 64
  /// Lock and bytes in a line of their own, then the first block of each size class.
  private let memory: UnsafeMutableRawPointer

  init() {
    let byteCount = 64 + Self.listCount * MemoryLayout<UnsafeMutableRawPointer?>.stride
    memory = .allocate(byteCount: byteCount, alignment: 128)
    memory.bindMemory(to: Atomic<Int>.self, capacity: 1).initialize(to: Atomic(0))
    byteCounter.initialize(to: 0)
    lists.initialize(repeating: nil, count: Self.listCount)
  }

  /// Ends it. It is empty, and no thread knows it any more.
  func destroy() { memory.deallocate() }

  static func == (a: Magazine, b: Magazine) -> Bool { a.memory == b.memory }

  private var closed: UnsafeMutablePointer<Atomic<Int>> { memory.assumingMemoryBound(to: Atomic<Int>.self) }
  private var byteCounter: UnsafeMutablePointer<Int> { (memory + 8).assumingMemoryBound(to: Int.self) }
  private var lists: UnsafeMutablePointer<UnsafeMutableRawPointer?> {
    (memory + 64).assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
  }

  @inline(__always)
  private func withLock<Result>(_ body: () -> Result) -> Result {
    while closed.pointee.exchange(1, ordering: .acquiring) != 0 { sched_yield() }
    defer { closed.pointee.store(0, ordering: .releasing) }
    return body()
  }

  var byteCount: Int { withLock { byteCounter.pointee } }

  @inline(__always)
  func take(_ sizeClass: SizeClass) -> UnsafeMutableRawPointer? {
    guard sizeClass.capacity <= Self.largest else { return nil }
    return withLock {
      guard let block = lists[sizeClass.index] else { return nil }
      lists[sizeClass.index] = block.load(as: UnsafeMutableRawPointer?.self)
      byteCounter.pointee -= sizeClass.capacity
      return block
    }
  }

  /// Keeps a block, if it is a small one and there is room.
  @inline(__always)
  func give(back block: UnsafeMutableRawPointer, _ sizeClass: SizeClass) -> Bool {
    guard sizeClass.capacity <= Self.largest else { return false }
    return withLock {
      guard byteCounter.pointee + sizeClass.capacity <= Self.limit else { return false }
      block.storeBytes(of: lists[sizeClass.index], as: UnsafeMutableRawPointer?.self)
      lists[sizeClass.index] = block
      byteCounter.pointee += sizeClass.capacity
      return true
    }
  }

  /// Takes every block out. Any thread may call.
  func removeAll() -> [(block: UnsafeMutableRawPointer, sizeClass: SizeClass)] {
    withLock {
      var blocks: [(UnsafeMutableRawPointer, SizeClass)] = []
      for index in 0..<Self.listCount {
        while let block = lists[index] {
          lists[index] = block.load(as: UnsafeMutableRawPointer?.self)
          blocks.append((block, SizeClass(index: index)))
        }
      }
      byteCounter.pointee = 0
      return blocks
    }
  }
}

extension ThreadState {
  /// A block for `byteCount` bytes, of the thread's own or of the pool.
  package func takeBlock(_ sizeClass: SizeClass?, _ byteCount: Int) throws(RuntimeError) -> UnsafeMutableRawPointer {
    if let sizeClass, let own = buffers?.take(sizeClass) { return own }
    return try BufferPool.shared.take(byteCount)
  }

  package func giveBack(_ block: UnsafeMutableRawPointer, _ sizeClass: SizeClass) {
    if let buffers, buffers.give(back: block, sizeClass) { return }
    giveBackToPool(block, sizeClass)
  }

  @inline(never)
  private func giveBackToPool(_ block: UnsafeMutableRawPointer, _ sizeClass: SizeClass) {
    let pool = BufferPool.shared
    if sizeClass.capacity <= Magazine.largest, let buffers {
      // A full one begins anew: otherwise it could be full of sizes that the thread no longer uses.
      for (block, sizeClass) in buffers.removeAll() { pool.give(back: block, sizeClass) }
    }
    pool.give(back: block, sizeClass)
  }
}

import CRuntime
import Glibc

/// Machine code in memory: regions of 2 MiB, from which objects take whole pages.
///
/// A page is writable while its object is put into it, and executable from then on; never both. Neighbouring pages of
/// code are one mapping of the system, which has 65,530 for a process, so thousands of objects take a few dozen
/// mappings.
// @unchecked: what changes is behind the lock; the pages of a block belong to whoever holds it.
package final class CodeArena: @unchecked Sendable {
  // @unchecked: the address is constant.
  private struct Region: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let pageCount: Int
    /// Pages that no block has, in order; neighbours are one range.
    var free: [Range<Int>]

    var isEmpty: Bool { free == [0..<pageCount] }
  }

  private let pageBytes = Int(getpagesize())
  private let regionBytes = 2 << 20
  private let regions = Lock<[Region]>([])

  package init() {}

  /// Whole pages with code. They are free again when the last reference to the block goes.
  // @unchecked: the address is constant.
  package final class Block: @unchecked Sendable {
    private let arena: CodeArena
    package let start: UnsafeMutableRawPointer
    package let byteCount: Int

    fileprivate init(arena: CodeArena, start: UnsafeMutableRawPointer, byteCount: Int) {
      self.arena = arena
      self.start = start
      self.byteCount = byteCount
    }

    deinit { arena.free(start, byteCount) }
  }

  /// Bytes of the pages that blocks have.
  package var usedByteCount: Int {
    regions.withLock { regions in
      regions.reduce(0) { $0 + $1.pageCount - $1.free.reduce(0) { $0 + $1.count } } * pageBytes
    }
  }

  /// A block of at least `byteCount` bytes that `fill` writes, executable when this returns.
  ///
  /// - Throws: what `fill` throws; `outOfMemory`; `unavailable` where the system lets no process make code.
  package func block(
    _ byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws(RuntimeError) -> Void
  ) throws(RuntimeError) -> Block {
    let pages = max(1, (byteCount + pageBytes - 1) / pageBytes)
    let block = Block(arena: self, start: try take(pages), byteCount: pages * pageBytes)
    guard mprotect(block.start, block.byteCount, PROT_READ | PROT_WRITE) == 0 else { throw Self.refusal("written") }
    try fill(UnsafeMutableRawBufferPointer(start: block.start, count: byteCount))
    guard mprotect(block.start, block.byteCount, PROT_READ | PROT_EXEC) == 0 else { throw Self.refusal("executed") }
    kiln_clear_instruction_cache(block.start, block.byteCount)
    return block
  }

  private static func refusal(_ what: String) -> RuntimeError {
    let reason = String(cString: strerror(errno))
    return errno == ENOMEM
      ? RuntimeError(.outOfMemory, "memory for machine code could not be had: \(reason)")
      : RuntimeError(.unavailable, "the system does not let memory for machine code be \(what): \(reason)")
  }

  private func take(_ pages: Int) throws(RuntimeError) -> UnsafeMutableRawPointer {
    try regions.withLock { regions throws(RuntimeError) in
      for index in regions.indices {
        guard let place = regions[index].free.firstIndex(where: { $0.count >= pages }) else { continue }
        let range = regions[index].free[place]
        let rest = range.lowerBound + pages..<range.upperBound
        if rest.isEmpty { regions[index].free.remove(at: place) } else { regions[index].free[place] = rest }
        return regions[index].base + range.lowerBound * pageBytes
      }
      let pageCount = max(pages, regionBytes / pageBytes)
      guard
        let base = mmap(
          nil, pageCount * pageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
        base != MAP_FAILED
      else { throw RuntimeError(.outOfMemory, "memory for machine code could not be had") }
      regions.append(
        Region(base: base, pageCount: pageCount, free: pages < pageCount ? [pages..<pageCount] : []))
      return base
    }
  }

  private func free(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
    // The pages stay executable: made inaccessible one by one they would be a mapping each.
    madvise(start, byteCount, MADV_DONTNEED)
    let unused = regions.withLock { regions -> [Region] in
      guard
        let index = regions.firstIndex(where: { $0.base <= start && start < $0.base + $0.pageCount * pageBytes })
      else { return [] }
      let first = (start - regions[index].base) / pageBytes
      regions[index].free.add(first..<first + byteCount / pageBytes)
      // One empty region is kept, lest it comes and goes with every object.
      guard regions[index].isEmpty, regions.contains(where: { $0.isEmpty && $0.base != regions[index].base }) else {
        return []
      }
      return [regions.remove(at: index)]
    }
    for region in unused { munmap(region.base, region.pageCount * pageBytes) }
  }

  deinit { for region in regions.withLock({ $0 }) { munmap(region.base, region.pageCount * pageBytes) } }
}

extension [Range<Int>] {
  /// Adds a range that touches and overlaps none of these, or touches some of them.
  fileprivate mutating func add(_ range: Range<Int>) {
    let place = firstIndex { $0.lowerBound >= range.upperBound } ?? endIndex
    insert(range, at: place)
    if place + 1 < count, self[place].upperBound == self[place + 1].lowerBound {
      self[place] = self[place].lowerBound..<remove(at: place + 1).upperBound
    }
    if place > 0, self[place - 1].upperBound == self[place].lowerBound {
      self[place - 1] = self[place - 1].lowerBound..<remove(at: place).upperBound
    }
  }
}

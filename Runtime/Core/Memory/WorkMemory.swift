/// The memory that runs work in between their inputs and their results. The plans of one program that stand in for each
/// other, one for each size, share it: a new size finds it warm, and only as much is kept as the largest one needs.
package final class WorkMemory: Sendable {
  private let free = Lock<[HostBuffer]>([])

  package init() { IdleMemory.add(self) }

  deinit { IdleMemory.remove(self) }

  /// A block of at least `byteCount` bytes that no other run has.
  package func take(_ byteCount: Int) throws(RuntimeError) -> HostBuffer {
    let found = free.withLock { free -> HostBuffer? in
      if let index = free.lastIndex(where: { $0.byteCount >= byteCount }) { return free.remove(at: index) }
      // It would be too small for this size again.
      _ = free.popLast()
      return nil
    }
    if let found { return found }
    // Room for somewhat larger sizes.
    return try HostBuffer(byteCount: byteCount + byteCount / 4)
  }

  package func giveBack(_ block: HostBuffer) { free.withLock { $0.append(block) } }
}

extension WorkMemory: IdleMemoryHolder {
  package func releaseIdleMemory() -> Int {
    free.withLock { $0 = [] }
    return 0
  }
}

import CRuntime

/// Something that keeps memory for its next use, and can do without it.
package protocol IdleMemoryHolder: AnyObject, Sendable {
  /// Lets go of what no run needs at the moment. Any thread may call, also while others run.
  /// - Returns: the bytes that went back to where they came from, but for those that went to the pool of buffers.
  func releaseIdleMemory() -> Int
}

/// The holders of this process, which `trimMemory` asks for what they keep.
package enum IdleMemory {
  private struct Weak: Sendable { weak let holder: (any IdleMemoryHolder)? }

  private static let holders = Lock<[ObjectIdentifier: Weak]>([:])

  package static func add(_ holder: some IdleMemoryHolder) {
    holders.withLock { $0[ObjectIdentifier(holder)] = Weak(holder: holder) }
  }

  /// Every holder calls this at its end.
  package static func remove(_ holder: some IdleMemoryHolder) {
    let key = ObjectIdentifier(holder)
    holders.withLock { $0[key] = nil }
  }

  /// Asks every holder for what it keeps.
  package static func release() -> Int {
    // The references end outside of the lock: the last one's end takes it.
    let alive = holders.withLock { $0.values.compactMap(\.holder) }
    return alive.reduce(0) { $0 + $1.releaseIdleMemory() }
  }

  /// Returns to the system what the heap of the process does not use.
  package static func trimHeap() { kiln_trim_heap() }
}

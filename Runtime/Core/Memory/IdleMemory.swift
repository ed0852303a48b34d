import CRuntime

/// Something that keeps memory for its next use, and can do without it.
package protocol IdleMemoryHolder: AnyObject, Sendable {
  /// Lets go of what no run needs at the moment, which is not a holder itself. Any thread may call, also while others
  /// run.
  /// - Returns: the bytes that went back to where they came from, but for those that went to the pool of buffers.
  func releaseIdleMemory() -> Int
}

/// The holders of this process, which `trimMemory` asks for what they keep.
package enum IdleMemory {
  /// A holder, which is not counted: once there is a weak reference to an object, each retain of it is slow, and every
  /// call of a compiled function retains its executable.
  // @unchecked: the lock is held from the look-up to the end of the use, and a holder's end waits for it.
  private struct Holder: @unchecked Sendable { unowned(unsafe) let object: any IdleMemoryHolder }

  private static let holders = Lock<[ObjectIdentifier: Holder]>([:])

  package static func add(_ holder: some IdleMemoryHolder) {
    holders.withLock { $0[ObjectIdentifier(holder)] = Holder(object: holder) }
  }

  /// Every holder calls this first at its end.
  package static func remove(_ holder: some IdleMemoryHolder) {
    let key = ObjectIdentifier(holder)
    holders.withLock { $0[key] = nil }
  }

  /// Asks every holder for what it keeps.
  package static func release() -> Int {
    holders.withLock { $0.values.reduce(0) { $0 + $1.object.releaseIdleMemory() } }
  }

  /// Returns to the system what the heap of the process does not use.
  package static func trimHeap() { kiln_trim_heap() }
}

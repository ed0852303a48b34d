import CRuntime
import Synchronization

/// Objects for use by one thread at a time, in about as many places as there are cores. A thread looks at its own place
/// first, and finds there what it put back last: threads that run at once share no memory that one of them writes.
// @unchecked: there are atomic values in `places`.
package final class ThreadShelf: @unchecked Sendable {
  /// The address of an object.
  package typealias Object = UnsafeMutableRawPointer

  private static let placeBytes = 64
  /// A power of two, at least four: not every thread that has a number runs.
  private static let placeCount: Int = {
    let cores = max(4, min(Int(kiln_core_count()), 256))
    return cores.nonzeroBitCount == 1 ? cores : 1 << (Int.bitWidth - cores.leadingZeroBitCount)
  }()

  private let places: UnsafeMutableRawPointer
  private let count: Int
  private let destroy: @Sendable (Object) -> Void

  /// - Parameter destroy: frees an object that finds no place, or is still there when the shelf goes.
  package init(_ destroy: @escaping @Sendable (Object) -> Void) {
    self.destroy = destroy
    count = Self.placeCount
    places = .allocate(byteCount: count * Self.placeBytes, alignment: Self.placeBytes)
    for number in 0..<count { place(number).initialize(to: Atomic(nil)) }
  }

  deinit {
    removeAll()
    places.deallocate()
  }

  @inline(__always)
  private func place(_ number: Int) -> UnsafeMutablePointer<Atomic<Object?>> {
    (places + (number & (count - 1)) * Self.placeBytes).assumingMemoryBound(to: Atomic<Object?>.self)
  }

  /// Takes an object, which no other thread has from now on; nil if all places are empty.
  package func take(_ thread: ThreadState) -> Object? {
    place(thread.number).pointee.exchange(nil, ordering: .acquiring) ?? takeElsewhere(thread)
  }

  @inline(never)
  private func takeElsewhere(_ thread: ThreadState) -> Object? {
    for offset in 1..<count {
      if let object = place(thread.number &+ offset).pointee.exchange(nil, ordering: .acquiring) { return object }
    }
    return nil
  }

  /// Puts an object back. Where all places are taken one is destroyed.
  package func put(_ object: Object, _ thread: ThreadState) {
    if let other = place(thread.number).pointee.exchange(object, ordering: .acquiringAndReleasing) {
      putElsewhere(other, thread)
    }
  }

  @inline(never)
  private func putElsewhere(_ object: Object, _ thread: ThreadState) {
    for offset in 1..<count {
      let outcome = place(thread.number &+ offset).pointee.compareExchange(
        expected: nil, desired: object, ordering: .acquiringAndReleasing)
      if outcome.exchanged { return }
    }
    destroy(object)
  }

  /// Destroys every object that no thread has at the moment.
  package func removeAll() {
    for number in 0..<count {
      if let object = place(number).pointee.exchange(nil, ordering: .acquiring) {
        destroy(object)
      }
    }
  }
}

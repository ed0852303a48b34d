import CRuntime
import Glibc
import Synchronization

/// What Kiln keeps for each thread that uses it, until the thread ends: a number, free buffers, and a count of the runs
/// of plans that others read to see which threads are at work.
// @unchecked: the fields do not change.
package struct ThreadState: @unchecked Sendable {
  private struct Fields {
    let number: Int
    let buffers: Magazine?
    let runCount: UnsafeMutablePointer<Atomic<Int>>
  }

  // A pointer, as a reference to an object would be counted at every use.
  private let fields: UnsafeMutablePointer<Fields>

  private init(_ number: Int, _ buffers: Magazine?) {
    fields = .allocate(capacity: 1)
    fields.initialize(to: Fields(number: number, buffers: buffers, runCount: RunCounts.shared.count(of: number)))
  }

  private init(_ pointer: UnsafeMutableRawPointer) { fields = pointer.assumingMemoryBound(to: Fields.self) }

  /// A small number that no other thread has at the same time.
  package var number: Int { fields.pointee.number }
  var buffers: Magazine? { fields.pointee.buffers }

  /// That of the calling thread.
  package static var current: ThreadState {
    @inline(__always) get { kiln_thread_state().map { ThreadState($0) } ?? begin() }
  }

  /// The calling thread begins or ends to run a plan.
  package func countRun() {
    let count = fields.pointee.runCount
    count.pointee.store(count.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
  }

  /// Greater than every number that a thread had so far.
  static var count: Int { mostThreads.load(ordering: .relaxed) }
  private static let mostThreads = Atomic<Int>(0)
  /// Those that threads left.
  private static let numbers = Lock<[Int]>([])

  /// That of threads at their very end, where another library may still free a tensor.
  private static let ended = ThreadState(.max, nil)

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key) { state in
      kiln_set_thread_state(ThreadState.ended.fields)
      if let state { ThreadState(state).end() }
    }
    return key
  }()

  @inline(never)
  private static func begin() -> ThreadState {
    let number = numbers.withLock { numbers in
      numbers.popLast() ?? mostThreads.wrappingAdd(1, ordering: .relaxed).oldValue
    }
    let state = ThreadState(number, BufferPool.shared.makeMagazine())
    pthread_setspecific(key, state.fields)
    kiln_set_thread_state(state.fields)
    return state
  }

  private func end() {
    if let buffers { BufferPool.shared.takeBack(buffers) }
    Self.numbers.withLock { $0.append(number) }
    fields.deinitialize(count: 1).deallocate()
  }
}

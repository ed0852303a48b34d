import KilnIR
import KilnRuntime

/// What one run of a plan at a time works in.
// @unchecked: one run has it at a time.
final class RunMemory: @unchecked Sendable {
  let memory: PlanMemory
  /// Each thread's scratch, then the arena.
  fileprivate var work: Work?
  private(set) var scratch: UnsafeMutableRawPointer

  fileprivate enum Work {
    /// A block of the pool.
    case own(UnsafeMutableRawPointer, byteCount: Int)
    case lent(HostBuffer)
  }

  fileprivate init(_ plan: ExecutionPlan, _ constants: PlanConstants, _ work: Work, scratchBytes: Int) {
    memory = PlanMemory(plan, constants)
    scratch = Self.address(work)
    attach(work, scratchBytes: scratchBytes)
  }

  deinit {
    if case .own(let block, let byteCount) = work { BufferPool.shared.give(back: block, byteCount) }
  }

  fileprivate func attach(_ work: Work, scratchBytes: Int) {
    self.work = work
    scratch = Self.address(work)
    memory.attach(arena: scratch + scratchBytes)
  }

  private static func address(_ work: Work) -> UnsafeMutableRawPointer {
    switch work {
    case .own(let block, _): block
    case .lent(let buffer): buffer.pointer
    }
  }
}

/// The memory of a plan's runs. One that has ended leaves its memory to the next of its thread: all of it where that is
/// little, otherwise the tables only, and the rest goes back to where all programs find it.
final class RunMemoryPool: Sendable {
  /// The most bytes to work in that stay with the tables.
  private static let largest = 64 << 10

  private let plan: ExecutionPlan
  private let constants: PlanConstants
  private let scratchBytes: Int
  /// What plans of the same program work in, too; nil: each run has memory of its own.
  private let shared: WorkMemory?
  private let warm = ThreadShelf { Unmanaged<RunMemory>.fromOpaque($0).release() }

  init(_ plan: ExecutionPlan, scratchBytes: Int, sharing shared: WorkMemory?) throws(RuntimeError) {
    self.plan = plan
    constants = try PlanConstants(plan)
    self.scratchBytes = scratchBytes
    self.shared = shared
  }

  private var workBytes: Int { scratchBytes + plan.memory.arenaBytes }
  private var staysAttached: Bool { workBytes <= Self.largest }

  /// Bytes that it keeps between the runs of one thread.
  var byteCount: Int { staysAttached ? workBytes : 0 }

  /// - Throws: `memory.exhausted`.
  func take(_ thread: ThreadState) throws(KilnError) -> Unmanaged<RunMemory> {
    let known = warm.take(thread).map { Unmanaged<RunMemory>.fromOpaque($0) }
    if let known, known._withUnsafeGuaranteedRef({ $0.work != nil }) { return known }
    return try attached(known)
  }

  @inline(never)
  private func attached(_ known: Unmanaged<RunMemory>?) throws(KilnError) -> Unmanaged<RunMemory> {
    let known = known?.takeRetainedValue()
    do throws(RuntimeError) {
      let work: RunMemory.Work
      if let shared, !staysAttached {
        work = .lent(try shared.take(workBytes))
      } else {
        work = .own(try BufferPool.shared.take(workBytes), byteCount: workBytes)
      }
      guard let known else {
        return .passRetained(RunMemory(plan, constants, work, scratchBytes: scratchBytes))
      }
      known.attach(work, scratchBytes: scratchBytes)
      return .passRetained(known)
    } catch {
      throw KilnError(error)
    }
  }

  func giveBack(_ memory: Unmanaged<RunMemory>, _ thread: ThreadState) {
    if !staysAttached { detach(memory) }
    warm.put(memory.toOpaque(), thread)
  }

  private func detach(_ memory: Unmanaged<RunMemory>) {
    switch memory._withUnsafeGuaranteedRef({ $0.work.take() }) {
    case .own(let block, let byteCount): BufferPool.shared.give(back: block, byteCount)
    case .lent(let buffer): shared?.giveBack(buffer)
    case nil: break
    }
  }

  /// Lets go of what no run has.
  func release() { warm.removeAll() }
}

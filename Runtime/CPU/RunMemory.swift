import KilnIR
import KilnRuntime
import Synchronization

/// What one run of a plan at a time works in.
final class RunMemory {
  let memory: PlanMemory
  /// Each thread's scratch, then the arena.
  private var work: HostBuffer?
  private(set) var scratch: UnsafeMutableRawPointer

  fileprivate init(_ plan: ExecutionPlan, _ work: HostBuffer, scratchBytes: Int) throws(RuntimeError) {
    memory = try PlanMemory(plan)
    scratch = work.pointer
    attach(work, scratchBytes: scratchBytes)
  }

  fileprivate var isAttached: Bool { work != nil }

  fileprivate func attach(_ work: HostBuffer, scratchBytes: Int) {
    self.work = work
    scratch = work.pointer
    memory.attach(arena: work.pointer + scratchBytes)
  }

  fileprivate func detach() -> HostBuffer? {
    defer { work = nil }
    return work
  }
}

/// The memory of a plan's runs. One that has ended leaves its memory to the next.
// @unchecked: what is warm changes hands by an atomic exchange.
final class RunMemoryPool: @unchecked Sendable {
  private let plan: ExecutionPlan
  private let scratchBytes: Int
  /// What plans of the same program work in, too; nil: each run has memory of its own.
  private let shared: WorkMemory?
  private let warm = Atomic<UnsafeMutableRawPointer?>(nil)

  init(_ plan: ExecutionPlan, scratchBytes: Int, sharing shared: WorkMemory?) {
    self.plan = plan
    self.scratchBytes = scratchBytes
    self.shared = shared
  }

  deinit { release() }

  private var workBytes: Int { scratchBytes + plan.memory.arenaBytes }

  /// Bytes that it keeps between runs and no other plan has.
  var byteCount: Int { shared == nil ? workBytes : 0 }

  /// - Throws: `memory.exhausted`.
  func take() throws(KilnError) -> RunMemory {
    let known = warm.exchange(nil, ordering: .acquiring).map {
      Unmanaged<RunMemory>.fromOpaque($0).takeRetainedValue()
    }
    if let known, known.isAttached { return known }
    do throws(RuntimeError) {
      let work: HostBuffer
      if let shared { work = try shared.take(workBytes) } else { work = try HostBuffer(byteCount: workBytes) }
      guard let known else { return try RunMemory(plan, work, scratchBytes: scratchBytes) }
      known.attach(work, scratchBytes: scratchBytes)
      return known
    } catch {
      throw KilnError(error)
    }
  }

  func giveBack(_ memory: RunMemory) {
    if let shared, let work = memory.detach() { shared.giveBack(work) }
    let pointer = Unmanaged.passRetained(memory).toOpaque()
    if let other = warm.exchange(pointer, ordering: .acquiringAndReleasing) {
      Unmanaged<RunMemory>.fromOpaque(other).release()
    }
  }

  /// Lets go of what no run has.
  func release() {
    if let pointer = warm.exchange(nil, ordering: .acquiring) { Unmanaged<RunMemory>.fromOpaque(pointer).release() }
  }
}

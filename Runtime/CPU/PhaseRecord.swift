import KilnIR
import KilnRuntime

/// What to call for one phase of a launch, or for all blocks of a chain.
struct PhaseRecord {
  var entry: CompiledCode.Phase
  var arguments: UnsafePointer<Int>
  /// The launch whose buffers it reads; the first one of a chain.
  var launch: Int
  var units: Int
  var nanoseconds: Int
  /// Pieces of a thread's part of the units.
  var chunks: Int
  var isShared: Bool
  var checksStatus = false
  /// The buffers of a mere copy, which may turn out to be the same memory.
  var copied: (source: Int, target: Int)?

  /// Below this two threads cost more than they save.
  private static let worthSharing = 1_500

  init(
    _ entry: CompiledCode.Phase, _ arguments: UnsafePointer<Int>, launch: Int, units: Int, nanoseconds: Int,
    chunks: Int, threads: Int
  ) {
    (self.entry, self.arguments, self.launch, self.units) = (entry, arguments, launch, units)
    (self.nanoseconds, self.chunks) = (nanoseconds, chunks)
    isShared = threads > 1 && units > 1 && nanoseconds >= Self.worthSharing
  }
}

/// The records of a plan: those of each launch in its order; those of a chain are the records of its first launch.
struct PhaseRecords {
  private(set) var all: [PhaseRecord] = []
  /// The records of each launch.
  private(set) var ranges: [Range<Int>] = []
  /// What records of chains point to.
  private(set) var chains: [ChainCall] = []
  /// Bytes of scratch that a thread needs for chains.
  var scratchBytes: Int { chains.map(\.scratchBytes).max() ?? 0 }

  private let plan: ExecutionPlan
  private let code: [LaunchCode]
  private let costs: [Int]
  private let threads: Int

  /// - Parameters:
  ///   - code: that of each launch.
  ///   - costs: estimated nanoseconds of each launch.
  init(_ plan: ExecutionPlan, _ code: [LaunchCode], costs: [Int], threads: Int) {
    (self.plan, self.code, self.costs, self.threads) = (plan, code, costs, threads)
    let launches = plan.launches
    var starts: [Int: LaunchChain] = [:]
    if !plan.chains.isEmpty {
      var number = 0
      for (step, element) in plan.steps.enumerated() {
        guard case .launch = element else { continue }
        if let chain = plan.chains.first(where: { $0.steps.lowerBound == step }) { starts[number] = chain }
        number += 1
      }
    }
    while ranges.count < launches.count {
      let (first, number) = (all.count, ranges.count)
      if let chain = starts[number] {
        append(chain, first: number, launches)
        ranges.append(first..<all.count)
        ranges += Array(repeating: all.count..<all.count, count: chain.steps.count - 1)
      } else {
        appendPhases(of: launches[number], number, 0..<code[number].phases.count)
        ranges.append(first..<all.count)
      }
    }
  }

  private mutating func appendPhases(of launch: ExecutionPlan.Launch, _ number: Int, _ phases: Range<Int>) {
    let kernel = plan.kernels[launch.kernel]
    guard let schedule = kernel.schedule.cpu else { return }
    for phase in phases {
      let isLast = phase == schedule.phaseCount - 1
      let units = schedule.workUnits(kernel.definition, phase: phase, launch.integers)
      // A library packs for itself.
      guard units > 0, !launch.usesLibrary || isLast else { continue }
      var record = PhaseRecord(
        code[number].phases[phase], code[number].arguments, launch: number, units: units, nanoseconds: costs[number],
        chunks: schedule.chunks(launch.integers, nanoseconds: costs[number], threads: threads), threads: threads)
      record.checksStatus = !launch.sites.isEmpty && isLast
      record.copied = kernel.definition.copiedBuffers
      all.append(record)
    }
  }

  /// What is packed, and then the blocks.
  private mutating func append(_ chain: LaunchChain, first: Int, _ launches: [ExecutionPlan.Launch]) {
    let numbers = first..<first + chain.steps.count
    for number in numbers { appendPhases(of: launches[number], number, 0..<code[number].phases.count - 1) }
    let call = ChainCall(chain, plan, Array(code[numbers]))
    chains.append(call)
    let nanoseconds = costs[numbers].reduce(0, +)
    all.append(
      PhaseRecord(
        ChainCall.phase, call.arguments, launch: first, units: chain.blockCount, nanoseconds: nanoseconds,
        chunks: max(4, min(64, nanoseconds / threads / 200_000)), threads: threads))
  }
}

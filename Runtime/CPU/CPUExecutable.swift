package import KilnIR
package import KilnRuntime

/// A plan with the machine code of its kernels. Immutable; any number of threads may run it at once.
// @unchecked: `records` is written once.
package final class CPUExecutable: @unchecked Sendable {
  package let plan: ExecutionPlan
  /// The code of each launch.
  private let code: [LaunchCode]
  private let walk: PlanWalk
  private let pool: WorkerPool
  /// How many threads a run may use; one where the plan is too short for more.
  private let threads: Int
  private let refusesDonations: Bool
  /// In the order in which they run.
  private let records: UnsafeMutableBufferPointer<PhaseRecord>
  /// The records of each launch.
  private let recordRanges: [Range<Int>]
  private let chains: [ChainCall]
  private let scratchStride: Int
  /// Results that are another value's bytes.
  private let copies: [Copy]
  /// Launches that OpenBLAS runs, by number.
  private let libraryLaunches: [Int: LibraryLaunch]
  private let runs: RunMemoryPool

  private struct Copy {
    var result: Int
    var source: ExecutionPlan.Result.Source
    var byteCount: Int
  }

  /// Compiles the kernels that are not compiled yet, on all threads of the pool.
  package init(
    _ plan: ExecutionPlan, compiler: KernelCompiler, pool: WorkerPool = .shared, sharing: RunSharing = RunSharing()
  ) throws(RuntimeError) {
    self.plan = plan
    self.pool = pool
    walk = PlanWalk(plan)
    refusesDonations = !plan.refusedDonations.isEmpty
    libraryLaunches = try Self.libraryLaunches(plan)
    code = try compiler.code(of: plan.kernels, plan.launches.map { ($0.kernel, $0.integers) }, on: pool)
    let schedules = try plan.launches.enumerated().map { number, launch throws(RuntimeError) in
      guard let schedule = plan.kernels[launch.kernel].schedule.cpu else {
        throw RuntimeError(.codeGeneration, "launch \(number) is scheduled for OpenCL")
      }
      return schedule
    }
    let costs = zip(plan.launches, schedules).map { launch, schedule in
      schedule.estimatedNanoseconds(plan.kernels[launch.kernel].definition, launch.integers)
    }
    // What a plan with loops takes is not known.
    let isShort = walk.isStraight && costs.reduce(0, +) < pool.leastWork
    self.threads = isShort ? 1 : min(sharing.threads ?? .max, pool.threadCount)
    let records = PhaseRecords(plan, code, costs: costs, threads: self.threads)
    self.records = .allocate(capacity: records.all.count)
    _ = self.records.initialize(from: records.all)
    recordRanges = records.ranges
    chains = records.chains
    scratchStride = (max(plan.scratchBytes, records.scratchBytes) + 4095) / 4096 * 4096 + 192
    runs = try RunMemoryPool(
      plan, scratchBytes: scratchStride * (self.threads == 1 ? 1 : pool.threadCount), sharing: sharing.work)
    copies = plan.results.enumerated().compactMap { number, result in
      result.source == .written
        ? nil : Copy(result: number, source: result.source, byteCount: result.type.byteCount)
    }
    IdleMemory.add(self)
  }

  /// About how many bytes it keeps between calls: code, the memory that it alone works in, and the plan.
  package var byteCount: Int {
    let constants = plan.constants.reduce(0) { $0 + $1.type.byteCount }
    let objects = Dictionary(code.flatMap(\.code).map { (ObjectIdentifier($0), $0.byteCount + 4096) }) { $1 }
    let codeBytes = objects.values.reduce(4096, +)
    return runs.byteCount + 2 * constants + codeBytes + 512 * plan.steps.count
  }

  deinit {
    IdleMemory.remove(self)
    records.deinitialize()
    records.deallocate()
  }

  /// Runs the plan once.
  /// - Parameters:
  ///   - inputs: the first byte of each parameter.
  ///   - outputs: the first byte of each result; none overlaps another, or an input but by a donation of the plan.
  /// - Throws: `gather.R1` or `scatter.R1` for an index out of range, `memory.exhausted`.
  package func run(
    inputs: UnsafeBufferPointer<UnsafeRawPointer>, outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>
  ) throws(KilnError) {
    if refusesDonations {
      for donation in plan.refusedDonations
      where UnsafeRawPointer(outputs[donation.result]) == inputs[donation.parameter] {
        return try runAside(inputs, outputs)
      }
    }
    try runDirectly(inputs, outputs)
  }

  /// The run of a call that gives away memory which is read to the end: those results are written elsewhere first.
  private func runAside(
    _ inputs: UnsafeBufferPointer<UnsafeRawPointer>, _ outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>
  ) throws(KilnError) {
    var addresses = Array(outputs)
    var aside: [(result: Int, buffer: HostBuffer)] = []
    for donation in plan.refusedDonations
    where UnsafeRawPointer(outputs[donation.result]) == inputs[donation.parameter] {
      do throws(RuntimeError) {
        let buffer = try HostBuffer(byteCount: plan.results[donation.result].type.byteCount)
        addresses[donation.result] = buffer.pointer
        aside.append((donation.result, buffer))
      } catch {
        throw KilnError(error)
      }
    }
    let outcome = addresses.withUnsafeBufferPointer { addresses in
      Result { () throws(KilnError) in try runDirectly(inputs, addresses) }
    }
    try outcome.get()
    for (result, buffer) in aside { outputs[result].copyMemory(from: buffer.pointer, byteCount: buffer.byteCount) }
  }

  private func runDirectly(
    _ inputs: UnsafeBufferPointer<UnsafeRawPointer>, _ outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>
  ) throws(KilnError) {
    let thread = ThreadState.current
    let memory = try runs.take(thread)
    thread.countRun()
    let error = memory._withUnsafeGuaranteedRef { run(inputs, outputs, in: $0) }
    thread.countRun()
    runs.giveBack(memory, thread)
    if let error { throw error }
  }

  private func run(
    _ inputs: UnsafeBufferPointer<UnsafeRawPointer>, _ outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>,
    in run: RunMemory
  ) -> KilnError? {
    let memory = run.memory
    memory.bind(inputs, outputs)
    let mode = FloatingPointMode.enter()
    let failed = runSteps(run)
    FloatingPointMode.leave(mode)
    if let failed {
      return plan.launches[failed].error(site: Int(memory.status.pointee), index: memory.failedIndex)
    }
    copyResults(inputs, outputs)
    return nil
  }

  /// Runs all steps; gives the launch that found an index out of range, if one did.
  private func runSteps(_ run: RunMemory) -> Int? {
    if walk.isStraight {
      for index in 0..<records.count where !execute(records[index], run) { return records[index].launch }
      return nil
    }
    var machine = Machine(executable: self, run: run)
    do throws(FailedLaunch) {
      try walk.run(&machine)
      return nil
    } catch {
      return error.number
    }
  }

  /// A launch that found an index out of range.
  private struct FailedLaunch: Error {
    var number: Int
  }

  private struct Machine: PlanMachine {
    typealias Failure = FailedLaunch

    let executable: CPUExecutable
    let run: RunMemory

    func launch(_ number: Int) throws(FailedLaunch) {
      for index in executable.recordRanges[number]
      where !executable.execute(executable.records[index], run) { throw FailedLaunch(number: number) }
    }

    func readPredicate(_ slot: Int) -> Bool { run.memory.address(slot).load(as: UInt8.self) == 1 }
    func readSelector(_ slot: Int) -> Int {
      executable.plan.choice(inSlot: slot, at: run.memory.address(slot))
    }
    func begin(part: Int, ofStep step: Int) { run.memory.begin(part: part, ofStep: step) }
  }

  /// Fills the results that are another value's bytes.
  private func copyResults(
    _ inputs: UnsafeBufferPointer<UnsafeRawPointer>, _ outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>
  ) {
    for copy in copies {
      let source: UnsafeRawPointer
      switch copy.source {
      case .written: continue
      case .parameter(let number): source = inputs[number]
      case .result(let number): source = UnsafeRawPointer(outputs[number])
      }
      if source != UnsafeRawPointer(outputs[copy.result]) {
        outputs[copy.result].copyMemory(from: source, byteCount: copy.byteCount)
      }
    }
  }

  /// What the parts of one phase share.
  private struct Context {
    var entry: CompiledCode.Phase
    var pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    var arguments: UnsafePointer<Int>
    var scratch: UnsafeMutableRawPointer
    var scratchStride: Int
    var status: UnsafeMutablePointer<Int32>
  }

  private static func libraryLaunches(_ plan: ExecutionPlan) throws(RuntimeError) -> [Int: LibraryLaunch] {
    var result: [Int: LibraryLaunch] = [:]
    for (number, launch) in plan.launches.enumerated() where launch.usesLibrary {
      guard let product = MatrixProduct(plan.kernels[launch.kernel].definition, launch.integers) else { continue }
      result[number] = LibraryLaunch(product: product, library: try OpenBLASLibrary.shared.get())
    }
    return result
  }

  /// Runs one phase and says whether it found every index in range.
  private func execute(_ record: PhaseRecord, _ run: RunMemory) -> Bool {
    let memory = run.memory
    if !libraryLaunches.isEmpty, let library = libraryLaunches[record.launch] {
      let pointers = memory.pointers(record.launch)
      pool.forEachRange(
        of: library.product.rows, grain: LibraryLaunch.grain, nanoseconds: record.nanoseconds, threads: threads
      ) { rows, _ in library.run(pointers, rows: rows) }
      return true
    }
    if let copied = record.copied {
      let pointers = memory.pointers(record.launch)
      if pointers[copied.source] == pointers[copied.target] { return true }
    }
    if !record.isShared {
      record.entry(
        memory.pointers(record.launch), record.arguments, 0, record.units, run.scratch, memory.status)
    } else {
      var context = Context(
        entry: record.entry, pointers: memory.pointers(record.launch), arguments: record.arguments,
        scratch: run.scratch, scratchStride: scratchStride, status: memory.status)
      pool.forkJoin(
        record.units, nanoseconds: record.nanoseconds, chunksPerThread: record.chunks, threads: threads,
        context: &context
      ) { context, begin, end, thread in
        let context = context!.assumingMemoryBound(to: Context.self)
        let mode = FloatingPointMode.enter()
        context.pointee.entry(
          context.pointee.pointers, context.pointee.arguments, begin, end,
          context.pointee.scratch + thread * context.pointee.scratchStride, context.pointee.status)
        FloatingPointMode.leave(mode)
      }
    }
    return !record.checksStatus || memory.status.pointee == 0
  }

}

extension CPUExecutable: IdleMemoryHolder {
  package func releaseIdleMemory() -> Int {
    runs.release()
    return 0
  }
}

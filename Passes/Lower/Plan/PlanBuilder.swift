import KilnIR

/// Gives sizes their numbers, every buffer a slot, the arena its layout, and every launch its schedule.
struct PlanBuilder {
  private let name: String
  private let parameters: [Function.Parameter]
  private let results: [ExecutionPlan.Result]
  private let donations: [ExecutionPlan.Donation]
  private let refusedDonations: [ExecutionPlan.Donation]
  private var flat: FlatPlan
  private let buffers: EntityTable<BufferID, PlanBuffer>
  /// Results whose memory may be a parameter's.
  private let donated: Set<BufferID>

  private var slots: [ExecutionPlan.Slot] = []
  private var slotOf: EntityTable<BufferID, Int?>
  private var constants: [Literal] = []
  private var requests: [MemoryPlanner.Request] = []
  /// The launches with their schedules, by step, and those that run together.
  private var launches: [ScheduledLaunch?] = []
  private var chains: [ChainChoice.Chain] = []
  /// The chain that requests lie in the blocks of; nil for those of the arena.
  private var chainOf: [Int?] = []
  /// Requests that lie in a result's memory instead.
  private var dropped: Set<Int> = []
  /// Slots in the arena, with their request.
  private var requestOf: [Int: Int] = [:]
  private var inPlace: [MemoryPlan.Reuse] = []
  private var kernels: [Kernel] = []
  private struct ScheduledKernel: Hashable {
    var number: Int
    var schedule: Schedule
  }
  private var kernelNumbers: [ScheduledKernel: Int] = [:]
  /// Launches with a workspace, with its request.
  private var workspaces: [Int: Int] = [:]
  private var values: SizeValues

  init(_ regions: ProgramRegions, _ values: SizeValues) {
    var values = values
    name = regions.function.name
    parameters = regions.function.parameters.map {
      Function.Parameter($0.name, values.type($0.type), isHidden: $0.isHidden)
    }
    results = regions.results.map { ExecutionPlan.Result(values.type($0.type), $0.source) }
    donations = regions.donations
    refusedDonations = regions.refusedDonations
    let nodes = regions.sizedTypes.isEmpty ? regions.nodes : values.withoutIdleNodes(regions.nodes)
    let numbers = Set(donations.map(\.result))
    donated = Set(
      regions.buffers.ids.filter { buffer in
        if case .result(let number) = regions.buffers[buffer].place { numbers.contains(number) } else { false }
      })
    // Elements must find the buffer that stands for theirs.
    var buffers = regions.buffers
    // Memory that may be a parameter's is written when the order of launches says so, no earlier.
    let replaced = nodes.haveMoves ? FlatPlan(nodes, buffers).replacedBuffers(keeping: donated) : [:]
    for buffer in buffers.ids {
      buffers[buffer].type = values.type(buffers[buffer].type)
      guard case .element(var whole, let loop) = buffers[buffer].place else { continue }
      while let other = replaced[whole] { whole = other }
      buffers[buffer].place = .element(of: whole, loop: loop)
    }
    self.buffers = buffers
    slotOf = EntityTable(repeating: nil, count: buffers.count)
    self.values = values
    flat = FlatPlan(replaced.isEmpty ? nodes : nodes.replacing(replaced), buffers)
  }

  consuming func build(_ options: CompilationOptions, for device: DeviceDescription) -> ExecutionPlan {
    scheduleLaunches(for: device, options)
    bindResultsAndParameters()
    for step in flat.steps.indices { bindBuffers(of: step) }
    var steps = flat.steps.indices.map { step(number: $0, options) }
    var (memory, offsets) = plannedMemory(inChain: nil)
    memory.inPlace = inPlace
    for chain in chains.indices { offsets.merge(plannedMemory(inChain: chain).offsets) { $1 } }
    memory.allocations.sort { ($0.offset, $0.steps.lowerBound) < ($1.offset, $1.steps.lowerBound) }
    for (slot, request) in requestOf {
      let offset = offsets[request] ?? 0
      slots[slot].place = chainOf[request] == nil ? .arena(offset) : .block(offset)
    }
    for (step, request) in workspaces {
      guard case .launch(var launch) = steps[step] else { continue }
      launch.workspace = offsets[request]
      steps[step] = .launch(launch)
    }
    return ExecutionPlan(
      name: name, device: device, parameters: parameters, results: results, constants: constants,
      kernels: kernels, slots: slots, steps: steps, chains: chains.map(\.chain), memory: memory, donations: donations,
      refusedDonations: refusedDonations)
  }

  /// Schedules launches, and finds those that run together.
  private mutating func scheduleLaunches(for device: DeviceDescription, _ options: CompilationOptions) {
    launches = flat.steps.map { step in
      guard case .launch(let launch) = step else { return nil }
      let (kernel, integers) = launch.draft.scheduled(launch.draft.integers.map { values.number($0) }, for: device)
      return ScheduledLaunch(launch: launch, kernel: kernel, integers: integers)
    }
    chains = ChainChoice(
      flat, buffers, launches, device, donated: donated, options: options
    ).chains()
    for chain in chains {
      for (step, kernel) in zip(chain.chain.steps, chain.kernels) { launches[step]?.kernel = kernel }
      flat.extendLifetimes(over: chain)
    }
  }

  /// The memory of the arena, or of the blocks of a chain, with the offset of each request.
  private func plannedMemory(inChain chain: Int?) -> (memory: MemoryPlan, offsets: [Int: Int]) {
    let planned = requests.indices.filter { !dropped.contains($0) && chainOf[$0] == chain }
    let memory = MemoryPlanner.plan(planned.map { requests[$0] })
    return (memory, Dictionary(uniqueKeysWithValues: zip(planned, memory.allocations.map(\.offset))))
  }

  private mutating func addRequest(_ name: String, _ byteCount: Int, _ steps: ClosedRange<Int>, chain: Int?) -> Int {
    requests.append(MemoryPlanner.Request(name: name, byteCount: byteCount, steps: steps))
    chainOf.append(chain)
    return requests.count - 1
  }

  private func chain(at step: Int) -> Int? { chains.firstIndex { $0.chain.steps.contains(step) } }
  private func chain(ofBlocks buffer: BufferID) -> Int? { chains.firstIndex { $0.blocks.contains(buffer) } }

  // MARK: Slots

  private mutating func addSlot(_ buffer: BufferID, _ place: ExecutionPlan.Slot.Place) {
    slotOf[buffer] = slots.count
    slots.append(ExecutionPlan.Slot(buffers[buffer].type, place, name: buffers[buffer].name))
  }

  private mutating func bindResultsAndParameters() {
    for buffer in buffers.ids {
      if case .result(let number) = buffers[buffer].place { addSlot(buffer, .result(number)) }
    }
    for buffer in buffers.ids {
      if case .parameter(let number) = buffers[buffer].place { addSlot(buffer, .parameter(number)) }
    }
  }

  private mutating func bindBuffers(of step: Int) {
    switch flat.steps[step] {
    case .launch(let launch):
      // What the launch reads has its slot already, except for constants, elements of slots, and empty buffers, which
      // are never written.
      for (buffer, kind) in zip(launch.buffers, launch.draft.kernel.buffers) where !kind.isWritten { bind(buffer) }
      for buffer in launch.written {
        bind(buffer, writtenBy: launch, step)
        lendMemory(of: buffer, writtenBy: launch, step)
      }
    case .loop(_, _, let predicate): bind(predicate)
    case .branch(_, let selector): bind(selector)
    case .repeat: break
    }
  }

  /// A buffer takes the memory of an operand that dies in the launch that writes it, if that launch allows it.
  private mutating func bind(_ buffer: BufferID, writtenBy launch: RegionLaunch? = nil, _ step: Int = 0) {
    guard slotOf[buffer] == nil else { return }
    switch buffers[buffer].place {
    case .parameter, .result: return
    case .constant(let literal):
      addSlot(buffer, .constant(constants.count))
      constants.append(literal)
    case .element(let whole, let loop):
      bind(whole)
      guard let slot = slotOf[whole], let step = flat.stepOfLoop[loop] else { return }
      addSlot(buffer, .element(of: slot, step: step))
    case .local:
      addSlot(buffer, .arena(0))
      let slot = slots.count - 1
      guard let lifetime = flat.lifetimes[buffer], buffers[buffer].type.byteCount > 0 else { return }
      if let launch, lifetime.lowerBound == step, let taken = operandToTake(buffer, launch, step) {
        requestOf[slot] = taken.request
        requests[taken.request].steps =
          requests[taken.request].steps.lowerBound...max(step, lifetime.upperBound)
        inPlace.append(
          MemoryPlan.Reuse(
            name: buffers[buffer].name, operand: buffers[taken.operand].name, step: step, label: launch.draft.label))
      } else {
        let chain = chain(ofBlocks: buffer)
        var byteCount = buffers[buffer].type.byteCount
        if let chain = chain.map({ chains[$0].chain }) { byteCount = byteCount / chain.rowCount * chain.rowsAtOnce }
        requestOf[slot] = addRequest(buffers[buffer].name, byteCount, lifetime, chain: chain)
      }
    }
  }

  /// An operand that dies in the launch that first writes a result lies in the result's memory from the beginning.
  private mutating func lendMemory(of buffer: BufferID, writtenBy launch: RegionLaunch, _ step: Int) {
    guard case .result(let number) = buffers[buffer].place, !donated.contains(buffer), chain(at: step) == nil,
      flat.lifetimes[buffer]?.lowerBound == step, let (operand, request) = operandToTake(buffer, launch, step)
    else { return }
    for (slot, other) in requestOf where other == request {
      slots[slot].place = .result(number)
      requestOf[slot] = nil
    }
    dropped.insert(request)
    inPlace.append(
      MemoryPlan.Reuse(
        name: "result \(number)", operand: buffers[operand].name, step: step, label: launch.draft.label))
  }

  /// An operand of the same turn, of which nothing is needed after this step. In a chain both lie in its blocks: other
  /// memory is read until the chain ends.
  private func operandToTake(
    _ buffer: BufferID, _ launch: RegionLaunch, _ step: Int
  ) -> (operand: BufferID, request: Int)? {
    let chain = chain(ofBlocks: buffer)
    guard buffers[buffer].loops == flat.loops[step], chain == self.chain(at: step) else { return nil }
    for (operand, kind) in zip(launch.buffers, launch.draft.kernel.buffers) where !kind.isWritten {
      guard case .local = buffers[operand].place, buffers[operand].loops == flat.loops[step],
        flat.lifetimes[operand]?.upperBound == step, let slot = slotOf[operand], let request = requestOf[slot],
        requests[request].steps.upperBound == step, chainOf[request] == chain,
        buffers[operand].type.byteCount == buffers[buffer].type.byteCount, launch.canOverwrite(operand, with: buffer),
        // Another result of the launch may have taken it, though that one is not read.
        !launch.written.contains(where: { slotOf[$0].flatMap { requestOf[$0] } == request })
      else { continue }
      return (operand, request)
    }
    return nil
  }

  private func slot(of buffer: BufferID) -> Int {
    guard let slot = slotOf[buffer] else { preconditionFailure("every buffer of a step has a slot") }
    return slot
  }

  // MARK: Steps

  private mutating func step(number: Int, _ options: CompilationOptions) -> ExecutionPlan.Step {
    switch flat.steps[number] {
    case .launch:
      guard let launch = launches[number] else { preconditionFailure("every launch has a schedule") }
      return .launch(self.launch(launch, number, options))
    case .loop(let condition, let body, let predicate):
      return .loop(condition: condition, body: body, predicate: slot(of: predicate))
    case .branch(let regions, let selector): return .branch(regions, selector: slot(of: selector))
    case .repeat(let count, let isReversed, let body):
      return .repeat(count: values.number(count), isReversed: isReversed, body: body)
    }
  }

  private mutating func launch(
    _ scheduledLaunch: ScheduledLaunch, _ step: Int, _ options: CompilationOptions
  ) -> ExecutionPlan.Launch {
    let (launch, kernel, integers) = (scheduledLaunch.launch, scheduledLaunch.kernel, scheduledLaunch.integers)
    let draft = launch.draft
    let scheduled = ScheduledKernel(number: draft.number, schedule: kernel.schedule)
    let number = kernelNumbers[scheduled] ?? kernels.count
    if number == kernels.count {
      kernels.append(kernel)
      kernelNumbers[scheduled] = number
    }
    let sites = draft.sites.map {
      ExecutionPlan.Site(
        spelling: $0.spelling, axis: $0.axis, extent: values.number($0.extent), location: $0.location)
    }
    let workspace = kernel.workspaceBytes(integers)
    if workspace > 0 {
      // What the launches of a chain pack is there before its first block.
      let chain = chain(at: step).map { chains[$0].chain.steps }
      let steps = chain.map { $0.lowerBound...$0.upperBound - 1 } ?? step...step
      workspaces[step] = addRequest("workspace \(step)", workspace, steps, chain: nil)
    }
    var result = ExecutionPlan.Launch(
      kernel: number, slots: launch.buffers.map { slot(of: $0) }, integers: integers, workspace: nil,
      sites: sites, label: draft.label)
    result.usesLibrary = options.allowsLibrary && MatrixProduct(kernel.definition, integers) != nil
    return result
  }
}

/// Checks that a plan can run: every number names something, every access lies within its memory, and nothing is read
/// before it is written or after its memory was given to another value.
///
/// - `plan.C1`: a kernel, slot, parameter, result, constant or repeat has no such number here; a launch has a slot per
///   buffer.
/// - `plan.C2`: a slot is as large as what it stands for; arena slots and workspaces are aligned and lie in the arena.
/// - `plan.C3`: parameters and constants are not written.
/// - `plan.C4`: what a launch writes shares memory with what it reads only if both are exactly the same bytes and the
///   kernel can overwrite it, at every buffer that has this memory; with what it writes never.
/// - `plan.C5`: a slot is read only while it holds its value.
/// - `plan.C6`: regions nest: they follow their step, and the next step follows them. A predicate is `bool`, a selector
///   `bool` or `i32`; a repeat has no negative count.
/// - `plan.C7`: a result is written, or is an earlier result or a parameter of as many bytes. A donation has a
///   parameter and a written result of its own, of as many bytes, and no result is the parameter.
/// - `plan.C8`: an element is used only in the turns of its repeat.
/// - `plan.C9`: a launch has a site for every index that its kernel checks, and leaves only a matrix product to a
///   library.
/// - `plan.C10`: a chain has launches in a row, on a processor, whose work units its rows make up; what one of them
///   writes, another touches row by row only; a slot in a block is used by one chain, row by row.
/// - the labels of `KernelVerifier` and `MemoryPlan`.
///
/// A plan with donations must be right both with the memory of its own for each result and with that of the parameters.
public struct PlanVerifier {
  let plan: ExecutionPlan
  /// The memory of every slot.
  var stretches: [Stretch] = []
  private var diagnostics: [Diagnostic] = []

  private init(_ plan: ExecutionPlan) { self.plan = plan }

  /// What is wrong with `plan`: all that is wrong with its kernels, or the first other finding.
  public static func diagnostics(for plan: ExecutionPlan) -> [Diagnostic] {
    var verifier = PlanVerifier(plan)
    do throws(ConstraintFailure) {
      try verifier.requireStepsOfChains()
      try verifier.requireSlots()
      try plan.memory.verify()
      try verifier.requireSteps(0..<plan.steps.count, in: [])
      verifier.requireKernels()
      guard verifier.diagnostics.isEmpty else { return verifier.diagnostics }
      try verifier.requireChains()
      var flow = PlanFlow(verifier)
      try flow.walk(0..<plan.steps.count, checks: true)
      try verifier.requireResults(flow.held)
      try verifier.requireDonations()
    } catch { verifier.report(error.label, error.message) }
    return verifier.diagnostics
  }

  private mutating func report(_ label: String, _ message: String) {
    diagnostics.append(Diagnostic(label, "in plan @\(plan.name): \(message)"))
  }

  /// The definition and schedule of every launch's kernel with its numbers.
  private mutating func requireKernels() {
    for (step, launch) in plan.numberedLaunches {
      let kernel = plan.kernels[launch.kernel]
      // A slot that is read through a bit cast holds its bytes under another dtype.
      let counts = zip(launch.slots, kernel.definition.buffers).map {
        plan.slots[$0].type.byteCount / $1.dtype.byteCount
      }
      let found = KernelVerifier.diagnostics(for: kernel, integers: launch.integers, elementCounts: counts)
      diagnostics += found.map { Diagnostic($0.label, "in launch \(step) of plan @\(plan.name), \($0.message)") }
      if kernel.schedule.kind != plan.device.scheduleKind {
        report("kernel.C6", "launch \(step) has a schedule for another kind of device than \(plan.device.name)")
      }
      if found.isEmpty && launch.usesLibrary && MatrixProduct(kernel.definition, launch.integers) == nil {
        report("plan.C9", "launch \(step) is left to a library, but is not a matrix product")
      }
    }
  }
}

extension ExecutionPlan {
  /// The launches with their steps.
  fileprivate var numberedLaunches: [(step: Int, launch: Launch)] {
    steps.enumerated().compactMap { step, element in
      if case .launch(let launch) = element { (step, launch) } else { nil }
    }
  }
}

// MARK: - Memory

extension PlanVerifier {
  /// A stretch of memory. Stretches of different spaces never meet.
  struct Stretch: Equatable {
    enum Space: Equatable {
      case arena
      case parameter(Int)
      case result(Int)
      case constant(Int)
      /// The blocks of the chain that begins at a step.
      case block(Int)
    }

    var space: Space
    /// Of an element: those of the whole, for its turn is not known.
    var bytes: Range<Int>
    /// The repeats that choose the part, outermost first; empty for a whole slot.
    var path: [Int] = []

    func overlaps(_ other: Stretch) -> Bool { space == other.space && bytes.overlaps(other.bytes) }
    func isPart(of other: Stretch) -> Bool {
      space == other.space && bytes == other.bytes && path.starts(with: other.path)
    }
  }

  private mutating func requireSlots() throws(ConstraintFailure) {
    for (number, slot) in plan.slots.enumerated() {
      try slot.type.requireAddressable()
      let expected: TensorType?
      let space: Stretch.Space
      var start = 0
      switch slot.place {
      case .parameter(let index):
        try require(plan.parameters.indices.contains(index), "plan.C1", "there is no parameter \(index)")
        (expected, space) = (plan.parameters[index].type, .parameter(index))
      case .result(let index):
        try require(plan.results.indices.contains(index), "plan.C1", "there is no result \(index)")
        (expected, space) = (plan.results[index].type, .result(index))
      case .constant(let index):
        try require(plan.constants.indices.contains(index), "plan.C1", "there is no constant \(index)")
        (expected, space) = (plan.constants[index].type, .constant(index))
      case .arena(let offset):
        (expected, space, start) = (nil, .arena, offset)
        try requireArena(offset, slot.type.byteCount, "slot \(number)")
      case .block(let offset):
        stretches.append(try blockStretch(number, offset))
        continue
      case .element(let whole, let step):
        stretches.append(try elementStretch(number, of: whole, step: step))
        continue
      }
      try require(
        expected == nil || expected?.byteCount == slot.type.byteCount, "plan.C2",
        "slot \(number) of type \(slot.type) is \(slot.place), which has another size")
      stretches.append(Stretch(space: space, bytes: start..<start + slot.type.byteCount))
    }
  }

  private func elementStretch(_ number: Int, of whole: Int, step: Int) throws(ConstraintFailure) -> Stretch {
    try require(
      (0..<number).contains(whole), "plan.C1", "slot \(number) is an element of slot \(whole), which is no earlier one")
    guard plan.steps.indices.contains(step), case .repeat(let count, _, _) = plan.steps[step] else {
      throw ConstraintFailure("plan.C1", "slot \(number) is an element by step \(step), which is no repeat")
    }
    let (bytes, overflow) = plan.slots[number].type.byteCount.multipliedReportingOverflow(by: count)
    try require(
      !overflow && bytes == plan.slots[whole].type.byteCount, "plan.C2",
      "slot \(number) of type \(plan.slots[number].type) is not one of \(count) parts of slot \(whole) of type "
        + "\(plan.slots[whole].type)")
    if case .block = stretches[whole].space {
      throw ConstraintFailure("plan.C10", "slot \(number) is an element of slot \(whole), which lies in a block")
    }
    var stretch = stretches[whole]
    stretch.path.append(step)
    return stretch
  }

  func requireArena(_ offset: Int, _ byteCount: Int, _ name: String) throws(ConstraintFailure) {
    try require(
      offset >= 0 && offset % MemoryPlan.alignment == 0 && byteCount <= plan.memory.arenaBytes
        && offset <= plan.memory.arenaBytes - byteCount, "plan.C2",
      "\(name) at \(offset) with \(byteCount) bytes is not an aligned part of the arena of \(plan.memory.arenaBytes) bytes"
    )
  }

  private func requireResults(_ held: Set<Int>) throws(ConstraintFailure) {
    for (number, result) in plan.results.enumerated() {
      switch result.source {
      case .written:
        let isHeld = held.contains { plan.slots[$0].place == .result(number) }
        try require(isHeld || result.type.byteCount == 0, "plan.C7", "result \(number) is never written")
      case .parameter(let index):
        try require(
          plan.parameters.indices.contains(index) && plan.parameters[index].type.byteCount == result.type.byteCount,
          "plan.C7", "result \(number) of type \(result.type) cannot be parameter \(index)")
      case .result(let index):
        try require(
          (0..<number).contains(index) && plan.results[index].type.byteCount == result.type.byteCount, "plan.C7",
          "result \(number) of type \(result.type) cannot be result \(index)")
      }
    }
  }

  /// Walks the plan again with the donated results where their parameters are. All of them at once: with fewer, less
  /// memory is shared.
  private func requireDonations() throws(ConstraintFailure) {
    guard !plan.donations.isEmpty else { return }
    var shared = self
    var (parameters, results) = (Set<Int>(), Set<Int>())
    for donation in plan.donations {
      let isPossible =
        plan.parameters.indices.contains(donation.parameter) && plan.results.indices.contains(donation.result)
        && parameters.insert(donation.parameter).inserted && results.insert(donation.result).inserted
        && plan.parameters[donation.parameter].type.byteCount == plan.results[donation.result].type.byteCount
        && plan.results[donation.result].source == .written
        && !plan.results.contains { $0.source == .parameter(donation.parameter) }
      try require(
        isPossible, "plan.C7", "result \(donation.result) cannot be written over parameter \(donation.parameter)")
      for slot in stretches.indices where stretches[slot].space == .result(donation.result) {
        shared.stretches[slot].space = .parameter(donation.parameter)
      }
    }
    try shared.requireChains()
    var flow = PlanFlow(shared)
    try flow.walk(0..<plan.steps.count, checks: true)
    try requireResults(flow.held)
  }
}

// MARK: - Steps

extension PlanVerifier {
  /// Checks numbers and nesting. `repeats` are the repeats around the range.
  private func requireSteps(_ range: Range<Int>, in repeats: [Int]) throws(ConstraintFailure) {
    var step = range.lowerBound
    while step < range.upperBound {
      switch plan.steps[step] {
      case .launch(let launch):
        try requireNumbers(launch, step)
        for slot in launch.slots { try requireSlot(slot, in: repeats) }
      case .loop(let condition, let body, let predicate):
        try requireRegions([condition, body], of: step, in: range)
        try requireSlot(predicate, in: repeats)
        try requireChoice(predicate, [.bool], step)
        try requireSteps(condition, in: repeats)
        try requireSteps(body, in: repeats)
      case .branch(let regions, let selector):
        try requireRegions(regions, of: step, in: range)
        try requireSlot(selector, in: repeats)
        try requireChoice(selector, [.bool, .i32], step)
        for region in regions { try requireSteps(region, in: repeats) }
      case .repeat(let count, _, let body):
        try require(count >= 0, "plan.C6", "step \(step) repeats \(count) times")
        try requireRegions([body], of: step, in: range)
        try requireSteps(body, in: repeats + [step])
      }
      step = plan.end(ofStep: step)
    }
  }

  private func requireNumbers(_ launch: ExecutionPlan.Launch, _ step: Int) throws(ConstraintFailure) {
    try require(plan.kernels.indices.contains(launch.kernel), "plan.C1", "there is no kernel \(launch.kernel)")
    let kernel = plan.kernels[launch.kernel].definition
    try require(
      launch.slots.count == kernel.buffers.count, "plan.C1",
      "launch \(step) has \(launch.slots.count) slots for \(kernel.buffers.count) buffers")
    let checked = kernel.stages.flatMap(\.accesses).filter { $0.bounds == .check }.flatMap(\.data)
    try require(
      checked.allSatisfy { launch.sites.indices.contains($0.site - 1) }
        && launch.sites.allSatisfy { $0.axis >= 0 && $0.extent >= 0 }, "plan.C9",
      "launch \(step) has \(launch.sites.count) sites, its kernel names \(checked.map(\.site))")
  }

  private func requireSlot(_ slot: Int, in repeats: [Int]) throws(ConstraintFailure) {
    try require(plan.slots.indices.contains(slot), "plan.C1", "there is no slot \(slot)")
    for step in stretches[slot].path where !repeats.contains(step) {
      throw ConstraintFailure("plan.C8", "slot \(slot) is used outside of the repeat at step \(step)")
    }
  }

  private func requireRegions(
    _ regions: [Range<Int>], of step: Int, in range: Range<Int>
  ) throws(ConstraintFailure) {
    var next = step + 1
    for region in regions {
      try require(
        region.lowerBound == next && region.upperBound <= range.upperBound, "plan.C6",
        "region \(region) of step \(step) does not begin at \(next) and end within \(range)")
      next = region.upperBound
    }
    try require(!regions.isEmpty, "plan.C6", "step \(step) has no region")
  }

  private func requireChoice(_ slot: Int, _ dtypes: [DType], _ step: Int) throws(ConstraintFailure) {
    let type = plan.slots[slot].type
    try require(
      type.shape.elementCount == 1 && dtypes.contains(type.dtype), "plan.C6",
      "step \(step) chooses by one \(dtypes.map(\.description).joined(separator: " or ")), found \(type)")
  }
}

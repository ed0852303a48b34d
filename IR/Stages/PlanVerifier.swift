/// Checks that a plan can run: every number names something, every access lies within its memory, and nothing is read
/// before it is written or after its memory was given to another value.
///
/// - `plan.C1`: a kernel, slot, parameter, result or constant has no such number here; a launch has a slot per buffer.
/// - `plan.C2`: a slot is as large as what it stands for; arena slots and workspaces are aligned and lie in the arena.
/// - `plan.C3`: parameters and constants are not written.
/// - `plan.C4`: what a launch writes shares memory with what it reads or writes only if both are exactly the same bytes.
/// - `plan.C5`: a slot is read only while it holds its value.
/// - `plan.C6`: regions nest: they follow their step, and the next step follows them. A predicate is `bool`, a selector `i32`.
/// - `plan.C7`: a result is written, or is an earlier result or a parameter of as many bytes.
/// - the labels of `KernelVerifier` and `MemoryPlan`.
public struct PlanVerifier {
  private let plan: ExecutionPlan
  private var diagnostics: [Diagnostic] = []

  private init(_ plan: ExecutionPlan) { self.plan = plan }

  /// What is wrong with `plan`: the first finding, and before it all that is wrong with the launches.
  public static func diagnostics(for plan: ExecutionPlan) -> [Diagnostic] {
    var verifier = PlanVerifier(plan)
    do throws(ConstraintFailure) {
      try verifier.requireSlots()
      try plan.memory.verify()
      var held = verifier.initiallyHeld
      try verifier.walk(0..<plan.steps.count, &held)
      try verifier.requireResults(held)
    } catch { verifier.report(error.label, error.message) }
    return verifier.diagnostics
  }

  private mutating func report(_ label: String, _ message: String) {
    diagnostics.append(Diagnostic(label, "in plan @\(plan.name): \(message)"))
  }
}

// MARK: - Memory

extension PlanVerifier {
  /// A stretch of memory. Stretches of different spaces never meet.
  private struct Stretch: Equatable {
    enum Space: Equatable {
      case arena
      case parameter(Int)
      case result(Int)
      case constant(Int)
    }

    var space: Space
    var bytes: Range<Int>

    func overlaps(_ other: Stretch) -> Bool { space == other.space && bytes.overlaps(other.bytes) }
  }

  private func stretch(_ slot: Int) -> Stretch {
    let count = plan.slots[slot].type.byteCount
    switch plan.slots[slot].place {
    case .parameter(let number): return Stretch(space: .parameter(number), bytes: 0..<count)
    case .result(let number): return Stretch(space: .result(number), bytes: 0..<count)
    case .constant(let number): return Stretch(space: .constant(number), bytes: 0..<count)
    case .arena(let offset): return Stretch(space: .arena, bytes: offset..<offset + count)
    }
  }

  private func requireSlots() throws(ConstraintFailure) {
    for (number, slot) in plan.slots.enumerated() {
      try slot.type.requireAddressable()
      let expected: TensorType?
      switch slot.place {
      case .parameter(let index):
        try require(plan.parameters.indices.contains(index), "plan.C1", "there is no parameter \(index)")
        expected = plan.parameters[index].type
      case .result(let index):
        try require(plan.results.indices.contains(index), "plan.C1", "there is no result \(index)")
        expected = plan.results[index].type
      case .constant(let index):
        try require(plan.constants.indices.contains(index), "plan.C1", "there is no constant \(index)")
        expected = plan.constants[index].type
      case .arena(let offset):
        expected = nil
        try requireArena(offset, slot.type.byteCount, "slot \(number)")
      }
      try require(
        expected == nil || expected?.byteCount == slot.type.byteCount, "plan.C2",
        "slot \(number) of type \(slot.type) is \(slot.place), which has another size")
    }
  }

  private func requireArena(_ offset: Int, _ byteCount: Int, _ name: String) throws(ConstraintFailure) {
    try require(
      offset >= 0 && offset % MemoryPlan.alignment == 0 && byteCount <= plan.memory.arenaBytes
        && offset <= plan.memory.arenaBytes - byteCount, "plan.C2",
      "\(name) at \(offset) with \(byteCount) bytes is not an aligned part of the arena of \(plan.memory.arenaBytes) bytes"
    )
  }

  /// The slots that hold their value before the first step.
  private var initiallyHeld: Set<Int> {
    Set(
      plan.slots.indices.filter { slot in
        switch plan.slots[slot].place {
        case .parameter, .constant: true
        case .result, .arena: plan.slots[slot].type.byteCount == 0
        }
      })
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
    for donation in plan.donations {
      try require(
        plan.parameters.indices.contains(donation.parameter) && plan.results.indices.contains(donation.result)
          && plan.parameters[donation.parameter].type.byteCount == plan.results[donation.result].type.byteCount,
        "plan.C7", "result \(donation.result) cannot be written over parameter \(donation.parameter)")
    }
  }
}

// MARK: - Steps

extension PlanVerifier {
  /// Walks steps in the order in which they run. `held` are the slots that hold their value.
  private mutating func walk(_ range: Range<Int>, _ held: inout Set<Int>) throws(ConstraintFailure) {
    var step = range.lowerBound
    while step < range.upperBound {
      switch plan.steps[step] {
      case .launch(let launch):
        try perform(launch, step, &held)
        step += 1
      case .loop(let condition, let body, let predicate):
        try requireRegions([condition, body], of: step, in: range)
        try walk(condition, &held)
        try requireChoice(predicate, .bool, held, step)
        // The body may not run; if it does, the condition runs again on what it leaves.
        var after = held
        try walk(body, &after)
        try walk(condition, &after)
        try requireChoice(predicate, .bool, after, step)
        held.formIntersection(after)
        step = body.upperBound
      case .branch(let regions, let selector):
        try requireRegions(regions, of: step, in: range)
        try requireChoice(selector, .i32, held, step)
        var common: Set<Int>?
        for region in regions {
          var after = held
          try walk(region, &after)
          common = common?.intersection(after) ?? after
        }
        held = common ?? held
        step = regions[regions.count - 1].upperBound
      }
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

  private func requireChoice(
    _ slot: Int, _ dtype: DType, _ held: Set<Int>, _ step: Int
  ) throws(ConstraintFailure) {
    try require(plan.slots.indices.contains(slot), "plan.C1", "there is no slot \(slot)")
    let type = plan.slots[slot].type
    try require(
      type == TensorType(dtype, .scalar), "plan.C6", "step \(step) chooses by a \(dtype)[], found \(type)")
    try require(held.contains(slot), "plan.C5", "step \(step) chooses by slot \(slot), which does not hold its value")
  }

  private mutating func perform(
    _ launch: ExecutionPlan.Launch, _ step: Int, _ held: inout Set<Int>
  ) throws(ConstraintFailure) {
    try require(plan.kernels.indices.contains(launch.kernel), "plan.C1", "there is no kernel \(launch.kernel)")
    let kernel = plan.kernels[launch.kernel]
    for slot in launch.slots {
      try require(plan.slots.indices.contains(slot), "plan.C1", "there is no slot \(slot)")
    }
    try require(
      launch.slots.count == kernel.buffers.count, "plan.C1",
      "launch \(step) has \(launch.slots.count) slots for \(kernel.buffers.count) buffers")
    // A slot that is read through a bit cast holds its bytes under another dtype.
    let counts = zip(launch.slots, kernel.buffers).map { plan.slots[$0].type.byteCount / $1.dtype.byteCount }
    let found = KernelVerifier.diagnostics(for: kernel, integers: launch.integers, elementCounts: counts)
    guard found.isEmpty else {
      diagnostics += found.map { Diagnostic($0.label, "in launch \(step) of plan @\(plan.name), \($0.message)") }
      return
    }
    let workspaceBytes = kernel.workspaceBytes(launch.integers)
    var workspace: Stretch?
    if workspaceBytes > 0 {
      guard let offset = launch.workspace else {
        throw ConstraintFailure("plan.C2", "launch \(step) has no workspace of \(workspaceBytes) bytes")
      }
      try requireArena(offset, workspaceBytes, "the workspace of launch \(step)")
      workspace = Stretch(space: .arena, bytes: offset..<offset + workspaceBytes)
    }
    try requireReads(launch, kernel, step, held)
    try write(launch, kernel, step, workspace, &held)
  }

  private func requireReads(
    _ launch: ExecutionPlan.Launch, _ kernel: Kernel, _ step: Int, _ held: Set<Int>
  ) throws(ConstraintFailure) {
    for (slot, buffer) in zip(launch.slots, kernel.buffers) where !buffer.isWritten {
      try require(held.contains(slot), "plan.C5", "launch \(step) reads slot \(slot), which does not hold its value")
    }
  }

  private func write(
    _ launch: ExecutionPlan.Launch, _ kernel: Kernel, _ step: Int, _ workspace: Stretch?, _ held: inout Set<Int>
  ) throws(ConstraintFailure) {
    let all = launch.slots.map { stretch($0) }
    for (index, written) in all.enumerated() where kernel.buffers[index].isWritten {
      if case .parameter = written.space { throw writesInput(launch.slots[index], step) }
      if case .constant = written.space { throw writesInput(launch.slots[index], step) }
      for (other, stretch) in all.enumerated() where other != index && stretch.overlaps(written) {
        try require(
          stretch == written && !kernel.buffers[other].isWritten, "plan.C4",
          "launch \(step) writes slot \(launch.slots[index]) over slot \(launch.slots[other])")
      }
    }
    if let workspace {
      for (index, stretch) in all.enumerated() where stretch.overlaps(workspace) {
        throw ConstraintFailure(
          "plan.C4", "the workspace of launch \(step) shares memory with slot \(launch.slots[index])")
      }
      held = held.filter { !stretch($0).overlaps(workspace) }
    }
    for (slot, buffer) in zip(launch.slots, kernel.buffers) where buffer.isWritten {
      let written = stretch(slot)
      held = held.filter { !stretch($0).overlaps(written) }
      held.insert(slot)
    }
  }

  private func writesInput(_ slot: Int, _ step: Int) -> ConstraintFailure {
    ConstraintFailure("plan.C3", "launch \(step) writes slot \(slot), which is \(plan.slots[slot].place)")
  }
}

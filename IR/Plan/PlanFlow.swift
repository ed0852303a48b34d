/// Follows which slots of a plan hold their value, step by step in the order in which they run. The numbers of the plan
/// are checked already.
struct PlanFlow {
  private let verifier: PlanVerifier
  private(set) var held: Set<Int>
  /// Elements by their repeat.
  private var elements: [Int: [Int]] = [:]
  /// Per loop the slots that no longer hold their value after a turn, whatever held before it.
  private var lost: [Int: Set<Int>] = [:]
  /// What was written since the innermost repeat began.
  private var written: [PlanVerifier.Stretch] = []

  private var plan: ExecutionPlan { verifier.plan }

  /// At the beginning parameters and constants hold their value, and what has no bytes.
  init(_ verifier: PlanVerifier) {
    self.verifier = verifier
    held = Set(
      verifier.plan.slots.indices.filter { slot in
        switch verifier.plan.slots[slot].place {
        case .parameter, .constant: true
        case .element: false
        case .result, .arena, .block: verifier.plan.slots[slot].type.byteCount == 0
        }
      })
    for (slot, description) in verifier.plan.slots.enumerated() {
      if case .element(_, let step) = description.place { elements[step, default: []].append(slot) }
    }
  }

  /// - Parameter checks: whether a wrong step throws; off where only `held` is of interest.
  mutating func walk(_ range: Range<Int>, checks: Bool) throws(ConstraintFailure) {
    var step = range.lowerBound
    while step < range.upperBound {
      switch plan.steps[step] {
      case .launch(let launch): try perform(launch, step, checks)
      case .loop(let condition, let body, let predicate):
        try walk(condition, checks: checks)
        try requireHeld(predicate, step, checks)
        // The body may not run; if it does, the condition runs again on what it leaves.
        held.subtract(lostSlots(step))
        let atEntry = held
        try walk(body, checks: checks)
        try walk(condition, checks: checks)
        try requireHeld(predicate, step, checks)
        held.formIntersection(atEntry)
      case .branch(let regions, let selector):
        try requireHeld(selector, step, checks)
        let before = held
        var common: Set<Int>?
        for region in regions {
          held = before
          try walk(region, checks: checks)
          common = common?.intersection(held) ?? held
        }
        held = common ?? before
      case .repeat(let count, _, _): try turn(step, count, checks)
      }
      step = plan.end(ofStep: step)
    }
  }

  // MARK: Loops

  /// The turns of a repeat: one that begins with what holds at the beginning of all of them.
  private mutating func turn(_ step: Int, _ count: Int, _ checks: Bool) throws(ConstraintFailure) {
    let (before, outerWritten) = (held, written)
    if count > 1 { held.subtract(lostSlots(step)) }
    written = []
    try walkTurn(step, checks)
    let parts = elements[step, default: []]
    for part in parts where held.contains(part) {
      guard case .element(let whole, _) = plan.slots[part].place else { continue }
      // Every turn has written its part, and nothing has written the whole.
      let stretch = verifier.stretches[part]
      if written.allSatisfy({ !$0.overlaps(stretch) || $0.isPart(of: stretch) }) { held.insert(whole) }
    }
    held.subtract(parts)
    written += outerWritten
    if count == 0 { held = before }
  }

  private mutating func walkTurn(_ step: Int, _ checks: Bool) throws(ConstraintFailure) {
    guard case .repeat(_, _, let body) = plan.steps[step] else { return }
    for part in elements[step, default: []] {
      guard case .element(let whole, _) = plan.slots[part].place else { continue }
      if held.contains(whole) || plan.slots[part].type.byteCount == 0 { held.insert(part) } else { held.remove(part) }
    }
    try walk(body, checks: checks)
  }

  private mutating func lostSlots(_ step: Int) -> Set<Int> {
    if let known = lost[step] { return known }
    var flow = self
    let all = Set(plan.slots.indices)
    flow.held = all
    // Without checks nothing throws.
    switch plan.steps[step] {
    case .loop(let condition, let body, _):
      try? flow.walk(body, checks: false)
      try? flow.walk(condition, checks: false)
    case .repeat: try? flow.walkTurn(step, false)
    case .launch, .branch: break
    }
    lost = flow.lost
    var found = all.subtracting(flow.held)
    // Parts hold what their wholes hold when a turn begins.
    found.subtract(elements[step, default: []])
    lost[step] = found
    return found
  }

  private func requireHeld(_ slot: Int, _ step: Int, _ checks: Bool) throws(ConstraintFailure) {
    try require(
      !checks || held.contains(slot), "plan.C5", "step \(step) chooses by slot \(slot), which does not hold its value")
  }

  // MARK: Launches

  private mutating func perform(
    _ launch: ExecutionPlan.Launch, _ step: Int, _ checks: Bool
  ) throws(ConstraintFailure) {
    let kernel = plan.kernels[launch.kernel].definition
    let workspace = try workspace(of: launch, step)
    if checks { try requireAccesses(launch, kernel, step, workspace) }
    if let workspace { overwrite(workspace) }
    for (slot, buffer) in zip(launch.slots, kernel.buffers) where buffer.isWritten {
      overwrite(verifier.stretches[slot])
      held.insert(slot)
    }
  }

  private mutating func overwrite(_ stretch: PlanVerifier.Stretch) {
    held = held.filter { !verifier.stretches[$0].overlaps(stretch) }
    if !written.contains(stretch) { written.append(stretch) }
  }

  private func workspace(
    of launch: ExecutionPlan.Launch, _ step: Int
  ) throws(ConstraintFailure) -> PlanVerifier.Stretch? {
    let count = plan.kernels[launch.kernel].workspaceBytes(launch.integers)
    guard count > 0 else { return nil }
    guard let offset = launch.workspace else {
      throw ConstraintFailure("plan.C2", "launch \(step) has no workspace of \(count) bytes")
    }
    try verifier.requireArena(offset, count, "the workspace of launch \(step)")
    return PlanVerifier.Stretch(space: .arena, bytes: offset..<offset + count)
  }

  private func requireAccesses(
    _ launch: ExecutionPlan.Launch, _ kernel: KernelDefinition, _ step: Int, _ workspace: PlanVerifier.Stretch?
  ) throws(ConstraintFailure) {
    for (slot, buffer) in zip(launch.slots, kernel.buffers) where !buffer.isWritten {
      try require(held.contains(slot), "plan.C5", "launch \(step) reads slot \(slot), which does not hold its value")
    }
    let all = launch.slots.map { verifier.stretches[$0] }
    for (index, written) in all.enumerated() where kernel.buffers[index].isWritten {
      let slot = launch.slots[index]
      // Not the stretch: that of a result may be a parameter's.
      switch plan.slots[plan.wholeSlot(of: slot)].place {
      case .parameter, .constant:
        throw ConstraintFailure("plan.C3", "launch \(step) writes slot \(slot), which is \(plan.slots[slot].place)")
      case .arena, .block, .result, .element: break
      }
      for (other, stretch) in all.enumerated() where other != index && stretch.overlaps(written) {
        let isAllowed =
          stretch == written && !kernel.buffers[other].isWritten
          && kernel.canOverwrite(read: other, written: index, launch.integers)
        try require(
          isAllowed, "plan.C4",
          "launch \(step) writes slot \(slot), its buffer \(index), over slot \(launch.slots[other]), its buffer \(other)"
        )
      }
    }
    guard let workspace else { return }
    for (index, stretch) in all.enumerated() where stretch.overlaps(workspace) {
      throw ConstraintFailure(
        "plan.C4", "the workspace of launch \(step) shares memory with slot \(launch.slots[index])")
    }
  }
}

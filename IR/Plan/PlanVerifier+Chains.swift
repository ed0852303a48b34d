/// `plan.C10`: chains run their launches together without anyone seeing it.
extension PlanVerifier {
  private static func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(ConstraintFailure) {
    try KilnIR.require(condition, "plan.C10", message())
  }

  /// Chains have launches alone, in one region; nothing is known yet of what the launches name.
  func requireStepsOfChains() throws(ConstraintFailure) {
    var end = 0
    let boundaries = Set(plan.steps.flatMap(\.regionBounds))
    for chain in plan.chains {
      try Self.require(
        chain.steps.lowerBound >= end && chain.steps.upperBound <= plan.steps.count && chain.steps.count >= 2
          && plan.launches(of: chain).count == chain.steps.count
          && chain.steps.dropFirst().allSatisfy { !boundaries.contains($0) },
        "the \(chain) has no launches in a row")
      let (count, overflow) = chain.batches.multipliedReportingOverflow(by: chain.rows)
      try Self.require(
        chain.batches > 0 && chain.rows > 0 && !overflow && count < TensorType.byteLimit
          && (1...chain.rows).contains(chain.rowsAtOnce), "the \(chain) has no such rows")
      try Self.require(plan.device.scheduleKind == .cpu, "the \(chain) is of a processor, not of \(plan.device.name)")
      end = chain.steps.upperBound
    }
  }

  func blockStretch(_ number: Int, _ offset: Int) throws(ConstraintFailure) -> Stretch {
    guard let chain = plan.chain(using: number) else {
      throw ConstraintFailure("plan.C10", "slot \(number) lies in a block, and no chain uses it")
    }
    let bytes = plan.blockBytes(ofSlot: number, chain)
    try Self.require(
      offset >= 0 && offset.isMultiple(of: MemoryPlan.alignment) && offset < TensorType.byteLimit,
      "slot \(number) lies at \(offset) of a block, which is not aligned")
    return Stretch(space: .block(chain.steps.lowerBound), bytes: offset..<offset + bytes)
  }

  /// The kernels and slots are known to be right.
  func requireChains() throws(ConstraintFailure) {
    for chain in plan.chains {
      for (step, launch) in zip(chain.steps, plan.launches(of: chain)) {
        let kernel = plan.kernels[launch.kernel]
        let units = kernel.schedule.cpu?.rowUnits(
          kernel.definition, batches: chain.batches, rows: chain.rows, launch.integers)
        try Self.require(
          units.map { chain.rowsAtOnce == chain.rows || chain.rowsAtOnce.isMultiple(of: $0.rows) } ?? false,
          "launch \(step) has no work units for the rows of the \(chain)")
        try Self.require(
          launch.sites.isEmpty && !launch.usesLibrary,
          "launch \(step) of a chain neither checks indices nor is left to a library")
      }
      try requireSharedRows(chain)
    }
    for (step, element) in plan.steps.enumerated() {
      for slot in element.slots {
        guard case .block(let first) = stretches[slot].space else { continue }
        let chain = plan.chains.first { $0.steps.lowerBound == first }
        try Self.require(
          chain?.steps.contains(step) ?? false, "step \(step) uses slot \(slot) outside of its chain")
      }
    }
  }

  /// What a launch of a chain touches.
  private struct Touch {
    var step: Int
    var name: String
    var stretch: Stretch
    var isWritten: Bool
    var isRowByRow: Bool
  }

  private func requireSharedRows(_ chain: LaunchChain) throws(ConstraintFailure) {
    let touches = zip(chain.steps, plan.launches(of: chain)).flatMap { touched(by: $1, $0, chain) }
    for touch in touches {
      if case .block = touch.stretch.space {
        try Self.require(touch.isRowByRow, "launch \(touch.step) does not touch \(touch.name) row by row")
      }
    }
    for (number, a) in touches.enumerated() {
      for b in touches[..<number] where a.step != b.step && (a.isWritten || b.isWritten) {
        if case .block = a.stretch.space { continue }
        guard a.stretch.overlaps(b.stretch) else { continue }
        try Self.require(
          a.stretch == b.stretch && a.isRowByRow && b.isRowByRow,
          "launches \(b.step) and \(a.step) of a chain do not share \(a.name) row by row")
      }
    }
  }

  private func touched(by launch: ExecutionPlan.Launch, _ step: Int, _ chain: LaunchChain) -> [Touch] {
    let kernel = plan.kernels[launch.kernel]
    var touches = kernel.definition.buffers.indices.map { buffer in
      let slot = launch.slots[buffer]
      return Touch(
        step: step, name: "slot \(slot)", stretch: stretches[slot],
        isWritten: kernel.definition.buffers[buffer].isWritten,
        isRowByRow: kernel.touches(buffer, rowsOf: chain.rowCount, plan.slots[slot].type.byteCount, launch.integers))
    }
    let byteCount = kernel.workspaceBytes(launch.integers)
    if let offset = launch.workspace, byteCount > 0 {
      touches.append(
        Touch(
          step: step, name: "a workspace", stretch: Stretch(space: .arena, bytes: offset..<offset + byteCount),
          isWritten: true, isRowByRow: false))
    }
    return touches
  }
}

extension Kernel {
  /// Whether a launch in a chain touches a buffer row by row. What is packed is read before the first row.
  package func touches(_ buffer: Int, rowsOf count: Int, _ byteCount: Int, _ integers: [Int]) -> Bool {
    if case .cpu(.contraction(let schedule)) = schedule, schedule.tile(integers).packsRight,
      Contraction(definition)?.right.buffer == buffer
    {
      return false
    }
    return definition.touches(buffer, rowsOf: count, byteCount: byteCount, integers)
  }
}

extension ExecutionPlan.Step {
  /// The steps at which a region begins or ends.
  fileprivate var regionBounds: [Int] {
    switch self {
    case .launch: []
    case .loop(let condition, let body, _):
      [condition.lowerBound, condition.upperBound, body.lowerBound, body.upperBound]
    case .branch(let regions, _): regions.flatMap { [$0.lowerBound, $0.upperBound] }
    case .repeat(_, _, let body): [body.lowerBound, body.upperBound]
    }
  }

  /// The slots that the step itself uses.
  fileprivate var slots: [Int] {
    switch self {
    case .launch(let launch): launch.slots
    case .loop(_, _, let predicate): [predicate]
    case .branch(_, let selector): [selector]
    case .repeat: []
    }
  }
}

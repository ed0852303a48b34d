/// Runs a plan with interpreted kernels: the reference for lowering, memory planning and scheduling. The plan is
/// verified first, so a wrong one is an error and not a damaged heap.
public enum PlanInterpreter {
  /// The results of a plan.
  /// - Parameter inputs: one value per parameter, hidden ones included.
  /// - Throws: `run.C2` for other inputs than the parameters say, `gather.R1` and `scatter.R1` for an index out of
  ///   range, at the line of the op; what `PlanVerifier` finds.
  public static func run(_ plan: ExecutionPlan, inputs: [TensorValue]) throws(KilnError) -> [TensorValue] {
    try plan.requireInputs(inputs.map(\.type))
    let wrong = PlanVerifier.diagnostics(for: plan)
    guard wrong.isEmpty else { throw KilnError(wrong) }
    var run = PlanRun(plan, inputs)
    defer { run.deallocate() }
    try PlanWalk(plan).run(&run)
    return run.results
  }
}

extension ExecutionPlan {
  /// - Throws: `run.C2` for other inputs than the parameters say.
  package func requireInputs(_ found: [TensorType]) throws(KilnError) {
    let expected = parameters.map(\.type)
    guard expected != found else { return }
    throw KilnError(
      "run.C2",
      "@\(name) takes (\(expected.map(\.description).joined(separator: ", "))), "
        + "found (\(found.map(\.description).joined(separator: ", ")))")
  }
}

/// The memory of one run of a plan.
private struct PlanRun: PlanMachine {
  typealias Failure = KilnError

  private let plan: ExecutionPlan
  private let inputs: [TensorValue]
  private let arena: UnsafeMutableRawPointer
  private let parameterBytes: [UnsafeMutableRawPointer]
  private let resultBytes: [UnsafeMutableRawPointer]
  private let constantBytes: [UnsafeMutableRawPointer]
  private let launches: [ExecutionPlan.Launch]
  /// Slots of blocks, whole: launches run one after the other here.
  private let blockBytes: [UnsafeMutableRawPointer]
  /// Where each slot's whole begins.
  private let bases: [UnsafeMutableRawPointer]
  private var turns: PlanTurns

  init(_ plan: ExecutionPlan, _ inputs: [TensorValue]) {
    self.plan = plan
    self.inputs = inputs
    arena = Self.allocate(plan.memory.arenaBytes)
    parameterBytes = inputs.map { Self.allocate(copying: $0) }
    resultBytes = plan.results.map { Self.allocate($0.type.byteCount) }
    constantBytes = plan.constants.map { Self.allocate(copying: TensorValue($0)) }
    launches = plan.launches
    turns = PlanTurns(plan)
    var (bases, blocks) = ([UnsafeMutableRawPointer](), [UnsafeMutableRawPointer]())
    for slot in plan.slots {
      switch slot.place {
      case .parameter(let number): bases.append(parameterBytes[number])
      case .result(let number): bases.append(resultBytes[number])
      case .constant(let number): bases.append(constantBytes[number])
      case .arena(let offset): bases.append(arena + offset)
      case .block:
        blocks.append(Self.allocate(slot.type.byteCount))
        bases.append(blocks[blocks.count - 1])
      case .element(let whole, _): bases.append(bases[whole])
      }
    }
    self.bases = bases
    blockBytes = blocks
  }

  func deallocate() {
    for bytes in [arena] + parameterBytes + resultBytes + constantBytes + blockBytes { bytes.deallocate() }
  }

  private static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: MemoryPlan.alignment)
    // Ones everywhere are NaNs in every real dtype: a value read before it is written shows.
    bytes.initializeMemory(as: UInt8.self, repeating: 0xFF, count: byteCount)
    return bytes
  }

  private static func allocate(copying value: TensorValue) -> UnsafeMutableRawPointer {
    let bytes = allocate(value.bytes.count)
    value.bytes.withUnsafeBytes { if let base = $0.baseAddress { bytes.copyMemory(from: base, byteCount: $0.count) } }
    return bytes
  }

  private func address(_ slot: Int) -> UnsafeMutableRawPointer { bases[slot] + turns.offset(ofSlot: slot) }

  func readPredicate(_ slot: Int) -> Bool { plan.choice(inSlot: slot, at: address(slot)) == 1 }
  func readSelector(_ slot: Int) -> Int { plan.choice(inSlot: slot, at: address(slot)) }
  mutating func begin(part: Int, ofStep step: Int) { turns.begin(part: part, ofStep: step) }

  func launch(_ number: Int) throws(KilnError) {
    let launch = launches[number]
    let status = KernelInterpreter.run(
      plan.kernels[launch.kernel].definition, buffers: launch.slots.map(address), integers: launch.integers)
    if let error = launch.error(site: status.site, index: status.index) { throw error }
  }

  var results: [TensorValue] {
    var values: [TensorValue] = []
    for (number, result) in plan.results.enumerated() {
      switch result.source {
      case .written:
        let count = result.type.byteCount
        values.append(TensorValue(result.type) { $0.copyMemory(from: resultBytes[number], byteCount: count) })
      case .parameter(let parameter): values.append(inputs[parameter].reinterpreted(as: result.type))
      case .result(let earlier): values.append(values[earlier].reinterpreted(as: result.type))
      }
    }
    return values
  }
}

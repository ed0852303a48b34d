/// Runs a plan with interpreted kernels: the reference for lowering, memory planning and scheduling. The plan is
/// verified first, so a wrong one is an error and not a damaged heap.
public enum PlanInterpreter {
  /// The results of a plan.
  /// - Parameter inputs: one value per parameter, hidden ones included.
  /// - Throws: `run.C2` for other inputs than the parameters say, `gather.R1` and `scatter.R1` for an index out of
  ///   range, at the line of the op; what `PlanVerifier` finds.
  public static func run(_ plan: ExecutionPlan, inputs: [TensorValue]) throws(KilnError) -> [TensorValue] {
    let (expected, found) = (plan.parameters.map(\.type), inputs.map(\.type))
    guard expected == found else {
      throw KilnError(
        "run.C2",
        "@\(plan.name) takes (\(expected.map(\.description).joined(separator: ", "))), "
          + "found (\(found.map(\.description).joined(separator: ", ")))")
    }
    let wrong = PlanVerifier.diagnostics(for: plan)
    guard wrong.isEmpty else { throw KilnError(wrong) }
    var run = PlanRun(plan, inputs)
    defer { run.deallocate() }
    try run.perform(0..<plan.steps.count)
    return run.results
  }
}

/// The memory of one run of a plan.
private struct PlanRun {
  private let plan: ExecutionPlan
  private let inputs: [TensorValue]
  private let arena: UnsafeMutableRawPointer
  private let parameterBytes: [UnsafeMutableRawPointer]
  private let resultBytes: [UnsafeMutableRawPointer]
  private let constantBytes: [UnsafeMutableRawPointer]
  /// The part of elements that each repeat has come to.
  private var parts: [Int: Int] = [:]

  init(_ plan: ExecutionPlan, _ inputs: [TensorValue]) {
    self.plan = plan
    self.inputs = inputs
    arena = Self.allocate(plan.memory.arenaBytes)
    parameterBytes = inputs.map { Self.allocate(copying: $0) }
    resultBytes = plan.results.map { Self.allocate($0.type.byteCount) }
    constantBytes = plan.constants.map { Self.allocate(copying: TensorValue($0)) }
  }

  func deallocate() {
    for bytes in [arena] + parameterBytes + resultBytes + constantBytes { bytes.deallocate() }
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

  private func address(_ slot: Int) -> UnsafeMutableRawPointer {
    switch plan.slots[slot].place {
    case .parameter(let number): parameterBytes[number]
    case .result(let number): resultBytes[number]
    case .constant(let number): constantBytes[number]
    case .arena(let offset): arena + offset
    case .element(let whole, let step): address(whole) + parts[step, default: 0] * plan.slots[slot].type.byteCount
    }
  }

  mutating func perform(_ steps: Range<Int>) throws(KilnError) {
    var step = steps.lowerBound
    while step < steps.upperBound {
      switch plan.steps[step] {
      case .launch(let launch):
        try perform(launch)
      case .loop(let condition, let body, let predicate):
        try perform(condition)
        while address(predicate).load(as: UInt8.self) == 1 {
          try perform(body)
          try perform(condition)
        }
      case .branch(let regions, let selector):
        try perform(regions[plan.region(chosenBy: selector, of: regions.count, at: address(selector))])
      case .repeat(let count, let isReversed, let body):
        for done in 0..<count {
          parts[step] = ExecutionPlan.part(after: done, of: count, isReversed: isReversed)
          try perform(body)
        }
      }
      step = plan.end(ofStep: step)
    }
  }

  private func perform(_ launch: ExecutionPlan.Launch) throws(KilnError) {
    let status = KernelInterpreter.run(
      plan.kernels[launch.kernel].definition, buffers: launch.slots.map(address), integers: launch.integers)
    if launch.sites.indices.contains(status.site - 1) { throw launch.sites[status.site - 1].error(index: status.index) }
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

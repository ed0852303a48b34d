import KilnIR
import Testing

/// Repeats over parts of slots, written by hand.
@Suite("Plans that repeat") struct PlanRepeatTests {
  static let scalar = PlanTests.scalar
  static func launch(_ kernel: Int, _ slots: [Int]) -> ExecutionPlan.Step { PlanTests.launch(kernel, slots) }

  /// buffer 2 = buffer 0 + buffer 1.
  static func sum() throws -> Kernel {
    try Kernel(
      parsing: """
        kernel {
          buffer 0: i32
          buffer 1: i32
          buffer 2: written i32
          integers 0
          outer [1]
          stage [] {
            %0: i32 = load() {buffer = 0, at = [0, [1]]}
            %1: i32 = load() {buffer = 1, at = [0, [1]]}
            %2: i32 = add(%0, %1)
            store(%2) {buffer = 2, at = [0, [1]]}
          }
          schedule serial
        }
        """, file: "k")
  }

  /// Running sums of 4 numbers, in place of a carried value, and stacked.
  static func plan(isReversed: Bool = false) throws -> ExecutionPlan {
    let four = TensorType(.i32, [4])
    return ExecutionPlan(
      name: "sums", device: .testCPU, parameters: [.init("x", four), .init("start", scalar)],
      results: [.init(four, .written), .init(scalar, .written)], constants: [],
      kernels: [try sum(), try PlanTests.kernel(.i32, "%3: i32 = add(%0, %2)")],
      slots: [
        .init(four, .parameter(0)), .init(scalar, .parameter(1)), .init(four, .result(0)), .init(scalar, .result(1)),
        .init(scalar, .element(of: 0, step: 1)), .init(scalar, .element(of: 2, step: 1)), .init(scalar, .arena(0)),
      ],
      steps: [
        launch(1, [1, 3]),  // slot 3 = start + 1
        .repeat(count: 4, isReversed: isReversed, body: 2..<4),
        launch(0, [3, 4, 5]),  // y = slot 3 + x
        launch(0, [3, 4, 3]),  // slot 3 = slot 3 + x
      ], memory: MemoryPlan(allocations: [], arenaBytes: 64, lowerBound: 64, inPlace: []), donations: [])
  }

  @Test("A repeat goes over the parts of slots, from either end", arguments: [false, true])
  func runs(_ isReversed: Bool) throws {
    // The last launch writes over what it reads, which two buffers of one kernel may not be.
    var plan = try Self.plan(isReversed: isReversed)
    plan.steps[3] = Self.launch(1, [5, 3])
    #expect(PlanVerifier.diagnostics(for: plan) == [])
    let inputs = [
      try TensorValue([1, 2, 3, 4] as [Int32], shape: [4]), try TensorValue([10] as [Int32], shape: .scalar),
    ]
    let results = try PlanInterpreter.run(plan, inputs: inputs)
    // Each turn adds an element, and then 1.
    let (sums, last): ([Int32], Int32) = isReversed ? ([24, 22, 19, 15], 25) : ([12, 15, 19, 24], 25)
    #expect(try results[0].elements(as: Int32.self) == sums)
    #expect(try results[1].elements(as: Int32.self) == [last])
  }

  @Test("The text shows the turns and the parts")
  func text() throws {
    let lines = try Self.plan(isReversed: true).description.split(separator: "\n").map(String.init)
    #expect(lines.contains("  slot 5: i32[] = element of slot 2 by step 1"))
    #expect(lines.contains("  1: repeat 4 times, the last part first {"))
    #expect(lines.contains { $0.hasPrefix("    2: launch k0 slots [3, 4, 5]") })
  }

  static let faults: [(String, @Sendable (inout ExecutionPlan) -> Void)] = [
    // Parts of a slot that does not exist, of a later slot, by a step that is not a repeat, and of another size.
    ("plan.C1", { $0.slots[4].place = .element(of: 9, step: 1) }),
    ("plan.C1", { $0.slots[4].place = .element(of: 4, step: 1) }),
    ("plan.C1", { $0.slots[4].place = .element(of: 0, step: 0) }),
    ("plan.C1", { $0.slots[4].place = .element(of: 0, step: 7) }),
    ("plan.C2", { $0.slots[4].type = TensorType(.i32, [2]) }),
    ("plan.C2", { $0.steps[1] = .repeat(count: 3, isReversed: false, body: 2..<4) }),
    // A part of a parameter is not written; nor would the part that is read instead be there.
    ("plan.C5", { $0.steps[2] = launch(0, [3, 4, 4]) }),
    // A sum over what it adds.
    ("plan.C4", { $0.steps[3] = launch(0, [3, 5, 2]) }),
    // A part before it is written, and a whole that is not complete before the last turn.
    ("plan.C5", { $0.steps[2] = launch(1, [5, 5]) }),
    ("plan.C5", { $0.steps[3] = launch(1, [2, 3]) }),
    // What the last step of a turn destroys is not there in the next one.
    (
      "plan.C5",
      {
        $0.slots.append(.init(TensorType(.i32, .scalar), .arena(0)))
        $0.steps[0] = launch(1, [1, 6])
        $0.steps[2] = launch(1, [6, 5])
        $0.steps[3] = launch(1, [5, 7])
      }
    ),
    (
      "plan.C6",
      {
        $0.steps[1] = .repeat(count: -1, isReversed: false, body: 2..<4)
        for slot in 4...5 { $0.slots[slot].place = .arena(0) }
      }
    ),
    ("plan.C6", { $0.steps[1] = .repeat(count: 4, isReversed: false, body: 3..<4) }),
    ("plan.C6", { $0.steps[1] = .repeat(count: 4, isReversed: false, body: 2..<9) }),
    // A result whose parts no turn writes, and one that is never written.
    (
      "plan.C7",
      {
        $0.steps[2] = launch(0, [3, 4, 6])
        $0.steps[3] = launch(1, [6, 3])
      }
    ),
    (
      "plan.C7",
      {
        $0.steps[0] = launch(1, [1, 6])
        $0.steps[2] = launch(1, [6, 5])
        $0.steps[3] = launch(1, [5, 6])
      }
    ),
    ("plan.C8", { $0.steps[0] = launch(1, [4, 3]) }),
  ]

  @Test("The verifier names what is wrong with a repeat, and a wrong plan does not run", arguments: faults.indices)
  func verifier(_ number: Int) throws {
    var plan = try Self.plan()
    plan.steps[3] = Self.launch(1, [5, 3])
    Self.faults[number].1(&plan)
    #expect(PlanVerifier.diagnostics(for: plan).map(\.label).first == Self.faults[number].0)
    let inputs = [
      try TensorValue([1, 2, 3, 4] as [Int32], shape: [4]), try TensorValue([10] as [Int32], shape: .scalar),
    ]
    #expect(throws: KilnError.self) { try PlanInterpreter.run(plan, inputs: inputs) }
  }
}

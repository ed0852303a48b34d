import KilnIR
import Testing

@Suite("Plans") struct PlanTests {
  /// buffer 1 = buffer 0 + 1, or a comparison of it, on one `i32`.
  static func kernel(_ result: DType, _ line: String) throws -> Kernel {
    try Kernel(
      parsing: """
        kernel {
          buffer 0: i32
          buffer 1: written \(result)
          integers 0
          outer [1]
          stage [] {
            %0: i32 = load() {buffer = 0, at = [0, [1]]}
            %1: i32 = constant() {value = 10}
            %2: i32 = constant() {value = 1}
            \(line)
            store(%3) {buffer = 1, at = [0, [1]]}
          }
          schedule serial
        }
        """, file: "k")
  }

  static let scalar = TensorType(.i32, .scalar)

  static func launch(_ kernel: Int, _ slots: [Int]) -> ExecutionPlan.Step {
    .launch(
      ExecutionPlan.Launch(kernel: kernel, slots: slots, integers: [], workspace: nil, sites: [], label: "test"))
  }

  /// Counts from parameter 0 to 10 by a loop, then adds 1 or doubles by a branch on parameter 1.
  static func plan() throws -> ExecutionPlan {
    let slots: [ExecutionPlan.Slot] = [
      .init(scalar, .parameter(0)), .init(scalar, .parameter(1)), .init(scalar, .arena(0)), .init(scalar, .arena(64)),
      .init(TensorType(.bool, .scalar), .arena(128)), .init(scalar, .result(0)),
    ]
    return ExecutionPlan(
      name: "count", device: .testCPU, parameters: [.init("x", scalar), .init("which", scalar)],
      results: [.init(scalar, .written)], constants: [],
      kernels: [
        try kernel(.i32, "%3: i32 = add(%0, %2)"), try kernel(.bool, "%3: bool = less(%0, %1)"),
        try kernel(.i32, "%3: i32 = add(%0, %0)"),
      ],
      slots: slots,
      steps: [
        launch(0, [0, 2]),  // slot 2 = x + 1
        .loop(condition: 2..<3, body: 3..<5, predicate: 4),
        launch(1, [2, 4]),  // slot 4 = slot 2 < 10
        launch(0, [2, 3]),  // slot 3 = slot 2 + 1
        launch(0, [3, 2]),  // slot 2 = slot 3 + 1
        .branch([6..<7, 7..<8], selector: 1),
        launch(0, [2, 5]),
        launch(2, [2, 5]),
      ], memory: MemoryPlan(allocations: [], arenaBytes: 192, lowerBound: 192, inPlace: []), donations: [])
  }

  @Test("Loops and branches run", arguments: [(0, 0, 12), (0, 1, 22), (20, 0, 22), (20, 1, 42), (1, 7, 20)])
  func regions(_ start: Int32, _ which: Int32, _ expected: Int32) throws {
    let inputs = [try TensorValue([start], shape: .scalar), try TensorValue([which], shape: .scalar)]
    let plan = try Self.plan()
    #expect(PlanVerifier.diagnostics(for: plan) == [])
    #expect(try PlanInterpreter.run(plan, inputs: inputs).map { try $0.elements(as: Int32.self) } == [[expected]])
  }

  static let faults: [(String, @Sendable (inout ExecutionPlan) -> Void)] = [
    ("plan.C1", { $0.steps[0] = launch(9, [0, 2]) }),
    ("plan.C1", { $0.steps[0] = launch(0, [0, 9]) }),
    ("plan.C1", { $0.steps[0] = launch(0, [0]) }),
    ("plan.C1", { $0.slots[0].place = .parameter(2) }),
    ("plan.C2", { $0.slots[0].type = TensorType(.i32, [2]) }),
    ("plan.C2", { $0.slots[2].place = .arena(192) }),
    ("plan.C2", { $0.slots[2].place = .arena(4) }),
    ("plan.C2", { $0.slots[2].place = .arena(-64) }),
    ("plan.C3", { $0.steps[0] = launch(0, [0, 1]) }),
    ("plan.C4", { $0.slots[3] = .init(TensorType(.i32, [2]), .arena(0)) }),
    ("plan.C5", { $0.steps[0] = launch(0, [0, 3]) }),
    ("plan.C4", { $0.slots[4].place = .arena(0) }),
    ("plan.C5", { $0.steps[2] = launch(0, [2, 3]) }),
    ("plan.C6", { $0.steps[1] = .loop(condition: 2..<3, body: 4..<5, predicate: 4) }),
    ("plan.C6", { $0.steps[1] = .loop(condition: 2..<3, body: 3..<9, predicate: 4) }),
    ("plan.C6", { $0.steps[1] = .loop(condition: 2..<3, body: 3..<5, predicate: 3) }),
    ("plan.C6", { $0.steps[5] = .branch([], selector: 1) }),
    ("plan.C7", { $0.steps[7] = launch(2, [2, 3]) }),
    ("plan.C7", { $0.results[0].source = .parameter(5) }),
    ("plan.C7", { $0.results[0].source = .result(0) }),
    ("plan.C7", { $0.donations = [.init(parameter: 3, result: 0)] }),
    ("kernel.C7", { $0.kernels[0].outer = [.constant(2)] }),
  ]

  @Test("The verifier names what is wrong with a plan, and a wrong plan does not run", arguments: faults.indices)
  func verifier(_ number: Int) throws {
    var plan = try Self.plan()
    Self.faults[number].1(&plan)
    #expect(PlanVerifier.diagnostics(for: plan).map(\.label).first == Self.faults[number].0)
    let x = try TensorValue([0] as [Int32], shape: .scalar)
    #expect(throws: KilnError.self) { try PlanInterpreter.run(plan, inputs: [x, x]) }
  }
}

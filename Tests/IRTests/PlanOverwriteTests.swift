import KilnIR
import Testing

/// What may lie in the memory of what a launch reads.
@Suite("Plans that write over what they read") struct PlanOverwriteTests {
  static let four = TensorType(.i32, [4])

  /// buffer 2 = buffer 0 + buffer 1, which is read from `n0` on in steps of `n1`.
  static func kernel() throws -> Kernel {
    try Kernel(
      parsing: """
        kernel {
          buffer 0: i32
          buffer 1: i32
          buffer 2: written i32
          integers 2
          outer [4]
          stage [] {
            %0: i32 = load() {buffer = 0, at = [0, [1]]}
            %1: i32 = load() {buffer = 1, at = [n0, [n1]]}
            %2: i32 = add(%0, %1)
            store(%2) {buffer = 2, at = [0, [1]]}
          }
          schedule serial
        }
        """, file: "k")
  }

  static let forwards = [0, 1]
  static let backwards = [3, -1]

  static func launch(_ slots: [Int], _ integers: [Int]) -> ExecutionPlan.Step {
    .launch(
      ExecutionPlan.Launch(kernel: 0, slots: slots, integers: integers, workspace: nil, sites: [], label: "test"))
  }

  /// Twice the parameter to the arena, and what `last` says, which has slots for the parameter, that value, another
  /// place of the arena, the same place of the arena, and the result.
  static func plan(_ last: [ExecutionPlan.Step], donates: Bool = false) throws -> ExecutionPlan {
    ExecutionPlan(
      name: "over", device: .testCPU, parameters: [.init("x", four)], results: [.init(four, .written)], constants: [],
      kernels: [try kernel()],
      slots: [
        .init(four, .parameter(0)), .init(four, .arena(0)), .init(four, .arena(64)), .init(four, .arena(0)),
        .init(four, .result(0)),
      ], steps: [launch([0, 0, 1], forwards)] + last,
      memory: MemoryPlan(allocations: [], arenaBytes: 128, lowerBound: 128, inPlace: []),
      donations: donates ? [.init(parameter: 0, result: 0)] : [])
  }

  /// The steps after the first, whether the result may be in the parameter's memory, and the label or the result for 1,
  /// 2, 3, 4.
  static let cases: [(steps: [ExecutionPlan.Step], donates: Bool, label: String?, result: [Int32])] = [
    // Both buffers have the memory, and both are read where the result is written.
    ([launch([1, 1, 3], forwards), launch([3, 3, 4], forwards)], false, nil, [8, 16, 24, 32]),
    // One of the two is read in another order, whichever it is.
    ([launch([1, 1, 3], backwards), launch([3, 3, 4], forwards)], false, "plan.C4", []),
    ([launch([1, 1, 2], backwards), launch([2, 2, 4], forwards)], false, nil, [20, 20, 20, 20]),
    ([launch([0, 1, 3], backwards), launch([3, 3, 4], forwards)], false, "plan.C4", []),
    ([launch([1, 0, 3], backwards), launch([3, 3, 4], forwards)], false, nil, [12, 14, 16, 18]),
    // The same over a parameter whose memory is given away.
    ([launch([0, 0, 4], forwards)], true, nil, [2, 4, 6, 8]),
    ([launch([0, 0, 4], backwards)], true, "plan.C4", []),
    ([launch([0, 0, 4], backwards)], false, nil, [5, 5, 5, 5]),
    // What lay there is gone.
    ([launch([1, 1, 4], forwards), launch([0, 0, 2], forwards)], true, "plan.C5", []),
    ([launch([1, 1, 4], forwards), launch([0, 0, 2], forwards)], false, nil, [4, 8, 12, 16]),
    ([launch([4, 4, 4], forwards)], true, "plan.C5", []),
  ]

  @Test(
    "plan.C4, plan.C5: memory that a launch reads at several buffers, and that of donated parameters",
    arguments: cases.indices)
  func overwriting(_ number: Int) throws {
    let (steps, donates, label, result) = Self.cases[number]
    let plan = try Self.plan(steps, donates: donates)
    #expect(PlanVerifier.diagnostics(for: plan).map(\.label) == (label.map { [$0] } ?? []))
    let x = try TensorValue([1, 2, 3, 4] as [Int32], shape: [4])
    guard label == nil else { return }
    #expect(try PlanInterpreter.run(plan, inputs: [x])[0].elements(as: Int32.self) == result)
  }

  static let donations: [@Sendable (inout ExecutionPlan) -> Void] = [
    { $0.donations.append($0.donations[0]) },
    { $0.donations[0].parameter = 1 },
    { $0.donations[0].result = 1 },
    {
      $0.parameters[0].type = TensorType(.i32, [5])
      $0.slots[0].type = $0.parameters[0].type
    },
    { $0.results.append(.init(four, .parameter(0))) },
    {
      $0.results.append(.init(four, .result(0)))
      $0.donations[0].result = 1
    },
  ]

  @Test("plan.C7: a donation of what is not there, or goes elsewhere, too", arguments: donations.indices)
  func donation(_ number: Int) throws {
    var plan = try Self.plan([Self.launch([0, 0, 4], Self.forwards)], donates: true)
    Self.donations[number](&plan)
    #expect(PlanVerifier.diagnostics(for: plan).map(\.label) == ["plan.C7"])
  }

  @Test("kernel.C6: a pointwise or turned kernel does not reduce")
  func reductions() throws {
    var kernel = try Kernel(
      parsing: """
        kernel {
          buffer 0: i32
          buffer 1: written i32
          integers 0
          outer [32, 32]
          stage [] {
            %0: i32 = load() {buffer = 0, at = [0, [1, 32]]}
            reduce(%0) {kind = sum}
            store(%0) {buffer = 1, at = [0, [32, 1]]}
          }
          schedule serial
        }
        """, file: "k")
    for schedule: CPUSchedule in [
      .pointwise(lanes: 8, unroll: 1, grain: 64, streaming: false), .turned(axis: 0, lanes: 8, grain: 64),
    ] {
      kernel.schedule = .cpu(schedule)
      #expect(KernelVerifier.diagnostics(for: kernel).map(\.label) == ["kernel.C6"])
    }
  }

  @Test("kernel.C6: a work item does not sort, and a group of sorts does nothing else")
  func sorts() throws {
    func labels(_ effect: String, _ mapping: WorkMapping) throws -> [String] {
      var kernel = try Kernel(
        parsing: """
          kernel {
            buffer 0: u32
            buffer 1: written \(effect == "argSort" ? "i32" : "u32")
            integers 0
            outer [4]
            stage [8] {
              %0: u32 = load() {buffer = 0, at = [0, [8, 1]]}
              \(effect)(%0) {\(effect == "argSort" ? "" : "kind = max, ")buffer = 1, at = [0, [8, 1]]}
            }
            schedule serial
          }
          """, file: "k")
      kernel.schedule = .openCL(OpenCLSchedule(mapping))
      return KernelVerifier.diagnostics(for: kernel).map(\.label)
    }
    #expect(try labels("argSort", .sortGroups) == [] && labels("scanReduce", .points(strides: false)) == [])
    #expect(try labels("argSort", .points(strides: false)) == ["kernel.C6"])
    #expect(try labels("scanReduce", .sortGroups) == ["kernel.C6"])
  }
}

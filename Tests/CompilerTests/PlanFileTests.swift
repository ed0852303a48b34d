import Kiln
import KilnIR
import KilnTesting
import Testing

/// What the compiler makes of programs can be written down and read back.
@Suite("Plans of programs as text")
struct PlanFileTests {
  private static func check(_ program: RandomProgram, fuses: Bool, _ name: String) throws {
    let lowered = try Lowered(program.module, function: program.entry, for: .testCPU, fuses: fuses)
    let (plan, fusion) = (lowered.plan, lowered.fusion)
    #expect(try ExecutionPlan(parsing: plan.description, file: name) == plan, "\(name)")
    #expect(try MemoryPlan(parsing: plan.memory.description, file: name) == plan.memory, "\(name)")
    do {
      let read = try FusionPlan(parsing: fusion.description, file: name, in: lowered.plainModule)
      #expect(read == fusion, "\(name)")
    } catch {
      Issue.record("\(error)\n\(fusion)\n\(lowered.plainModule)")
    }
  }

  @Test("Random programs, fused and not", arguments: 0..<UInt64(4))
  func randomPrograms(part: UInt64) throws {
    for seed in part * 50..<(part + 1) * 50 {
      try Self.check(try RandomProgram(seed: seed), fuses: !seed.isMultiple(of: 3), "seed \(seed)")
    }
  }

  @Test("Programs with branches and loops")
  func controlPrograms() throws {
    for (number, text) in ControlPrograms.texts.enumerated() {
      try Self.check(try ControlPrograms.program(number, seed: 1), fuses: true, text.name)
    }
  }

  // MARK: Fusion

  private static func fusion() throws -> FusionPlan {
    let text = """
      func @step(%sum: f32[4], %row: f32[4]) -> (f32[4]) {
        %0: f32[4] = fma(%sum, %row, %row)
        return %0
      }

      func @main(%x: f32[3,4], %s: f32[4]) -> (f32[4], f32[3,4]) {
        %0: f32[3,4] = exp(%x)
        %1: f32[3] = reduce(%0) {kind = sum, axes = [1]}
        %2: f32[3,4] = broadcast(%1) {axes = [0]}
        %3: f32[3,4] = scanReduce(%2) {kind = sum, axis = 1, reverse = false}
        %4: f32[4] = scan(%s, %3) {body = @step, carried = 1, captured = 0, length = 3}
        return %4, %3
      }
      """
    let fusion = try Lowered(Module(parsing: text, file: "fusion"), function: "main", for: .testCPU).fusion
    try #require(fusion.clusters.map(\.kind) == [.reduction(axes: [1]), .line(axis: 1), .control], "\(fusion)")
    return fusion
  }

  private static let faults: [(String, @Sendable (inout FusionPlan) -> Void)] = [
    ("fusion.C1", { $0.clusters[0].members.reverse() }),
    ("fusion.C1", { $0.clusters[1].members = [InstructionID(99)] }),
    ("fusion.C1", { $0.clusters.append($0.clusters[0]) }),
    ("fusion.C2", { $0.clusters[0].kind = .reduction(axes: [0]) }),
    ("fusion.C2", { $0.clusters[0].kind = .pointwise }),
    ("fusion.C2", { $0.clusters[1].domain = [3, 3] }),
    ("fusion.C2", { $0.clusters[2].kind = .scatter }),
    ("fusion.C3", { $0.clusters[1].outputs = $0.clusters[0].outputs }),
    ("fusion.C4", { $0.clusters.swapAt(0, 1) }),
    ("fusion.C4", { $0.clusters[0].outputs = [] }),
    ("fusion.C5", { $0.clusters[2].outputs = [] }),
    ("fusion.C6", { $0.callees = [] }),
    ("fusion.C6", { $0.callees.append($0.callees[0]) }),
  ]

  @Test("The verifier names what is wrong with a fusion plan", arguments: faults.indices)
  func fusionFaults(_ number: Int) throws {
    var fusion = try Self.fusion()
    try fusion.verify()
    Self.faults[number].1(&fusion)
    let failure = #expect(throws: ConstraintFailure.self) { try fusion.verify() }
    #expect(failure?.label == Self.faults[number].0, "\(fusion)")
  }

  @Test("A damaged text of a fusion plan is an error at its line and column")
  func fusionDamages() throws {
    let fusion = try Self.fusion()
    var module = Module()
    for callee in fusion.callees { try module.append(callee.function) }
    try module.append(fusion.function)
    for (found, replacement, label, place) in [
      ("fusion @main", "fusion @other", "fusion.C1", "1:8"), ("%1 = reduce", "%9 = reduce", "parse.C2", "2:43"),
      ("%1 = reduce", "%1 = argReduce", "fusion.C1", "2:43"), ("reduction[1]", "reduction[0]", "fusion.C2", "1:1"),
      ("cluster 1", "cluster 2", "parse.C1", "3:11"), ("%1: f32[3]", "%1: f32[4]", "fusion.C1", "2:63"),
      ("control", "controls", "parse.C1", "4:13"), ("scan @step", "scan", "fusion.C1", "4:25"),
    ] {
      let text = fusion.description.replacing(found, with: replacement, maxReplacements: 1)
      let error = #expect(throws: KilnError.self) { try FusionPlan(parsing: text, file: "f", in: module) }
      #expect(error?.diagnostics.first?.label == label, "\(text)")
      #expect(error?.diagnostics.first?.location.description == "f:\(place)", "\(text)")
    }
  }
}

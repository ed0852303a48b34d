import KilnCPU
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Branches and loops give the reference's bits from the kernel interpreter and the processor.
@Suite("Control flow on the CPU")
struct ControlAgreementTests {
  static let seeds: Range<UInt64> = 0..<6

  @Test("S1 S3 R6: reference, kernels, CPU, fused and not, 1 to 3 threads", arguments: ControlPrograms.texts.indices)
  func agreement(_ number: Int) throws {
    for seed in Self.seeds {
      let program = try ControlPrograms.program(number, seed: seed)
      let fuses = seed % 2 == 0
      let comment = Comment("\(ControlPrograms.names[number]), seed \(seed), \(fuses ? "fused" : "unfused")")
      let plan = try PlanHarness.plan(program, fuses: fuses, for: .testCPU)
      #expect(PlanVerifier.diagnostics(for: plan) == [], "\(comment)\n\(plan)")
      #expect(
        program.disagreement { try PlanInterpreter.run(plan, inputs: $0.inputs) } == nil, "kernels, \(comment)\n\(plan)"
      )
      #expect(
        program.disagreement { try PlanHarness.runOnCPU($0, fuses: fuses, pools: PlanHarness.pools) } == nil,
        "CPU, \(comment)")
    }
  }

  @Test("Every pass keeps the results", arguments: ControlPrograms.texts.indices)
  func passes(_ number: Int) throws {
    let program = try ControlPrograms.program(number, seed: 77)
    for pass in Pipeline.default(for: "main").passes {
      let reason = program.disagreement { try $0.transformed { try pass.run($0) }.run() }
      #expect(reason == nil, "\(pass.name): \(ControlPrograms.names[number])")
    }
  }
}

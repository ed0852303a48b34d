import KilnIR
import KilnTesting
import Testing

/// `make soak` on the processor: the reference's bits from machine code, the kernel interpreter and eager operations.
@Suite("Soak: the processor", .enabled(if: Soak.programCount > 0), .serialized)
struct SoakTests {
  private func check(_ backend: String, _ run: (RandomProgram) throws -> [TensorValue]) throws {
    let soak = try Soak()
    for (number, program) in soak.programs.enumerated() {
      guard let reason = program.disagreement(run) else { continue }
      let small = program.shrunk { $0.disagreement(run) != nil }
      Issue.record("\(backend), program \(number): \(reason)\n\(small.listing)")
      return
    }
    soak.report(backend)
  }

  @Test("S1 S3 R6: machine code on 1 to 3 threads", arguments: [true, false])
  func processor(fuses: Bool) throws {
    try check("processor, \(fuses ? "fused" : "unfused")") {
      try PlanHarness.runOnCPU($0, fuses: fuses, pools: PlanHarness.pools)
    }
  }

  @Test("S1: the kernel interpreter", arguments: [true, false])
  func kernelReference(fuses: Bool) throws {
    try check("kernel interpreter, \(fuses ? "fused" : "unfused")") {
      try PlanInterpreter.run(PlanHarness.plan($0, fuses: fuses, for: .testCPU), inputs: $0.inputs)
    }
  }

  @Test("S1: eager operations")
  func eager() throws {
    try check("eager", EagerHarness.run)
  }
}

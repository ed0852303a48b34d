import KilnBackends
import KilnCPU
import KilnIR
import Testing

/// Random programs with named sizes are fused and lowered once; the plan of each size gives the bits of the program of
/// that size alone.
@Suite("Plans of programs with named sizes")
struct SizedPlanTests {
  static let programCount: UInt64 = 400

  @Test("S1: one lowering, the plans of several sizes", arguments: 0..<UInt64(4), [true, false])
  func plans(part: UInt64, fuses: Bool) throws {
    let compiler = try KernelCompiler.shared.get()
    let machine = compiler.machine.description(threads: 2)
    var compiled = SizedAgreement(machine, fuses: fuses) { try CPUExecutable($0, compiler: compiler).run($1) }
    var interpreted = SizedAgreement(.testCPU, fuses: fuses) { try PlanInterpreter.run($0, inputs: $1) }
    for seed in part * Self.programCount / 4..<(part + 1) * Self.programCount / 4 {
      #expect(try compiled.disagreements(seed: seed) == [])
      #expect(try interpreted.disagreements(seed: seed) == [])
    }
    print("on the processor: \(compiled)")
    #expect(compiled.planCount > Int(Self.programCount) / 8)
    #expect(compiled.pinnedCount < compiled.programCount / 4)
  }
}

import KilnBackends
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
      for backend in [Backend.kernelReference(fuses: fuses), .processor(fuses: fuses)] {
        #expect(program.disagreement(on: backend) == nil, "\(backend), \(comment)")
      }
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

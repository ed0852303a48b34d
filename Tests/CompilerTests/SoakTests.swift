import KilnBackends
import KilnIR
import KilnTesting
import Testing

/// `make soak` on the processor: the reference's bits from machine code, the kernel interpreter and eager operations.
@Suite("Soak: the processor", .enabled(if: Soak.programCount > 0), .serialized)
struct SoakTests {
  private func check(_ backend: Backend) throws {
    let soak = try Soak()
    for (number, program) in soak.programs.enumerated() {
      guard let reason = program.disagreement(on: backend) else { continue }
      let small = program.shrunk { $0.disagreement(on: backend) != nil }
      Issue.record("\(backend), program \(number): \(reason)\n\(small.listing)")
      return
    }
    soak.report(backend.description)
  }

  @Test("S1 S3 R6: machine code on 1 to 3 threads", arguments: [true, false])
  func processor(fuses: Bool) throws { try check(.processor(fuses: fuses)) }

  @Test("S1: the kernel interpreter", arguments: [true, false])
  func kernelReference(fuses: Bool) throws { try check(.kernelReference(fuses: fuses)) }

  @Test("S1: the kernel interpreter, for a device whose kernels have 4 buffers")
  func fewBuffers() throws { try check(.kernelReference(for: DeviceLimitTests.device(maximumBuffers: 4))) }

  @Test("S1: eager operations")
  func eager() throws { try check(.eager) }
}

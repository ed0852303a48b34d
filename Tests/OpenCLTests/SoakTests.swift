import KilnIR
import KilnTesting
import Testing

/// `make soak` on an OpenCL device.
@Suite("Soak: OpenCL", .enabled(if: Soak.programCount > 0 && OpenCLHarness.runs), .serialized)
struct SoakTests {
  @Test("S1 S3: fused and not, for processors and graphics processors")
  func openCL() throws {
    let soak = try Soak(dtypes: RandomOpenCLTests.dtypes())
    try RandomOpenCLTests.expectAgreement(soak.programs) { _ in true }
    soak.report("OpenCL")
  }
}

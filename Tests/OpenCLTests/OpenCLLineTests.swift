import KilnIR
import KilnOpenCL
import KilnTesting
import Testing

/// Scans, sorts and scatters on OpenCL against the reference, with the schedules of processors and of graphics
/// processors.
@Suite("OpenCL: lines", .enabled(if: OpenCLHarness.runs), .serialized)
struct OpenCLLineTests {
  private func expectReferenceBits(_ program: RandomProgram) throws {
    let function = try #require(program.module[program.entry])
    try OpenCLHarness.expectReferenceBits(function, program.inputs)
  }

  private func canCompute(_ dtype: DType) throws -> Bool {
    try dtype != .f64 || OpenCLHarness.device.get().properties.hasDouble
  }

  @Test("R4 T1: scans of rows and columns at every size", arguments: [DType.f32, .f64, .i32])
  func scans(dtype: DType) throws {
    if try canCompute(dtype) { try expectReferenceBits(LinePrograms.scans(dtype, isHard: true)) }
  }

  @Test("E9: sorts of rows and columns at every size", arguments: [DType.f32, .f64, .i8, .f16])
  func sorts(dtype: DType) throws {
    if try canCompute(dtype) { try expectReferenceBits(LinePrograms.sorts(dtype)) }
  }

  @Test("R5: scatters in batches, of rows and of columns", arguments: [DType.f32, .i16])
  func scatters(dtype: DType) throws { try expectReferenceBits(LinePrograms.scatters(dtype)) }
}

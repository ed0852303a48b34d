import Kiln
import KilnIR
import KilnOpenCL
import Testing

/// Tensors and compiled functions on the device give the bits of the reference.
@Suite("OpenCL: the front end", .enabled(if: OpenCLHarness.runs), .serialized)
struct FrontEndTests {
  @Test("S1: a gradient, compiled for the device, has the reference's bits")
  func gradientBits() throws {
    let x = Tensor<Float>((0..<60).map { Float($0) / 17 - 1 }, shape: [12, 5])
    let w = Tensor<Float>((0..<20).map { Float($0) / 9 - 1 }, shape: [5, 4])
    func step(_ device: Device) throws -> [Float] {
      withDevice(device) {
        gradient(at: w) { w in tanh(matmul(x, w)).sum() }.scalars
      }
    }
    let found = try step(.opencl(index))
    #expect(try found.map(\.bitPattern) == step(.reference).map(\.bitPattern))
  }

  @Test("Devices of one name are equal; an unknown one is an error with the list")
  func names() throws {
    #expect(try Device.opencl(index) == Device.opencl(index))
    do {
      _ = try Device.opencl("no such device")
      Issue.record("there is no such device")
    } catch {
      #expect(error.description.contains("there are:"))
    }
  }

  private var index: String { (try? OpenCLHarness.device.get()).map { "\($0.index)" } ?? "" }
}

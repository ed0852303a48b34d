import KilnBackends
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Kernels keep to what their device takes.
@Suite("Limits of devices")
struct DeviceLimitTests {
  /// A processor whose kernels have few buffers.
  static func device(maximumBuffers: Int) -> DeviceDescription {
    var device = DeviceDescription.testCPU
    (device.name, device.maximumBuffers) = ("test-narrow", maximumBuffers)
    return device
  }

  /// The most buffers of a kernel that computes several instructions: one alone has what it needs.
  private static func widest(_ plan: ExecutionPlan) -> Int {
    plan.launches.filter { $0.label.contains("+") }.map { plan.kernels[$0.kernel].definition.buffers.count }.max() ?? 0
  }

  @Test("S1: random programs on a device whose kernels have 4 buffers", arguments: 0..<UInt64(4))
  func randomPrograms(part: UInt64) throws {
    var cut = 0
    for seed in stride(from: part, to: RandomAgreementTests.programCount, by: 4) {
      let program = try RandomProgram(seed: seed)
      // The others have one plan on both devices.
      guard try Self.widest(.compiled(program)) > 4 else { continue }
      cut += 1
      let plan = try ExecutionPlan.compiled(program, for: Self.device(maximumBuffers: 4))
      #expect(Self.widest(plan) <= 4, "seed \(seed)")
      #expect(program.disagreement { try PlanInterpreter.run(plan, inputs: $0.inputs) } == nil, "seed \(seed)")
    }
    // Or the test would not be about what it says.
    #expect(cut >= 5, "\(cut) programs have kernels of more buffers")
  }

  @Test("a cluster of 64 members is cut where its kernel would have more buffers than the device takes")
  func manyOperands() throws {
    let program = try LinePrograms.sum(of: 70)
    let wide = try ExecutionPlan.compiled(program, for: Self.device(maximumBuffers: 1024))
    #expect(Self.widest(wide) == 66 && wide.launches.count == 2)
    let plan = try ExecutionPlan.compiled(program)
    #expect(Self.widest(plan) == 64 && plan.launches.count == 2)
    for backend in [Backend.kernelReference(), .kernelReference(for: Self.device(maximumBuffers: 4)), .processor()] {
      #expect(program.disagreement(on: backend) == nil, "\(backend)")
    }
  }

  @Test("an instruction that needs more by itself has its kernel")
  func singleInstruction() throws {
    let starts = (0..<5).map { "%i\($0)" }
    let text = """
      func @main(%x: f32[3,3,3,3,3], \(starts.map { $0 + ": i32[]" }.joined(separator: ", "))) -> (f32[2,2,2,2,2]) {
        %0: f32[2,2,2,2,2] = dynamicSlice(%x, \(starts.joined(separator: ", "))) {sizes = [2, 2, 2, 2, 2], bounds = clamp}
        %1: f32[2,2,2,2,2] = negate(%0)
        return %1
      }
      """
    let plan = try ExecutionPlan.compiled(
      Module(parsing: text, file: "box.kiln"), for: Self.device(maximumBuffers: 4))
    #expect(plan.launches.map(\.label) == ["dynamicSlice", "negate"])
    #expect(plan.launches.map { plan.kernels[$0.kernel].definition.buffers.count } == [7, 2])
  }

  @Test("lower.C4: an element type that the device does not have, at the line of its op")
  func dtypes() throws {
    var device = DeviceDescription.testCPU
    device.dtypes.remove(.f64)
    let text = """
      func @main(%x: f32[4], %y: f64[4]) -> (f32[4], f64[4]) {
        %0: f32[4] = exp(%x)
        %1: f64[4] = exp(%y)
        return %0, %1
      }
      """
    let module = try Module(parsing: text, file: "double.kiln")
    let error = #expect(throws: KilnError.self) { try ExecutionPlan.compiled(module, for: device) }
    #expect(error?.diagnostics.first?.label == "lower.C4")
    #expect(error?.diagnostics.first?.message == "exp needs f64, which test-cpu does not have")
    #expect(error?.diagnostics.first?.location == .position(file: "double.kiln", line: 3, column: 3))
  }
}

import Foundation
import KilnCPU
import KilnIR
import KilnRuntime
import Testing

/// Plans from files, without the compiler.
@Suite("Loaded plans")
struct LoadedPlanTests {
  private static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Examples/Embedded/classify.plan").standardized.path

  private static func inputs() throws -> [TensorValue] {
    [
      try TensorValue([1, 2, 3, -1, 0, 1] as [Float], shape: [2, 3]),
      try TensorValue((0..<12).map { Float($0 % 5) - 2 }, shape: [3, 4]),
      try TensorValue([0.5, 0, -0.5, 0.25] as [Float], shape: [4]),
    ]
  }

  /// The label of what loading or running throws.
  private func label(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return (error as? KilnError)?.diagnostics.first?.label ?? "\(error)"
    }
  }

  private func load(_ bytes: [UInt8], on backend: PlanBackend = .interpreter) throws -> LoadedPlan {
    let file = FileManager.default.temporaryDirectory.appending(path: "kiln-\(UUID().uuidString).plan")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(bytes).write(to: file)
    return try LoadedPlan(contentsOf: file.path, on: backend)
  }

  @Test("The processor and the interpreter give the same bits, by values and in the caller's memory")
  func runs() throws {
    let inputs = try Self.inputs()
    let plan = try LoadedPlan(contentsOf: Self.path, on: .cpu)
    let results = try plan.run(inputs)
    #expect(results == (try LoadedPlan(contentsOf: Self.path, on: .interpreter).run(inputs)))
    #expect(results.map(\.type) == plan.resultTypes && plan.parameters.map(\.name) == ["x", "w", "b"])
    let arguments = try inputs.map { try HostBuffer(byteCount: $0.bytes.count) }
    for (value, buffer) in zip(inputs, arguments) { buffer.withBytes { $0.copyBytes(from: value.bytes) } }
    let outputs = try results.map { try HostBuffer(byteCount: $0.bytes.count) }
    try plan.run(arguments, into: outputs)
    #expect(outputs.map { $0.withBytes { Array($0) } } == results.map(\.bytes))
  }

  @Test("What is wrong with a file is an error with a label")
  func files() throws {
    let text = try String(contentsOfFile: Self.path, encoding: .utf8)
    #expect(label { _ = try LoadedPlan(contentsOf: "/nowhere/x.plan", on: .interpreter) } == "file.C1")
    #expect(label { _ = try LoadedPlan(contentsOf: "/tmp", on: .interpreter) } == "file.C1")
    #expect(label { _ = try self.load([0x7F, 0x45, 0x4C, 0x46, 0xFF]) } == "parse.C1")
    #expect(label { _ = try self.load(Array("func @f() -> () {\n  return\n}\n".utf8)) } == "parse.C1")
    #expect(label { _ = try self.load(Array(text.utf8.dropLast(100))) } == "parse.C1")
    #expect(label { _ = try self.load([]) } == "parse.C1")
    let later = text.replacing("numerics 1", with: "numerics 2")
    #expect(label { _ = try self.load(Array(later.utf8)) } == "plan.version")
    var other = try ExecutionPlan(parsing: text, file: "p")
    other.device.workGroups = WorkGroupLimits(
      isProcessor: false, maximumWorkGroupSize: 256, localMemoryBytes: 32 << 10, fullWorkItems: 4096)
    #expect(label { _ = try LoadedPlan(other, on: .interpreter) } == "kernel.C6")
    for kernel in other.kernels.indices {
      other.kernels[kernel].schedule = .openCL(OpenCLSchedule(.points(strides: false)))
    }
    #expect(label { _ = try LoadedPlan(other, on: .cpu) } == "plan.device")
    #expect(label { _ = try LoadedPlan(other, on: .interpreter) } == nil)
    #expect(label { _ = try self.load(Array(other.description.utf8)) } == nil)
  }

  @Test("What is wrong with a run is an error with a label")
  func calls() throws {
    let plan = try LoadedPlan(contentsOf: Self.path, on: .interpreter)
    let inputs = try Self.inputs()
    #expect(label { _ = try plan.run([inputs[0]]) } == "run.C2")
    #expect(label { _ = try plan.run([inputs[1], inputs[0], inputs[2]]) } == "run.C2")
    let buffers = try plan.parameters.map { try HostBuffer(byteCount: $0.type.byteCount) }
    let results = try plan.resultTypes.map { try HostBuffer(byteCount: $0.byteCount) }
    #expect(label { try plan.run(buffers, into: [results[0]]) } == "run.C2")
    #expect(label { try plan.run(buffers, into: [results[1], results[0]]) } == "run.C2")
    // Buffers of one size, which may be the same one.
    let copy = try load(
      Array(
        """
        plan @copy {
          numerics 1
          device "any" {kind = cpu, vectorBytes = 64, vectorRegisters = 32, threads = 2, level2Bytes = 1, \
        maximumBuffers = 64, dtypes = [f32]}
          parameter 0: %x: f32[2]
          result 0: f32[2] = parameter 0
          result 1: f32[2] = result 0
        }
        """.utf8))
    let (x, y, z) = (try HostBuffer(byteCount: 8), try HostBuffer(byteCount: 8), try HostBuffer(byteCount: 8))
    #expect(label { try copy.run([x], into: [y, y]) } == "run.C2")
    #expect(label { try copy.run([x], into: [y, x]) } == "run.C2")
    #expect(label { try copy.run([x], into: [y, z]) } == nil)
  }
}

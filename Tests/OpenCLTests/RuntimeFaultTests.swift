import Foundation
import KilnBackends
import KilnIR
import KilnOpenCL
import KilnPasses
import KilnRuntime
import KilnTesting
import Synchronization
import Testing

/// What goes wrong on a device is an error of the caller, leaves nothing behind, and the next call works.
@Suite("OpenCL: faults, caches, profiles", .enabled(if: OpenCLHarness.runs), .serialized)
struct RuntimeFaultTests {
  /// The second device object of the process would share the first one's faults, so this suite has its own.
  static let device = Result { try OpenCLHarness.device.get().separateCopy() }

  static func program(_ count: Int = 1000) throws -> Function {
    var builder = FunctionBuilder("fault")
    let x = builder.addParameter("x", TensorType(.f32, [4, count]))
    let e = try builder.emitOne(.map(.exp), [x])
    let sum = try builder.emitOne(.reduction(.reduce(.sum, axes: [1])), [e])
    return builder.finish([e, sum])
  }

  private func executable(cache: ObjectCache? = nil) throws -> OpenCLExecutable {
    try OpenCLExecutable(OpenCLHarness.plan(Self.program()), on: Self.device.get(), cache: cache)
  }

  private func check(_ executable: OpenCLExecutable) throws {
    let input = try hardValues(TensorType(.f32, [4, 1000]), seed: 5)
    var module = Module()
    try module.append(Self.program())
    let expected = try ReferenceInterpreter.run(module, function: "fault", inputs: [input])
    let found = try executable.run([input])
    #expect(zip(expected, found).allSatisfy { $0.isIdentical(to: $1) })
  }

  private func expectFailure(_ label: String, _ containing: String, _ body: () throws -> Void) {
    do {
      try body()
      Issue.record("it should have failed with \(label)")
    } catch let error as KilnError {
      #expect(error.diagnostics[0].label == label)
      #expect(error.description.contains(containing), "\(error)")
    } catch {
      Issue.record("another error: \(error)")
    }
  }

  @Test("An allocation that fails leaves nothing behind, and the next call works")
  func allocationFailure() throws {
    let device = try Self.device.get()
    let executable = try executable()
    try check(executable)
    for left in 0..<3 {
      try device.context().trim()
      let before = device.liveObjectCount
      device.faults.withLock { $0.allocationsLeft = left }
      let input = try hardValues(TensorType(.f32, [4, 1000]), seed: 5)
      expectFailure("memory.exhausted", "no memory") { _ = try executable.run([input]) }
      device.faults.withLock { $0.allocationsLeft = nil }
      try device.context().trim()
      #expect(device.liveObjectCount <= before)
      try check(executable)
    }
  }

  @Test("A kernel that does not compile shows the log, its line and its ops")
  func buildFailure() throws {
    let device = try Self.device.get()
    let before = device.liveObjectCount
    device.faults.withLock { $0.breaksBuilds = true }
    expectFailure("opencl.build", "injected_fault") { _ = try executable() }
    expectFailure("opencl.build", "in the kernel of exp") { _ = try executable() }
    device.faults.withLock { $0.breaksBuilds = false }
    try device.context().trim()
    #expect(device.liveObjectCount <= before)
    try check(executable())
  }

  @Test("A lost device is opened again; buffers of the lost one say so")
  func lostDevice() throws {
    let device = try Self.device.get()
    let executable = try executable()
    try check(executable)
    let old = try DeviceBuffer(copying: UnsafeRawBufferPointer(start: nil, count: 0), to: device)
    device.faults.withLock { $0.launchesLeft = 1 }
    let input = try hardValues(TensorType(.f32, [4, 1000]), seed: 5)
    expectFailure("device.lost", "lost") { for _ in 0..<2 { _ = try executable.run([input]) } }
    expectFailure("device.other", "was lost with its device") { _ = try executable.run([old]) }
    try check(executable)
  }

  @Test("Nothing is left when all is released")
  func noLeak() throws {
    let device = try OpenCLHarness.device.get().separateCopy()
    do {
      let executable = try OpenCLExecutable(OpenCLHarness.plan(Self.program()), on: device, cache: nil)
      _ = try executable.run([hardValues(TensorType(.f32, [4, 1000]), seed: 1)])
      #expect(device.liveObjectCount > 0)
    }
    device.close()
    #expect(device.liveObjectCount == 0)
  }

  @Test("Programs are kept on disk; a damaged entry is built again")
  func diskCache() throws {
    let folder = NSTemporaryDirectory() + "kiln-opencl-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cache = try #require(ObjectCache(folder: folder))
    let device = try OpenCLHarness.device.get()
    func run() throws {
      let copy = device.separateCopy()
      defer { copy.close() }
      let executable = try OpenCLExecutable(OpenCLHarness.plan(Self.program()), on: copy, cache: cache)
      try check(executable)
    }
    try run()
    let entry = try #require(cache.entries().first)
    try run()
    let path =
      "\(folder)/\(try #require(FileManager.default.contentsOfDirectory(atPath: folder).first { $0.hasPrefix(entry.name) }))"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    try run()
    #expect(cache.entries().contains { $0.name == entry.name })
  }

  @Test("Profiles name each launch, its time and its bytes")
  func profile() throws {
    let device = try OpenCLHarness.device.get()
    let executable = try OpenCLExecutable(OpenCLHarness.plan(Self.program(100_000)), on: device, cache: nil)
    let input = try DeviceBuffer(byteCount: 1_600_000, on: device.context())
    let (results, profiles) = try executable.profile([input])
    #expect(results.count == 2)
    #expect(!profiles.isEmpty && profiles.allSatisfy { $0.nanoseconds > 0 && $0.byteCount >= 1_600_000 })
    #expect(profiles.contains { $0.label.contains("exp") })
  }

  @Test("An index out of range throws at the line of its op")
  func bounds() throws {
    var builder = FunctionBuilder("bounds")
    let x = builder.addParameter("x", TensorType(.f32, [10]))
    let indices = builder.addParameter("i", TensorType(.i32, [3]))
    let location = KilnIR.SourceLocation.position(file: "model.swift", line: 12, column: 3)
    let result = try builder.emitOne(.indexing(.gather(axis: 0, bounds: .check)), [x, indices], at: location)
    let executable = try OpenCLExecutable(
      OpenCLHarness.plan(builder.finish([result])), on: OpenCLHarness.device.get(), cache: nil)
    let values = try hardValues(TensorType(.f32, [10]), seed: 1)
    func run(_ indices: [Int32]) throws -> [TensorValue] {
      try executable.run([values, TensorValue(indices, shape: Shape([3]))])
    }
    #expect(try run([0, 9, 3])[0][1].isIdentical(to: values[9]))
    expectFailure("gather.R1", "model.swift:12:3") { _ = try run([0, 10, 3]) }
    expectFailure("gather.R1", "index -1 is out of range for axis 0, which has 10 elements") {
      _ = try run([0, -1, 3])
    }
    #expect(try run([5, 5, 5])[0][2].isIdentical(to: values[5]))
  }

  @Test("Results stay on the device and are inputs of the next call; donated state is written in place")
  func residentState() throws {
    var builder = FunctionBuilder("step")
    let type = TensorType(.f32, [1000])
    let x = builder.addParameter("x", type)
    let y = try builder.emitOne(.map(.add), [x, x])
    let device = try OpenCLHarness.device.get()
    let donation = ExecutionPlan.Donation(parameter: 0, result: 0)
    let plan = try ExecutionPlan.compiled(
      Module([builder.finish([y])]), for: device.lowering(), CompilationOptions(donations: [donation]))
    let executable = try OpenCLExecutable(plan, on: device, cache: nil)
    let start = [Float](repeating: 1, count: 1000)
    var state = try start.withUnsafeBytes { try DeviceBuffer(copying: $0, to: device) }
    for step in 0..<5 {
      let next = try executable.run([state], donating: step < 3 ? [0] : [])[0]
      #expect((next === state) == (step < 3))
      state = next
    }
    #expect(try state.read(Float.self, count: 1000).allSatisfy { $0 == 32 })
  }

  @Test("Two threads run one executable at once")
  func threads() throws {
    let executable = try OpenCLExecutable(
      OpenCLHarness.plan(Self.program()), on: OpenCLHarness.device.get(), cache: nil)
    let failures = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: 2) { _ in
      for _ in 0..<20 {
        do { try check(executable) } catch { failures.add(1, ordering: .relaxed) }
      }
    }
    #expect(failures.load(ordering: .relaxed) == 0)
  }
}

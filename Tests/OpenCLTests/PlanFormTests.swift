import Kiln
import KilnBackends
import KilnIR
import KilnOpenCL
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

/// Forms of programs that the device of the tests does not need by itself, regions, and what a device lacks.
@Suite("OpenCL: forms of programs", .enabled(if: OpenCLHarness.runs), .serialized)
struct PlanFormTests {
  private func expectFailure(_ label: String, _ containing: String, _ body: () throws -> Void) {
    do {
      try body()
      Issue.record("it should have failed with \(label)")
    } catch let error as KilnError {
      #expect(error.diagnostics[0].label == label && error.description.contains(containing), "\(error)")
    } catch {
      Issue.record("another error: \(error)")
    }
  }

  @Test("B5: corrected products, 64-bit indices and integers from a buffer change no bits")
  func styles() throws {
    var options = RandomProgram.Options()
    options.instructions = 8...14
    if try !OpenCLHarness.device.get().properties.hasDouble { options.dtypes.removeAll { $0 == .f64 } }
    let device = try OpenCLHarness.device.get().separateCopy()
    defer { device.close() }
    for (number, seed) in [41, 42, 43, 44].enumerated() as EnumeratedSequence<[UInt64]> {
      device.faults.withLock { faults in
        faults.style.correctsProducts = number != 1
        faults.style.isWide = number != 2
        faults.style.readsIntegers = number != 0
      }
      let reason = try RandomProgram(seed: seed, options: options).disagreement { program in
        let plan = try OpenCLHarness.plan(program, as: number % 2 == 0 ? .gpu : .cpu)
        return try OpenCLExecutable(plan, on: device, cache: nil).run(program.inputs)
      }
      #expect(reason == nil, "seed \(seed)")
    }
  }

  @Test("B5: a device that fails the probe is refused, with the reason")
  func refused() throws {
    let device = try OpenCLHarness.device.get().separateCopy()
    defer { device.close() }
    device.faults.withLock { $0.strictness = .refused("its division is not correctly rounded") }
    let plan = try OpenCLHarness.plan(RuntimeFaultTests.program())
    expectFailure("device.unavailable", "cannot run strict programs: its division is not correctly rounded") {
      _ = try OpenCLExecutable(plan, on: device, cache: nil)
    }
  }

  @Test("B5: the device of the tests is strict")
  func strict() throws {
    #expect(try OpenCLHarness.device.get().context().strictness == .strict)
  }

  @Test("f64 on a device without it is an error before anything runs")
  func noDouble() throws {
    let device = try OpenCLHarness.device.get().separateCopy(hidesDouble: true)
    defer { device.close() }
    var builder = FunctionBuilder("double")
    let x = builder.addParameter("x", TensorType(.f64, [4]))
    let result = try builder.emitOne(.map(.exp), [x])
    let plan = try OpenCLHarness.plan(builder.finish([result]))
    expectFailure("device.unavailable", "has no f64, which exp needs") {
      _ = try Device(device, cache: nil).executor.prepare(plan)
    }
    expectFailure("lower.C4", "exp needs f64") {
      _ = try ExecutionPlan.compiled(Module([builder.finish([result])]), for: device.lowering())
    }
  }

  @Test("S1: a kernel with as many buffers as the device takes")
  func manyBuffers() throws {
    let device = try OpenCLHarness.device.get()
    let limit = device.lowering().maximumBuffers
    #expect(limit * 16 + 40 <= device.properties.maximumParameterBytes)
    let program = try LinePrograms.sum(of: limit + 9)
    let plan = try OpenCLHarness.plan(program)
    #expect(plan.kernels.map(\.definition.buffers.count).max() == min(limit, 66))
    #expect(program.disagreement(on: .openCL(device, as: .gpu)) == nil)
    expectFailure("device.unavailable", "has \(limit + 10) operands and results in one kernel") {
      // As a plan for another device might have.
      var kernel = plan.kernels[0]
      let buffers = kernel.definition.buffers
      kernel.definition.buffers += Array(repeating: buffers[0], count: limit + 10 - buffers.count)
      var other = plan
      other.kernels[0] = kernel
      _ = try Device(device, cache: nil).executor.prepare(other)
    }
  }

  @Test("A value larger than a buffer of the device is an error that says so")
  func tooLarge() throws {
    let device = try OpenCLHarness.device.get()
    var builder = FunctionBuilder("large")
    let x = builder.addParameter("x", TensorType(.f32, [device.properties.maximumBufferBytes / 4 + 1024]))
    let result = try builder.emitOne(.map(.negate), [x])
    let plan = try OpenCLHarness.plan(builder.finish([result]))
    expectFailure("memory.exhausted", "one buffer of") { _ = try OpenCLExecutable(plan, on: device, cache: nil) }
  }

  /// while (x < 100) { x = x + x }, and one of two regions by a selector: made by hand, for no op makes regions yet.
  @Test("Regions read their predicate back: a loop and a branch")
  func regions() throws {
    let scalar = TensorType(.f32, [] as [Int])
    let here = AffineIndex(offset: .constant(0), strides: [])
    func kernel(_ dtype: DType, _ body: [BodyInstruction], to: DType) -> Kernel {
      Kernel(
        KernelDefinition(
          buffers: [KernelDefinition.Buffer(dtype, isWritten: false), KernelDefinition.Buffer(to, isWritten: true)],
          integerCount: 0, outer: [],
          stages: [
            KernelDefinition.Stage(
              inner: [], body: [.load(BufferAccess(0, here))] + body,
              effects: [.store(BodyID(body.count), BufferAccess(1, here))])
          ]), .openCL(OpenCLSchedule(.points(strides: false))))
    }
    let x = BodyID(0)
    let double = BodyInstruction.operation(.add, operands: [x, x], dtype: .f32)
    let limit = BodyInstruction.constant(Scalar(Float(100)))
    let kernels = [
      kernel(.f32, [], to: .f32),
      kernel(.f32, [double], to: .f32),
      kernel(.f32, [limit, .operation(.less, operands: [x, BodyID(1)], dtype: .bool)], to: .bool),
      kernel(.f32, [.operation(.convert, operands: [x], dtype: .i32)], to: .i32),
      kernel(.f32, [.operation(.negate, operands: [x], dtype: .f32)], to: .f32),
    ]
    func launch(_ kernel: Int, _ from: Int, _ to: Int) -> ExecutionPlan.Step {
      .launch(
        ExecutionPlan.Launch(
          kernel: kernel, slots: [from, to], integers: [], workspace: nil, sites: [], label: "k\(kernel)"))
    }
    let plan = ExecutionPlan(
      name: "regions", device: try OpenCLHarness.device.get().lowering(),
      parameters: [Function.Parameter("x", scalar), Function.Parameter("s", scalar)],
      results: [ExecutionPlan.Result(scalar, .written)], constants: [], kernels: kernels,
      slots: [
        ExecutionPlan.Slot(scalar, .parameter(0)), ExecutionPlan.Slot(scalar, .parameter(1)),
        ExecutionPlan.Slot(scalar, .arena(0)), ExecutionPlan.Slot(TensorType(.bool, [] as [Int]), .arena(64)),
        ExecutionPlan.Slot(TensorType(.i32, [] as [Int]), .arena(128)), ExecutionPlan.Slot(scalar, .result(0)),
      ],
      steps: [
        launch(0, 0, 2), .loop(condition: 2..<3, body: 3..<4, predicate: 3), launch(2, 2, 3), launch(1, 2, 2),
        launch(3, 1, 4), .branch([6..<7, 7..<8], selector: 4), launch(0, 2, 5), launch(4, 2, 5),
      ],
      memory: MemoryPlan(allocations: [], arenaBytes: 192, lowerBound: 192, inPlace: []), donations: [])
    let executable = try OpenCLExecutable(plan, on: OpenCLHarness.device.get(), cache: nil)
    func run(_ x: Float, _ selector: Float) throws -> [Float] {
      try executable.run([TensorValue([x], shape: .scalar), TensorValue([selector], shape: .scalar)])[0]
        .elements(as: Float.self)
    }
    #expect(try run(3, 0) == [192])
    #expect(try run(200, 0) == [200])
    #expect(try run(3, 1) == [-192])
    #expect(try run(1, 7) == [-128])
  }
}

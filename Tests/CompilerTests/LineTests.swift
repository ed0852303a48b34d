import KilnBackends
import KilnCPU
import KilnIR
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

/// Scans, sorts and scatters on the CPU against the reference, at the edges of their definitions.
@Suite("Lines on the CPU")
struct LineTests {
  private func expectReferenceBits(
    _ program: RandomProgram, _ name: String, sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let expected = try program.run()
    let found = try program.run(on: .processor())
    for (number, pair) in zip(expected, found).enumerated() where !pair.0.isIdentical(to: pair.1) {
      Issue.record("\(name): result \(number), \(pair.0.type), differs", sourceLocation: sourceLocation)
    }
  }

  @Test(
    "R4 T1: scans of rows and columns at every size", arguments: [DType.f32, .f64, .i32, .u8, .bool], [false, true])
  func scans(dtype: DType, isHard: Bool) throws {
    try expectReferenceBits(LinePrograms.scans(dtype, isHard: isHard), "scans of \(dtype)")
  }

  @Test(
    "E9: sorts of rows and columns at every size", arguments: [DType.bool, .i8, .u16, .i64, .f16, .bf16, .f32, .f64])
  func sorts(dtype: DType) throws { try expectReferenceBits(LinePrograms.sorts(dtype), "sorts of \(dtype)") }

  @Test("R5: scatters in batches, of rows and of columns", arguments: [DType.f32, .f64, .i16])
  func scatters(dtype: DType) throws { try expectReferenceBits(LinePrograms.scatters(dtype), "scatters of \(dtype)") }

  @Test("transposes in tiles, with rests and with work around them", arguments: [DType.bool, .i8, .f16, .f32, .f64])
  func transposes(dtype: DType) throws {
    let program = try LinePrograms.transposes(dtype)
    try expectReferenceBits(program, "transposes of \(dtype)")
    let plan = try ExecutionPlan.compiled(program)
    #expect(dtype == .bool || plan.kernels.contains { if case .turned = $0.schedule { true } else { false } })
  }

  @Test("a scatter of rows and a scan of columns run in strips of vectors, side by side on threads")
  func schedules() throws {
    func schedules(_ body: String, _ parameters: String, _ result: String) throws -> [Schedule] {
      let module = try Module(parsing: "func @main(\(parameters)) -> (\(result)) {\n\(body)\n}", file: "test.kiln")
      return try ExecutionPlan.compiled(module).kernels.map(\.schedule)
    }
    let scatter = try schedules(
      "%y: f32[100,256] = scatter(%x, %i, %u) {axis = 0, combiner = add, bounds = check}\nreturn %y",
      "%x: f32[100,256], %i: i32[50], %u: f32[50,256]", "f32[100,256]")
    #expect(scatter.count == 2)
    #expect(scatter.last == .columns(strip: 64))
    let scan = try schedules(
      "%y: f32[100,256] = scanReduce(%x) {kind = sum, axis = 0, reverse = true}\nreturn %y", "%x: f32[100,256]",
      "f32[100,256]")
    #expect(scan == [.columns(strip: 64)])
    let extremes = try schedules(
      "%y: i32[100] = argReduce(%x) {kind = max, axis = 1}\n%z: i32[256] = argReduce(%x) {kind = min, axis = 0}\nreturn %y, %z",
      "%x: f32[100,256]", "i32[100], i32[256]")
    #expect(extremes.contains(.rows) && extremes.contains(.columns(strip: 1024)))
  }

  @Test("an update of a box is written in the memory of a tensor that dies there")
  func updatesInPlace() throws {
    let module = try Module(
      parsing: """
        func @main(%x: f32[1000], %u: f32[10], %i: i32[]) -> (f32[1000]) {
          %0: f32[1000] = negate(%x)
          %1: f32[1000] = dynamicUpdateSlice(%0, %u, %i) {bounds = clamp}
          %2: f32[1000] = dynamicUpdateSlice(%1, %u, %i) {bounds = clamp}
          %3: f32[1000] = exp(%2)
          return %3
        }
        """, file: "test.kiln")
    let plan = try ExecutionPlan.compiled(module, "main", CompilationOptions(fuses: false))
    #expect(plan.memory.inPlace.count == 3, "\(plan.memory)")
    // What dies where the result is first written lies in the result's memory.
    #expect(plan.memory.arenaBytes == 0 && plan.slots.count { $0.place == .result(0) } == 4, "\(plan)")
  }

  @Test("a value that is read after the result was written keeps a place of its own")
  func resultsKeepTheirMemory() throws {
    let module = try Module(
      parsing: """
        func @main(%x: f32[1000]) -> (f32[1000], f32[1000]) {
          %0: f32[1000] = negate(%x)
          %1: f32[1000] = exp(%0)
          %2: f32[1000] = sin(%0)
          %3: f32[1000] = multiply(%1, %2)
          return %1, %3
        }
        """, file: "test.kiln")
    let plan = try ExecutionPlan.compiled(module, "main", CompilationOptions(fuses: false))
    // %0 is read twice; it dies with %2, which dies with the second result.
    #expect(plan.slots.count { $0.place == .result(0) } == 1)
    #expect(plan.slots.count { $0.place == .result(1) } == 3 && plan.memory.arenaBytes == 0, "\(plan)")
    let x = try TensorValue((0..<1000).map { Float($0) / 100 - 5 }, shape: [1000])
    let program = RandomProgram(module: module, entry: "main", inputs: [x])
    let found = try program.run(on: .processor(fuses: false))
    #expect(try zip(program.run(), found).allSatisfy { $0.isIdentical(to: $1) })
  }
}

import KilnIR
import KilnOpenCL
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

/// A program that a mapping of points to work items is chosen for.
struct MappingCase: CustomTestStringConvertible, Sendable {
  let mapping: String
  let kind: OpenCLDevice.Kind
  /// Parameters, results and the body.
  let text: (parameters: String, results: String, body: String)

  init(_ mapping: String, _ kind: OpenCLDevice.Kind, _ parameters: String, _ results: String, _ body: String) {
    (self.mapping, self.kind, text) = (mapping, kind, (parameters, results, body))
  }

  var testDescription: String { mapping }

  func program() throws -> RandomProgram {
    let text = "func @main(\(text.parameters)) -> (\(text.results)) {\n\(text.body)\n}\n"
    let module = try Module(parsing: text, file: "case")
    let inputs = try (module["main"]?.parameters ?? []).enumerated().map { number, parameter in
      try ReductionTests.values(parameter.type, seed: UInt64(number))
    }
    return RandomProgram(module: module, entry: "main", inputs: inputs)
  }

  private static let softmax = """
      %0: f32[9] = reduce(%x) {kind = max, axes = [1]}
      %1: f32[9,70] = broadcast(%0) {axes = [0]}
      %2: f32[9,70] = subtract(%x, %1)
      %3: f32[9,70] = exp(%2)
      %4: f32[9] = reduce(%3) {kind = sum, axes = [1]}
      %5: f32[9,70] = broadcast(%4) {axes = [0]}
      %6: f32[9,70] = divide(%3, %5)
      return %6
    """

  private static func sum(_ result: String, axis: Int) -> String {
    "  %0: \(result) = reduce(%x) {kind = sum, axes = [\(axis)]}\n  return %0"
  }
  private static func dot(_ result: String) -> String {
    "  %0: \(result) = dot(%x, %y) {batch = [], contract = [[1, 0]]}\n  return %0"
  }

  /// One for each mapping, on a device that 64 · 1024 work items fill.
  static let all = [
    MappingCase("points", .cpu, "%x: f32[70]", "f32[70]", "  %0: f32[70] = exp(%x)\n  return %0"),
    MappingCase("points in strides", .cpu, "%x: f32[9,70]", "f32[9,70]", softmax),
    MappingCase("row groups", .gpu, "%x: f32[9,70]", "f32[9,70]", softmax),
    MappingCase("column groups", .gpu, "%x: f32[70,40]", "f32[40]", sum("f32[40]", axis: 0)),
    MappingCase(
      "sort groups", .gpu, "%x: f32[9,70]", "i32[9,70]",
      "  %0: i32[9,70] = argSort(%x) {axis = 1, descending = false}\n  return %0"),
    MappingCase("split rows", .gpu, "%x: f32[50,3000]", "f32[50]", sum("f32[50]", axis: 1)),
    MappingCase("split columns", .gpu, "%x: f32[3000,9]", "f32[9]", sum("f32[9]", axis: 0)),
    MappingCase("split dot", .gpu, "%x: f32[7,2100], %y: f32[2100,9]", "f32[7,9]", dot("f32[7,9]")),
    MappingCase("tiles 2x2", .gpu, "%x: f32[40,30], %y: f32[30,33]", "f32[40,33]", dot("f32[40,33]")),
    MappingCase("tiles 4x4", .gpu, "%x: f32[400,30], %y: f32[30,333]", "f32[400,333]", dot("f32[400,333]")),
    MappingCase("tiles 8x8", .gpu, "%x: f32[1000,20], %y: f32[20,1000]", "f32[1000,1000]", dot("f32[1000,1000]")),
    MappingCase("register tiles", .cpu, "%x: f32[9,600], %y: f32[600,20]", "f32[9,20]", dot("f32[9,20]")),
  ]
}

/// Each mapping of points to work items is chosen for some program, and keeps the bits.
@Suite("OpenCL: work mappings", .enabled(if: OpenCLHarness.runs), .serialized)
struct MappingTests {
  @Test("S1: every mapping is reached", arguments: MappingCase.all)
  func reached(_ test: MappingCase) throws {
    let device = try OpenCLHarness.device.get()
    let reason = try test.program().disagreement { program in
      let executable = try OpenCLExecutable(
        OpenCLHarness.plan(program, fuses: true), on: device, cache: nil, schedulesFor: test.kind, filledBy: 64 << 10)
      #expect(executable.mappings.contains(test.mapping), "\(executable.mappings)")
      return try executable.run(program.inputs)
    }
    #expect(reason == nil)
  }

  @Test("The cases are all mappings that there are")
  func complete() throws {
    #expect(Set(MappingCase.all.map(\.mapping)) == Set(WorkMappingNames.all))
  }

  /// A harness that finds nothing wrong with a wrong emitter would prove nothing. Other sizes of blocks are no such fault: they
  /// would write beyond the memory of the plan.
  @Test("A wrong emitter is found: one rounding more", arguments: [("points", "fma(", "fma(1.0000001f * ")])
  func plantedFaults(mapping: String, from: String, to: String) throws {
    let test = try #require(MappingCase.all.first { $0.mapping == mapping })
    let device = try OpenCLHarness.device.get().separateCopy()
    defer { device.close() }
    let plan = try OpenCLHarness.plan(test.program(), fuses: true)
    #expect(try OpenCLExecutable.text(of: plan, on: device).contains(from))
    device.faults.withLock { $0.rewrite = (from, to) }
    let reason = try test.program().disagreement { program in
      try OpenCLExecutable(plan, on: device, cache: nil, schedulesFor: test.kind, filledBy: 64 << 10).run(
        program.inputs)
    }
    #expect(reason?.contains("differs") == true, "\(reason ?? "no difference")")
  }
}

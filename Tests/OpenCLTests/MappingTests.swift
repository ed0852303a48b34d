import Foundation
import KilnBackends
import KilnIR
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

@testable import KilnOpenCL

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

  func description(of device: OpenCLDevice) -> DeviceDescription {
    device.lowering(as: kind, filledBy: 64 << 10)
  }

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

  private static func convolution(_ result: String) -> String {
    "  %0: \(result) = convolution(%x, %y) {contract = [[3, 2]], windows = [[1, 0], [2, 1]], strides = [1, 1], "
      + "low = [1, 0], high = [1, 0]}\n  return %0"
  }

  /// At least one for each mapping, on a device that 64 · 1024 work items fill.
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
    // Two inner axes: rows of the window, and along them columns and channels.
    MappingCase(
      "tiles 2x2", .gpu, "%x: f32[2,6,20,3], %y: f32[3,3,3,17]", "f32[2,6,18,17]", convolution("f32[2,6,18,17]")),
    MappingCase(
      "register tiles", .cpu, "%x: f32[1,6,20,70], %y: f32[3,3,70,17]", "f32[1,6,18,17]",
      convolution("f32[1,6,18,17]")),
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
      let plan = try ExecutionPlan.compiled(program, for: test.description(of: device))
      let executable = try OpenCLExecutable(plan, on: device, cache: nil)
      #expect(executable.mappings.contains(test.mapping), "\(executable.mappings)")
      return try executable.run(program.inputs)
    }
    #expect(reason == nil)
  }

  @Test("S1: tuning tries what a launch may have, keeps the bits, and later programs take the fastest")
  func tuning() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kiln-tuning-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cache = try #require(ObjectCache(folder: folder))
    let device = try OpenCLHarness.device.get()
    for test in MappingCase.all where ["split rows", "row groups"].contains(test.mapping) {
      let program = try test.program()
      let plan = try ExecutionPlan.compiled(program, for: test.description(of: device))
      func executable() throws -> OpenCLExecutable {
        try OpenCLExecutable(plan, on: device, cache: cache, tuning: nil)
      }
      let first = try executable()
      let buffers = try program.inputs.map { value in
        try value.bytes.withUnsafeBytes { try DeviceBuffer(copying: $0, to: device) }
      }
      #expect(first.mappings.contains(test.mapping))
      let tuned = try first.tune(buffers, seconds: 60)
      #expect(tuned.contains { $0.measured.count > 1 && $0.measured[0].mapping == test.mapping })
      for launch in tuned {
        let least = launch.measured.map(\.nanoseconds).min()
        #expect(launch.measured.contains { $0.mapping == launch.chosen && $0.nanoseconds == least })
      }
      #expect(first.mappings == tuned.map(\.chosen))
      // What is kept decides, even where the clock would have chosen otherwise.
      for (tuning, launch) in zip(tuned, plan.launches) {
        guard let slowest = tuning.measured.max(by: { $0.nanoseconds < $1.nanoseconds }) else { continue }
        let kernel = plan.kernels[launch.kernel]
        let mapping = try #require(kernel.schedule.openCL?.candidates.first { $0.name == slowest.mapping })
        first.records?.record(mapping, kernel, launch.integers)
      }
      let second = try executable()
      let slowest = tuned.map { $0.measured.max { $0.nanoseconds < $1.nanoseconds }?.mapping ?? $0.chosen }
      #expect(second.mappings == slowest)
      for executable in [first, second] {
        let reason = program.disagreement { try executable.run($0.inputs) }
        #expect(reason == nil)
      }
    }
    #expect(cache.entries().count > 0)
  }

  @Test("KILN_TUNE: the first run tunes; a recorded mapping that no longer fits is ignored")
  func tuningOnFirstRun() throws {
    let test = try #require(MappingCase.all.first { $0.mapping == "split rows" })
    let folder = FileManager.default.temporaryDirectory.appending(path: "kiln-tuning-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cache = try #require(ObjectCache(folder: folder))
    let device = try OpenCLHarness.device.get()
    let plan = try ExecutionPlan.compiled(test.program(), for: test.description(of: device))
    let executable = try OpenCLExecutable(plan, on: device, cache: cache, tuning: 30)
    let records = try #require(executable.records)
    let (kernel, integers) = (plan.kernels[plan.launches[0].kernel], plan.launches[0].integers)
    #expect(records.mapping(kernel, integers) == nil)
    #expect(try test.program().disagreement { try executable.run($0.inputs) } == nil)
    #expect(records.mapping(kernel, integers)?.name == executable.mappings[0])
    records.record(.sortGroups, kernel, integers)
    #expect(records.mapping(kernel, integers) == nil)
  }

  @Test("The cases are all mappings that there are")
  func complete() throws {
    func tile(_ size: Int) -> TileShape {
      TileShape(itemRows: size, itemColumns: size, groupRows: 16, groupColumns: 16, treeLevels: 0)
    }
    let mappings: [WorkMapping] = [
      .points(strides: false), .points(strides: true), .rowGroups, .columnGroups, .sortGroups, .split(columns: false),
      .split(columns: true), .splitDot, .registerTiles(tile(4)), .tiles(tile(2)), .tiles(tile(4)), .tiles(tile(8)),
    ]
    #expect(Set(MappingCase.all.map(\.mapping)) == Set(mappings.map(\.name)))
  }

  /// A harness that finds nothing wrong with a wrong emitter would prove nothing. Other sizes of blocks are not such a
  /// fault: they would write beyond the memory of the plan.
  @Test(
    "A wrong emitter is found: one rounding more, the elements of a sum from the last to the first",
    arguments: [
      ("points", "fma(", "fma(1.0000001f * "),
      ("row groups", "= begin + lane; e < end; e += 32)", "= end - 1 - lane; e >= begin; e -= 32)"),
    ])
  func plantedFaults(mapping: String, from: String, to: String) throws {
    let test = try #require(MappingCase.all.first { $0.mapping == mapping })
    let device = try OpenCLHarness.device.get().separateCopy()
    defer { device.close() }
    let plan = try ExecutionPlan.compiled(test.program(), for: test.description(of: device))
    let text = try OpenCLExecutable.text(of: plan, on: device)
    #expect(text.contains(from))
    device.faults.withLock { $0.rewrite = (from, to) }
    let reason = try test.program().disagreement { program in
      try OpenCLExecutable(plan, on: device, cache: nil).run(program.inputs)
    }
    #expect(reason?.contains("differs") == true, "\(reason ?? "no difference")")
  }
}

import KilnBackends
import KilnIR
import KilnOpenCL
import KilnTesting
import Testing

/// Branches and loops give the reference's bits on the device.
@Suite("OpenCL: control flow", .enabled(if: OpenCLHarness.runs), .serialized)
struct ControlTests {
  @Test("S1: branches and loops, with the schedules of both kinds of devices", arguments: ControlPrograms.texts.indices)
  func agreement(_ number: Int) throws {
    let hasDouble = try OpenCLHarness.device.get().properties.hasDouble
    if !hasDouble && ControlPrograms.texts[number].text.contains("f64") { return }
    for seed in 0..<4 as Range<UInt64> {
      let program = try ControlPrograms.program(number, seed: seed)
      let kind: OpenCLDevice.Kind = seed % 2 == 0 ? .cpu : .gpu
      let backend = try Backend.openCL(OpenCLHarness.device.get(), as: kind, fuses: seed < 2)
      #expect(program.disagreement(on: backend) == nil, "\(ControlPrograms.names[number]), seed \(seed)")
    }
  }

  @Test("An index out of range in a loop that would not end stops it, with its line")
  func failure() throws {
    let text = """
      func @isAtHome(%i: i32[], %x: f32[2]) -> (bool[]) {
        %0: i32[] = constant() {value = 100}
        %1: bool[] = less(%i, %0)
        return %1
      }

      func @look(%i: i32[], %x: f32[2]) -> (i32[], f32[2]) {
        %0: i32[] = constant() {value = 7}
        %1: f32[] = gather(%x, %0) {axis = 0, bounds = check}
        %2: i32[] = convert(%1)
        return %2, %x
      }

      func @main(%x: f32[2]) -> (i32[]) {
        %0: i32[] = constant() {value = 0}
        %1: i32[], %2: f32[2] = while(%0, %x) {condition = @isAtHome, body = @look}
        return %1
      }
      """
    let module = try Module(parsing: text, file: "loop")
    let x = try TensorValue([0, 0] as [Float], shape: [2])
    let program = RandomProgram(module: module, entry: "main", inputs: [x])
    let backend = try Backend.openCL(OpenCLHarness.device.get(), as: .cpu)
    let error = #expect(throws: KilnError.self) { try program.run(on: backend) }
    #expect(error?.diagnostics.first?.label == "gather.R1")
    #expect(error?.diagnostics.first?.location == .position(file: "loop", line: 9, column: 3))
  }
}

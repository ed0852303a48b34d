import KilnIR
import KilnPasses
import Testing

/// Convolutions, windows and overlapAdd with the schedules of both kinds of devices.
@Suite("OpenCL: convolutions and windows", .enabled(if: OpenCLHarness.runs), .serialized)
struct WindowTests {
  /// The parameters, the result and the body of a function.
  private static let programs: [(name: String, header: String, body: String)] = [
    (
      "same padding, two blocks", "(%x: f32[1,4,18,60], %k: f32[3,3,60,20]) -> (f32[1,4,18,20])",
      """
      %0: f32[1,4,18,20] = convolution(%x, %k) {contract = [[3, 2]], windows = [[1, 0], [2, 1]], strides = [1, 1], low = [1, 1], high = [1, 1]}
      """
    ),
    (
      "strides", "(%x: f32[2,9,8,3], %k: f32[3,2,3,5]) -> (f32[2,4,4,5])",
      """
      %0: f32[2,4,4,5] = convolution(%x, %k) {contract = [[3, 2]], windows = [[1, 0], [2, 1]], strides = [2, 2], low = [0, 0], high = [0, 0]}
      """
    ),
    (
      "dilated elements, more than 512 terms", "(%x: f32[1,5,300], %k: f32[3,300,4]) -> (f32[1,9,4])",
      """
      %0: f32[1,9,4] = convolution(%x, %k) {contract = [[2, 1]], windows = [[1, 0]], strides = [1], low = [1], high = [1], lhsDilation = [2]}
      """
    ),
    (
      "depthwise", "(%x: f32[1,6,7,19], %k: f32[3,3,19]) -> (f32[19,1,4,5])",
      """
      %0: f32[19,1,4,5] = convolution(%x, %k) {batch = [[3, 2]], contract = [], windows = [[1, 0], [2, 1]], strides = [1, 1], low = [0, 0], high = [0, 0]}
      """
    ),
    (
      "overlapping max pool", "(%x: f32[1,9,9,18]) -> (f32[1,4,4,18])",
      """
      %1: f32[1,4,4,18,3,3] = windows(%x) {axes = [1, 2], sizes = [3, 3], strides = [2, 2], dilations = [1, 1]}
      %0: f32[1,4,4,18] = reduce(%1) {kind = max, axes = [4, 5]}
      """
    ),
    (
      "sum of 49 taps", "(%x: f32[2,7,7,33]) -> (f32[2,1,1,33])",
      """
      %1: f32[2,1,1,33,7,7] = windows(%x) {axes = [1, 2], sizes = [7, 7], strides = [1, 1], dilations = [1, 1]}
      %0: f32[2,1,1,33] = reduce(%1) {kind = sum, axes = [4, 5]}
      """
    ),
  ]

  @Test("S1 D3 R5: the reference's bits, with pullbacks", arguments: programs.indices)
  func agreement(number: Int) throws {
    let program = Self.programs[number]
    let text = "func @f\(program.header) {\n\(program.body)\nreturn %0\n}"
    var module = try Module(parsing: text, file: "windows.kiln")
    let parameters = Array(module.functions[0].parameters.indices)
    let derived = try Differentiation.vjp(of: "f", in: module, withRespectTo: parameters)
    module = try Pipeline.default(for: derived.name).run(derived.module)
    let function = try #require(module[derived.name])
    let inputs = try function.parameters.enumerated().map { try hardValues($1.type, seed: UInt64($0 + 5)) }
    try OpenCLHarness.expectReferenceBits(function, inputs)
  }
}

import KilnBackends
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// A stage that reduces and stores may lie over what it reads: however often a schedule walks over the elements, it
/// reads none that it has overwritten.
@Suite("Results over operands")
struct OverwritingTests {
  /// Reductions of `%1`, which the same kernel stores over `%0`.
  static let reductions: [[String]] = [
    ["reduce(%1) {kind = sum"], ["reduce(%1) {kind = max"], ["argReduce(%1) {kind = max"],
    ["argReduce(%1) {kind = min"],
    ["argReduce(%1) {kind = max", "reduce(%1) {kind = sum"], ["reduce(%1) {kind = min", "argReduce(%1) {kind = min"],
    ["reduce(%1) {kind = sum", "argReduce(%1) {kind = max", "reduce(%1) {kind = product"],
  ]

  private static func program(_ reductions: [String], _ shape: [Int], _ axis: Int, _ dtype: DType) throws
    -> RandomProgram
  {
    let full = TensorType(dtype, Shape(shape))
    var kept = shape
    kept.remove(at: axis)
    let row = Shape(kept)
    var results = [TensorType(full.dtype, full.shape)]
    var lines = [
      "%0: \(full) = scanReduce(%p0) {kind = sum, axis = \(axis), reverse = false}", "%1: \(full) = multiply(%0, %0)",
    ]
    for (number, reduction) in reductions.enumerated() {
      let isIndex = reduction.hasPrefix("argReduce")
      let type = TensorType(isIndex ? .i32 : dtype, row)
      results.append(type)
      lines.append("%\(number + 2): \(type) = \(reduction), \(isIndex ? "axis = \(axis)" : "axes = [\(axis)]")}")
    }
    let values = results.indices.map { "%\($0 + 1)" }.joined(separator: ", ")
    let text = """
      func @main(%p0: \(full)) -> (\(results.map(\.description).joined(separator: ", "))) {
        \(lines.joined(separator: "\n  "))
        return \(values)
      }
      """
    var random = SplitMix64(seed: UInt64(shape.reduce(axis, +)))
    let bytes = (0..<full.shape.elementCount).flatMap { _ in
      let element = Scalar(Int32.random(in: -3...3, using: &random)).converted(to: dtype)
      return withUnsafeBytes(of: element.bits.littleEndian) { $0.prefix(dtype.byteCount) }
    }
    let input = try TensorValue(full, bytes: bytes)
    return RandomProgram(module: try Module(parsing: text, file: "over"), entry: "main", inputs: [input])
  }

  @Test("S1: reduced and stored in one kernel", arguments: [DType.f32, .f64, .i32, .u64])
  func agreement(dtype: DType) throws {
    var overwritten = 0
    for (shape, axis) in [([5, 68], 0), ([700, 9], 0), ([9, 700], 1), ([3, 40, 17], 1), ([2, 3000], 1)] {
      for reductions in Self.reductions {
        let program = try Self.program(reductions, shape, axis, dtype)
        let plan = try ExecutionPlan.compiled(program)
        overwritten += plan.memory.inPlace.isEmpty ? 0 : 1
        let reason = program.disagreement(on: .processor())
        #expect(reason == nil, "\(dtype) \(shape), axis \(axis): \(reductions)")
      }
    }
    // Or the test would not be about what it says.
    #expect(overwritten >= 30)
  }
}

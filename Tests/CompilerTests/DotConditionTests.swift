import KilnBackends
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Tiles whose products no result depends on are not computed; bits do not change (D1).
@Suite("Products that a mask hides")
struct DotConditionTests {
  /// The body behind `%0`, the dot, with the mask `%m`, and whether the mask decides.
  private static let bodies: [(lines: [String], decides: Bool)] = [
    (["%1: T = select(%m, %0, %c)"], true),
    (["%1: T = select(%m, %c, %0)"], true),
    (["%a: T = multiply(%0, %0)", "%b: T = negate(%a)", "%d: T = select(%m, %b, %c)", "%1: T = add(%d, %c)"], true),
    (["%n: M = not(%m)", "%1: T = select(%n, %0, %c)"], true),
    (["%a: T = select(%m, %0, %c)", "%1: T = add(%a, %0)"], false),
    (["%1: T = add(%0, %c)"], false),
    (["%n: M = less(%0, %c)", "%1: T = select(%n, %0, %c)"], false),
    (["%1: T = select(%m, %0, %0)"], false),
  ]

  private static func program(
    _ dtype: DType, _ lines: [String], batches: Int, rows: Int, columns: Int, terms: Int, hides: Int
  ) throws -> RandomProgram {
    let result = TensorType(dtype, [batches, rows, columns])
    let mask = TensorType(.bool, [rows, columns])
    let (left, right) = (TensorType(dtype, [batches, rows, terms]), TensorType(dtype, [batches, terms, columns]))
    let wide = TensorType(.bool, result.shape)
    let body = lines.joined(separator: "\n  ").replacing(": T", with: ": \(result)").replacing(": M", with: ": \(wide)")
    let text = """
      func @main(%x: \(left), %y: \(right), %k: \(mask), %s: \(TensorType(dtype, []))) -> (\(result)) {
        %0: \(result) = dot(%x, %y) {batch = [[0, 0]], contract = [[2, 1]]}
        %m: \(wide) = broadcast(%k) {axes = [1, 2]}
        %c: \(result) = broadcast(%s) {axes = []}
        \(body)
        return %1
      }
      """
    var random = SplitMix64(seed: UInt64(rows * columns))
    func value(_ type: TensorType) throws -> TensorValue {
      let bytes = (0..<type.shape.elementCount).flatMap { index -> [UInt8] in
        if type.dtype == .bool { return [index / columns + hides > index % columns ? 1 : 0] }
        let number = Double(Int.random(in: -9...9, using: &random))
        let element = Scalar(type.dtype, type.dtype.isReal && index % 17 == 3 ? Double.infinity : number)
        return withUnsafeBytes(of: element.bits.littleEndian) { Array($0.prefix(type.dtype.byteCount)) }
      }
      return try TensorValue(type, bytes: bytes)
    }
    return RandomProgram(
      module: try Module(parsing: text, file: "mask"), entry: "main",
      inputs: try [left, right, mask, TensorType(dtype, [])].map(value))
  }

  @Test("D1: whatever the mask hides, the bits are the reference's", arguments: bodies.indices)
  func agreement(number: Int) throws {
    let (lines, decides) = Self.bodies[number]
    for (dtype, batches, rows, columns, terms, hides) in [
      (DType.f32, 2, 25, 50, 64, 1), (.f64, 1, 13, 33, 16, -9), (.i32, 3, 6, 17, 40, 5), (.f32, 1, 30, 70, 20, -100),
      (.f32, 1, 30, 70, 20, 100), (.f32, 1, 7, 9, 3, 1), (.f32, 1, 20, 40, 600, 1),
    ] {
      let program = try Self.program(
        dtype, lines, batches: batches, rows: rows, columns: columns, terms: terms, hides: hides)
      let plan = try ExecutionPlan.compiled(program.module, program.entry)
      let conditions = plan.kernels.filter { $0.definition.contraction != nil }.map { $0.definition.dotCondition }
      #expect(conditions.count == 1 && (conditions[0] != nil) == decides, "\(plan)")
      #expect(program.disagreement(on: .processor()) == nil, "\(dtype) \(rows) × \(columns)")
    }
  }
}

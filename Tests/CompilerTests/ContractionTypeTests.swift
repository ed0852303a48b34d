import KilnBackends
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Products of all integers and of narrower operands have the register tiles of f32 and f64: around the edges of
/// vectors and blocks, against the interpreter.
@Suite("Contractions of all dtypes")
struct ContractionTypeTests {
  private static let integers: [DType] = [.i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64]

  /// Products and convolutions of `terms` terms, as they lie in memory and transposed.
  private static func module(_ t: DType, terms k: Int) throws -> Module {
    try Module(
      parsing: """
        func @main(%x: \(t)[7,\(k)], %w: \(t)[\(k),37], %u: \(t)[3,\(k),5], %v: \(t)[3,66,\(k)], %b: \(t)[37], \
        %i: \(t)[2,6,5,\(k)], %f: \(t)[3,2,\(k),9], %d: \(t)[3,2,\(k)]) \
        -> (\(t)[7,37], \(t)[3,5,66], \(t)[37], \(t)[2,4,4,9], \(t)[66,66], \(t)[], \(t)[2,4,4,\(k)]) {
          %0: \(t)[7,37] = dot(%x, %w) {batch = [], contract = [[1, 0]]}
          %1: \(t)[7,37] = broadcast(%b) {axes = [1]}
          %2: \(t)[7,37] = add(%0, %1)
          %3: \(t)[3,5,66] = dot(%u, %v) {batch = [[0, 0]], contract = [[1, 2]]}
          %4: \(t)[1,\(k)] = slice(%x) {start = [0, 0], limit = [1, \(k)], stride = [1, 1]}
          %5: \(t)[\(k)] = reshape(%4)
          %6: \(t)[37] = dot(%5, %w) {batch = [], contract = [[0, 0]]}
          %7: \(t)[2,4,4,9] = convolution(%i, %f) {contract = [[3, 2]], windows = [[1, 0], [2, 1]], \
        strides = [1, 1], low = [0, 0], high = [0, 0]}
          %8: \(t)[66,66] = dot(%v, %v) {batch = [], contract = [[0, 0], [2, 2]]}
          %9: \(t)[] = dot(%5, %5) {batch = [], contract = [[0, 0]]}
          %10: \(t)[2,4,4,\(k)] = convolution(%i, %d) {batch = [[3, 2]], contract = [], \
        windows = [[1, 0], [2, 1]], strides = [1, 1], low = [0, 0], high = [0, 0], \
        result = [1, 2, 3, 0]}
          return %2, %3, %6, %7, %8, %9, %10
        }
        """, file: "case")
  }

  @Test("integers wrap in their own type: the interpreter's bits on one, two and three threads", arguments: integers)
  func agreement(dtype: DType) throws {
    for terms in dtype == .i32 ? [0, 1, 2, 3, 31, 32, 33, 511, 512, 513] : [0, 2, 33, 512] {
      try expectAgreement(Self.module(dtype, terms: terms), "\(dtype), \(terms) terms")
    }
  }

  /// Products in `t` of operands that lie in memory as `s`, one row and several, as they lie and transposed.
  private static func widened(_ s: DType, _ t: DType, terms k: Int) throws -> Module {
    try Module(
      parsing: """
        func @main(%x: \(s)[1,\(k)], %w: \(s)[37,\(k)], %y: \(s)[\(k),17], %v: \(s)[\(k),37], %u: \(s)[9,\(k)], \
        %q: \(s)[37,\(k)], %o: \(s)[1,\(k)], %z: \(s)[\(k),32], %p: \(s)[1,\(k)]) \
        -> (\(s)[1,37], \(t)[17,37], \(t)[9,37], \(t)[1,32], \(t)[1,1]) {
          %0: \(t)[1,\(k)] = convert(%x)
          %1: \(t)[37,\(k)] = convert(%w)
          %2: \(t)[1,37] = dot(%0, %1) {batch = [], contract = [[1, 1]]}
          %3: \(s)[1,37] = convert(%2)
          %4: \(s)[17,\(k)] = transpose(%y) {permutation = [1, 0]}
          %5: \(t)[17,\(k)] = convert(%4)
          %6: \(t)[\(k),37] = convert(%v)
          %7: \(t)[17,37] = dot(%5, %6) {batch = [], contract = [[1, 0]]}
          %8: \(t)[9,\(k)] = convert(%u)
          %9: \(t)[37,\(k)] = convert(%q)
          %10: \(t)[9,37] = dot(%8, %9) {batch = [], contract = [[1, 1]]}
          %11: \(t)[1,\(k)] = convert(%o)
          %12: \(t)[\(k),32] = convert(%z)
          %13: \(t)[1,32] = dot(%11, %12) {batch = [], contract = [[1, 0]]}
          %14: \(t)[1,\(k)] = convert(%p)
          %15: \(t)[1,1] = dot(%14, %14) {batch = [], contract = [[1, 1]]}
          return %3, %7, %10, %13, %15
        }
        """, file: "case")
  }

  private static let wider: [(DType, DType)] = [
    (.f16, .f32), (.bf16, .f32), (.f32, .f64), (.i8, .i32), (.u8, .i32), (.i16, .i64), (.u8, .u16),
  ]

  @Test("D2: operands are widened on the way into the tiles", arguments: wider)
  func widening(stored: DType, dtype: DType) throws {
    for terms in stored == .f16 ? [0, 1, 2, 3, 31, 32, 33, 511, 512, 513] : [0, 2, 33, 513] {
      try expectAgreement(Self.widened(stored, dtype, terms: terms), "\(stored) in \(dtype), \(terms) terms")
    }
  }

  @Test("a conversion that a product alone reads has no kernel")
  func adoption() throws {
    func labels(_ text: String) throws -> [String] {
      try ExecutionPlan.compiled(Module(parsing: text, file: "case")).launches.map(\.label)
    }
    func program(_ stored: DType, _ result: String, _ last: String) -> String {
      """
      func @main(%x: f32[7,40], %w: \(stored)[40,24]) -> (f32[7,24]\(result)) {
        %0: f32[40,24] = convert(%w)
        %1: f32[7,24] = dot(%x, %0) {batch = [], contract = [[1, 0]]}
        return %1\(last)
      }
      """
    }
    #expect(try labels(program(.bf16, "", "")) == ["convert+dot"])
    #expect(try labels(program(.i8, "", "")) == ["convert", "dot"])
    #expect(try labels(program(.bf16, ", f32[40,24]", ", %0")) == ["convert", "dot"])
  }

  private func expectAgreement(_ module: Module, _ name: String) throws {
    let function = try #require(module.functions.last)
    var random = SplitMix64(seed: 5)
    let inputs = try function.parameters.map { try random.tensor($0.type) }
    let program = RandomProgram(module: module, entry: function.name, inputs: inputs)
    for backend in [Backend.kernelReference(), .kernelReference(fuses: false), .processor()] {
      #expect(program.disagreement(on: backend) == nil, "\(name), \(backend)")
    }
  }

  @Test("no product of integers is computed element by element", arguments: integers)
  func schedules(dtype: DType) throws {
    let plan = try ExecutionPlan.compiled(Self.module(dtype, terms: 33))
    let dots = plan.kernels.filter { $0.definition.stages[0].effects.contains { $0.dot != nil } }
    let serial = dots.filter { $0.schedule == .cpu(.serial) }
    // That of two vectors has one result.
    #expect(dots.count >= 6 && serial.count == 1, "\(plan)")
  }
}

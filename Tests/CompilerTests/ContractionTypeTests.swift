import KilnBackends
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Products of integers have the register tiles of reals: every width and sign, around the edges of vectors and blocks.
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

  private func expectAgreement(_ module: Module, _ name: String) throws {
    let function = try #require(module.functions.last)
    var random = SplitMix64(seed: 5)
    let inputs = try function.parameters.map { try random.tensor($0.type) }
    let program = RandomProgram(module: module, entry: function.name, inputs: inputs)
    for backend in [Backend.kernelReference(), .processor()] {
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

import Kiln
import KilnBackends
import KilnCPU
import KilnIR
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

/// One program at ten sizes compiles nothing after the first (Decision 16), and has the interpreter's bits.
@Suite("Contractions of all sizes")
struct ContractionSizeTests {
  /// From more rows than any tile holds.
  private static let sizes = [17, 100, 18, 24, 31, 32, 33, 64, 70, 128]

  private static func numbers(_ shape: [Int]) -> Tensor<Float> { Tensor<Float>.zeros(shape) }

  /// The programs, traced at one size.
  private static let programs: [(name: String, trace: @Sendable (Int) throws -> Traced)] = [
    (
      "product with an epilogue",
      { n in
        try trace(numbers([n, 40]), numbers([40, 24]), numbers([24])) { x, w, b in relu(matmul(x, w) + b) }
      }
    ),
    (
      "product of transposed operands",
      { n in
        try trace(numbers([40, n]), numbers([24, 40])) { x, w in matmul(x.transposed(1, 0), w.transposed(1, 0)) }
      }
    ),
    (
      "sum over the size",
      { n in
        try trace(numbers([n, 40]), numbers([n, 24])) { x, y in matmul(x.transposed(1, 0), y) }
      }
    ),
    (
      "batches",
      { n in
        try trace(numbers([n, 20, 24]), numbers([n, 24, 40])) { x, y in tanh(matmul(x, y)) }
      }
    ),
    (
      "derivatives of two layers",
      { n in
        try trace([numbers([20, 40]), numbers([40, 24])], numbers([n, 20])) { p, x in
          let (loss, gradients) = valueAndGradient(at: p) { p in relu(matmul(relu(matmul(x, p[0])), p[1])).sum() }
          return gradients + [loss]
        }
      }
    ),
    (
      "convolution and its derivatives",
      { n in
        try trace(numbers([n, 6, 5, 3]), numbers([3, 3, 3, 8])) { x, k in
          let (loss, gradients) = valueAndGradient(at: [x, k]) { p in relu(conv2d(p[0], p[1])).sum() }
          return gradients + [loss]
        }
      }
    ),
  ]

  @Test("nothing is compiled after the first size", arguments: programs.indices)
  func sizes(program: Int) throws {
    let compiler = KernelCompiler(machine: try CPUMachine.shared.get(), cache: nil)
    var random = SplitMix64(seed: 3)
    var first = compiler.counts
    for size in Self.sizes {
      let traced = try Self.programs[program].trace(size)
      let function = try traced.module.require(traced.name)
      let inputs = try function.parameters.map { try random.tensor($0.type) }
      let plan = try ExecutionPlan.compiled(
        traced.module, traced.name, for: compiler.machine.description(threads: 2))
      let found = try CPUExecutable(plan, compiler: compiler, pool: Backend.pools[1]).run(inputs)
      let expected = try Backend.reference.run(traced.module, traced.name, inputs)
      #expect(zip(expected, found).allSatisfy { $0.isIdentical(to: $1) }, "size \(size)")
      if size == Self.sizes[0] { first = compiler.counts }
      #expect(first.compiled > 0 && first.sharedCompiled > 0)
      #expect(compiler.counts == first, "\(Self.programs[program].name), size \(size)")
    }
  }
}

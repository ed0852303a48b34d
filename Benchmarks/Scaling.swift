public import Kiln
public import KilnIR
import KilnPasses

/// What the compiler itself costs, against the size of the program: tracing, differentiating and simplifying must grow
/// in proportion to the operations, compiling in proportion to the distinct kernels.
public enum Scaling {
  /// Milliseconds of each step for a program of `operations` recorded operations.
  public struct Passes: Sendable {
    public let operations: Int
    public let trace: Double
    public let differentiate: Double
    public let simplify: Double
  }

  /// Milliseconds of the first call of a program of `kernels` kernels, no two of them equal.
  public struct Compilation: Sendable {
    public let kernels: Int
    public let compile: Double
  }

  /// Traces a chain of about `operations` operations, takes its gradient and simplifies the result.
  public static func passes(operations: Int) throws(KilnError) -> Passes {
    let x = Tensor<Float>.ones([16])
    let turns = operations / 6
    let (traced, traceTime) = try timed { () throws(KilnError) in
      try trace(x) { (x: Tensor<Float>) in
        var y = x
        for turn in 0..<turns { y = sin(y) * x + y * Float(turn) }
        return y.sum()
      }
    }
    let (derived, differentiateTime) = try timed { () throws(KilnError) in
      try Pass.valueAndGradient(of: traced.name, withRespectTo: [0]).run(traced.module)
    }
    let name = derived.functions[derived.functions.count - 1].name
    let (_, simplifyTime) = try timed { () throws(KilnError) in
      try Pipeline.default(for: name).run(derived, verifying: false)
    }
    return Passes(
      operations: traced.function.instructions.count, trace: traceTime, differentiate: differentiateTime,
      simplify: simplifyTime)
  }

  /// Compiles a program of about `kernels` reductions, each with a constant of its own, and runs it once.
  public static func compilation(kernels: Int) throws(KilnError) -> Compilation {
    let x = Tensor<Float>.ones([64, 48])
    let program = compile { (x: Tensor<Float>) in
      var y = x
      for number in 0..<kernels {
        let shift = (y * Float(number + 2)).sum(axes: [1], keepDims: true)
        y = y - shift.sum(axes: [0], keepDims: true) * 0.001
      }
      return y
    }
    let (_, time) = try timed { () throws(KilnError) in try program.run(x) }
    guard let module = program.report.entries.last?.module else { return Compilation(kernels: 0, compile: time) }
    return Compilation(kernels: try Lowered(module).plan.kernels.count, compile: time)
  }

  private static func timed<Result>(
    _ body: () throws(KilnError) -> Result
  ) throws(KilnError) -> (result: Result, milliseconds: Double) {
    let start = Stopwatch.now()
    let result = try body()
    return (result, Double(Stopwatch.now() - start) / 1e6)
  }
}

import KilnBackends
import KilnCPU
import KilnIR
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

/// What the emitter may and may not write (Numerics.md section 6).
@Suite("Emitted code")
struct EmittedCodeTests {
  /// Intrinsics and types that would leave the contract, or that a supported LLVM cannot compile.
  static let forbidden = [
    "fmuladd", "llvm.maximum", "llvm.minimum", "maxnum", "minnum", " frem ", "vector.reduce.f", "llvm.exp", "llvm.log",
    "llvm.sin", "llvm.cos", "llvm.pow", ".sat.", " half", "bfloat", " fast ", "reassoc", "contract ", "unsafe-fp-math",
  ]

  @Test("B1: no fast-math flag, no forbidden intrinsic, no 16-bit real type")
  func intrinsics() throws {
    let machine = try KernelCompiler.shared.get().machine
    let compiler = try machine.compiler()
    var seen: Set<CodeSource> = []
    for seed in stride(from: UInt64(0), to: 400, by: 5) {
      let plan = try ExecutionPlan.compiled(RandomProgram(seed: seed))
      let sources = plan.kernels.map { CodeSource.kernel($0) } + plan.sharedCode(on: machine).map { .shared($0) }
      for source in sources where seen.insert(source).inserted {
        let text = try KernelEmitter.text(of: source, compiler: compiler, assembly: false)
        for word in Self.forbidden { #expect(!text.contains(word), "\(word) in the code of seed \(seed)") }
      }
    }
    #expect(seen.count > 50)
  }

  @Test("B3: a processor without fused multiply-add is refused by name")
  func fusedMultiplyAdd() {
    let old = HostFeatures(cpu: "nehalem", features: "+sse4.2,-avx,-fma", vectorClass: .bits128)
    let error = #expect(throws: RuntimeError.self) { try old.requireFusedMultiplyAdd() }
    #expect(error?.message.contains("nehalem") == true && error?.message.contains("fused multiply-add") == true)
  }
}

import CAllocationCounter
import Kiln
import KilnIR
import KilnPasses
import Testing

/// Long chains and deep nests of calls neither overflow the stack nor leak.
@Suite("Depth", .serialized)
struct DepthTests {
  private static let chainLength = 10_000
  private static let nestingDepth = 1_000

  /// What `body` leaves behind when it runs again: nothing but what grows by itself in caches.
  private func expectNoLeak(_ body: () throws -> Void) rethrows {
    for _ in 0..<2 { try body() }
    let before = kiln_test_live_allocation_count()
    for _ in 0..<2 { try body() }
    let left = kiln_test_live_allocation_count() - before
    #expect(left < 100, "\(left) blocks of memory are left")
  }

  @Test func eagerChain() throws {
    let x = Tensor<Float>([1, 2])
    expectNoLeak {
      var y = x
      for _ in 0..<Self.chainLength { y = y + x }
      #expect(y.scalars == [Float(Self.chainLength + 1), Float(2 * Self.chainLength + 2)])
    }
  }

  @Test func tracedChain() throws {
    let x = Tensor<Float>([0.5, 0.25])
    try expectNoLeak {
      let traced = try trace(x) { (x: Tensor<Float>) in
        var y = x
        for _ in 0..<Self.chainLength { y = y * x + x }
        return y.sum()
      }
      let derived = try Pass.valueAndGradient(of: traced.name, withRespectTo: [0]).run(traced.module)
      let name = derived.functions[derived.functions.count - 1].name
      let simple = try Pipeline.default(for: name).run(derived, verifying: false)
      #expect(try #require(simple[name]).instructions.count > 2 * Self.chainLength)
    }
  }

  @Test func tracedChainRuns() throws {
    let x = Tensor<Float>([0.5, 0.25])
    let f = compile { (x: Tensor<Float>) in
      var y = x
      for _ in 0..<Self.chainLength { y = y * x + x }
      return y
    }
    var expected: [Float] = [0.5, 0.25]
    for _ in 0..<Self.chainLength { expected = zip(expected, x.scalars).map { $0 * $1 + $1 } }
    #expect(try f.run(x).scalars == expected)
  }

  @Test func nestedCalls() throws {
    try expectNoLeak {
      var module = Module()
      for level in 0..<Self.nestingDepth {
        var builder = FunctionBuilder("f\(level)", in: module)
        let x = builder.addParameter("x", TensorType(.f32, [2]))
        let inner = level == 0 ? x : try builder.emit(.control(.call(callee: "f\(level - 1)", captured: 0)), [x])[0]
        let sum = try builder.emitOne(.map(.add), [inner, x])
        try module.append(builder.finish([sum]))
      }
      let name = "f\(Self.nestingDepth - 1)"
      let x = AnyTensor(Tensor<Float>([1, 2]))
      let depth = Float(Self.nestingDepth)
      for device in [Device.reference, .current] {
        let result = try module.run(name, [x], on: device)[0]
        #expect(result.scalars(as: Float.self) == [depth + 1, 2 * depth + 2])
      }
    }
  }

  @Test func nestedCompiledFunctions() throws {
    func nested(_ depth: Int) -> Compiled<Tensor<Float>, Tensor<Float>> {
      guard depth > 0 else { return compile { (x: Tensor<Float>) in x + 1 } }
      let inner = nested(depth - 1)
      return compile { (x: Tensor<Float>) in inner(x) * 1.5 }
    }
    #expect(try nested(Self.nestingDepth).run(Tensor([0])).scalars == [.infinity])
  }
}

import Kiln
import KilnIR
import Testing

@Suite("Custom derivatives and checkpoints")
struct CustomDerivativeTests {
  let x = Tensor<Double>([0.5, -1.25, 2])

  @Test("a pullback serves reverse and forward mode, higher orders, and survives vmap and compile")
  func pullback() throws {
    let softPlus = withDerivative(
      { (x: Tensor<Double>) in log(1 + exp(x)) }, pullback: { at in at.cotangent * (1 - exp(-at.value)) })
    let logistic = 1 / (1 + exp(-x))
    #expect(softPlus(x).scalars == log(1 + exp(x)).scalars)
    #expect(gradient(at: x) { x in softPlus(x).sum() }.isClose(to: logistic, relativeTolerance: 1e-14))
    let (_, slope) = jvp(at: x, along: x) { x in softPlus(x) }
    #expect(slope.isClose(to: logistic * x, relativeTolerance: 1e-14))
    let second = hessianVectorProduct(at: x, along: Tensor<Double>([1, 1, 1])) { x in softPlus(x).sum() }
    #expect(second.isClose(to: logistic * (1 - logistic), relativeTolerance: 1e-13))
    let rows = vmap { (x: Tensor<Double>) in gradient(at: x) { x in softPlus(x) } }(x)
    #expect(rows.isClose(to: logistic, relativeTolerance: 1e-14))
    let f = compile { (x: Tensor<Double>) in gradient(at: x) { x in softPlus(x).sum() } }
    #expect(f(x).isClose(to: logistic, relativeTolerance: 1e-14))
    #expect(try checkGradients(at: x) { x in softPlus(x) }.passes)
  }

  @Test("several arguments, integers, captured tensors in the function and in its rules")
  func arguments() {
    let scale = Tensor<Double>(3)
    let factor = Tensor<Double>(10)
    let f = withDerivative(
      { (x: Tensor<Double>, i: Tensor<Int32>) in x.gathered(i) * scale },
      pullback: { at in (at.input.0 * 0 + at.cotangent.sum() * factor, at.input.1) })
    let i = Tensor<Int32>([0, 2])
    #expect(f(x, i).scalars == [1.5, 6])
    let (dx, di) = gradient(at: x, i) { x, i in f(x, i).sum() }
    #expect(dx.scalars == [20, 20, 20] && di.scalars == [0, 0])
    let outer = compile { (x: Tensor<Double>, s: Tensor<Double>) in
      let g = withDerivative({ (x: Tensor<Double>) in x * s }, pullback: { at in at.cotangent * s * 2 })
      return gradient(at: x) { x in g(x).sum() }
    }
    #expect(outer(x, scale).scalars == [6, 6, 6])
  }

  @Test("a tangent rule serves both modes")
  func tangent() {
    let f = withDerivative({ (x: Tensor<Double>) in x * x }, tangent: { at in at.input * at.tangent * 5 })
    #expect(jvp(at: x, along: x) { x in f(x) }.tangent.scalars == (x * x * 5).scalars)
    #expect(gradient(at: x) { x in f(x).sum() }.scalars == (x * 5).scalars)
  }

  @Test("a batching rule is used for its batch")
  func batching() {
    let f = withDerivative(
      { (x: Tensor<Double>) in x * x },
      pullback: { at in at.input * at.cotangent * 2 }, batched: { at in at.input * at.input + 1 })
    #expect(vmap { (x: Tensor<Double>) in f(x) }(x).scalars == (x * x + 1).scalars)
    #expect(f(x).scalars == (x * x).scalars)
    #expect(gradient(at: x) { x in vmap { (x: Tensor<Double>) in f(x) }(x).sum() }.scalars == (x * 2).scalars)
  }

  @Test("a rule that gives other types, and a derivative of a captured value, are labelled")
  func errors() {
    let f = withDerivative({ (x: Tensor<Double>) in x * x }, pullback: { at in at.input.sum() })
    let error = #expect(throws: KilnError.self) { try f.run(x) }
    #expect(error?.diagnostics.map(\.label) == ["withDerivative.C1"])
    let captured = #expect(throws: KilnError.self) {
      try withDiagnostics {
        _ = gradient(at: x) { x in
          withDerivative({ (y: Tensor<Double>) in y * x }, pullback: { at in at.cotangent })(x).sum()
        }
      }
    }
    #expect(captured?.diagnostics.map(\.label) == ["differentiate.C2"])
  }

  @Test("a checkpoint changes no value and no derivative, bit for bit")
  func checkpoints() {
    let w = Tensor<Double>([2, 0.5, -1])
    let block = checkpoint { (x: Tensor<Double>, w: Tensor<Double>) in tanh(x * w) + sin(x) }
    func plain(_ x: Tensor<Double>, _ w: Tensor<Double>) -> Tensor<Double> { tanh(x * w) + sin(x) }
    #expect(block(x, w).scalars == plain(x, w).scalars)
    let (dx, dw) = gradient(at: x, w) { x, w in block(block(x, w), w).sum() }
    let (gx, gw) = gradient(at: x, w) { x, w in plain(plain(x, w), w).sum() }
    #expect(dx.scalars == gx.scalars && dw.scalars == gw.scalars)
    #expect(
      hessian(at: x) { x in block(x, w).sum() }.isClose(
        to: hessian(at: x) { x in plain(x, w).sum() }, relativeTolerance: 1e-13))
    let rows = vmap({ (x: Tensor<Double>) in gradient(at: x) { x in block(x, Tensor<Double>(2)) } })(x)
    #expect(rows.scalars == gradient(at: x) { x in plain(x, Tensor<Double>(2)).sum() }.scalars)
  }

  @Test("a chain of checkpointed blocks needs less memory for its gradient")
  func checkpointMemory() throws {
    func chain(_ x: Tensor<Float>, _ w: Tensor<Float>, isCheckpointed: Bool) -> Tensor<Float> {
      @Sendable func block(_ x: Tensor<Float>, _ w: Tensor<Float>) -> Tensor<Float> {
        var x = x
        for _ in 0..<6 { x = tanh(matmul(x, w)) }
        return x
      }
      let stage = checkpoint { (x: Tensor<Float>, w: Tensor<Float>) in block(x, w) }
      var x = x
      for _ in 0..<6 { x = isCheckpointed ? stage(x, w) : block(x, w) }
      return x.sum()
    }
    let (x, w) = (Tensor<Float>.ones([64, 64]), Tensor<Float>.ones([64, 64]))
    func arena(_ isCheckpointed: Bool) throws -> Int {
      let program = try trace(x, w) { x, w in
        gradient(at: x, w) { x, w in chain(x, w, isCheckpointed: isCheckpointed) }
      }
      return try Lowered(program.module).plan.memory.arenaBytes
    }
    let (plain, checkpointed) = (try arena(false), try arena(true))
    print("arena of a chain of 36 layers: \(plain) bytes, checkpointed \(checkpointed)")
    #expect(checkpointed * 2 < plain)
  }
}

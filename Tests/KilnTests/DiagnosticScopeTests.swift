import Kiln
import KilnIR
import Testing

/// Where an error goes that cannot be thrown on the spot: to the innermost trace or `withDiagnostics` around it, whole.
@Suite("Errors stay inside")
struct DiagnosticScopeTests {
  let x = Tensor<Float>([1, 2])
  let v = Tensor<Float>([1, 2, 3])

  @Test("a compiled function that fails inside withDiagnostics is thrown at its end, with what comes after it")
  func compiledInScope() {
    let g = compile { [v] (x: Tensor<Float>) in x + v }
    let h = compile { [v] (x: Tensor<Float>) in (x * 2, x - v) }
    let lookUp = compile { (x: Tensor<Float>, i: Tensor<Int32>) in x.gathered(i) }
    let found = labels {
      let y = g(x)
      _ = y * 2 + y.sum()
      let (a, b) = h(x)
      _ = a + b
      _ = lookUp(x, Tensor<Int32>([7]))
      _ = x.sum(axes: [4])
    }
    #expect(found == ["broadcast.shapes", "broadcast.shapes", "gather.R1", "reduce.C1"])
  }

  @Test("an update that fails inside withDiagnostics leaves the state and is thrown")
  func updateInScope() {
    let step = compile { [v] (state: inout Tensor<Float>, x: Tensor<Float>) in
      state = state + x
      return x * v
    }
    var state = x
    #expect(labels { _ = step(updating: &state, x) * 2 } == ["broadcast.shapes"])
    #expect(state.scalars == [1, 2])
  }

  @Test("what cannot be called for another reason than its closure is thrown too")
  func otherReasons() {
    let f = compile(options: CompileOptions(limit: 1)) { (x: Tensor<Float>) in x * 2 }
    _ = f(x)
    let bad = labels {
      let y = f(v)
      #expect(y.shape == [3])
      _ = f(x + v)
    }
    #expect(bad == ["compile.limit", "broadcast.shapes", "tensor.invalid"])
  }

  @Test("the error of an inner compiled function is thrown by the outer one, with all others")
  func compiledInTrace() {
    let inner = compile { [v] (x: Tensor<Float>) in (x + v, x * 2) }
    let middle = compile { (x: Tensor<Float>) in inner(x).1 + x.sum(axes: [3]) }
    let step = compile { [v] (state: inout Tensor<Float>) in state = state - v }
    let outer = compile { (x: Tensor<Float>) in
      var state = x
      step(updating: &state)
      return middle(x) + state.reshaped(to: [5])
    }
    let error = #expect(throws: KilnError.self) { try outer.run(x) }
    #expect(
      error?.diagnostics.map(\.label) == ["broadcast.shapes", "broadcast.shapes", "reduce.C1", "reshape.C1"],
      "\(String(describing: error))")
  }

  @Test("every transform in withDiagnostics and in a trace notes what is wrong in its closure")
  func transforms() {
    let mistakes: [(String, (Tensor<Float>) -> Void)] = [
      ("gradient", { [v] x in _ = gradient(at: x) { x in (x + v).sum() } }),
      ("valueAndGradient", { [v] x in _ = valueAndGradient(of: { (x: Tensor<Float>) in (x + v).sum() })(x).value }),
      ("jvp", { [v] x in _ = jvp(at: x, along: x) { x in x + v }.tangent }),
      ("vjp", { [v] x in _ = vjp(at: x) { x in x + v }.pullback(x) }),
      ("vmap", { [v] x in _ = vmap { (x: Tensor<Float>) in x.reshaped(to: [2]) + v }(x) }),
      ("jacobian", { [v] x in _ = jacobian(at: x) { x in x + v } }),
      ("hessian", { [v] x in _ = hessian(at: x) { x in (x + v).sum() } }),
      ("checkpoint", { [v] x in _ = checkpoint { (x: Tensor<Float>) in x + v }(x) }),
      ("withDerivative", { [v] x in _ = withDerivative { (x: Tensor<Float>) in x + v }(x) }),
      (
        "cond",
        { [v] x in
          _ = cond(x.sum() .> 0) {
            x + v
          } else: {
            x
          }
        }
      ),
      ("whileLoop", { [v] x in _ = whileLoop(x, condition: { x in x.sum() .< 9 }, body: { x in x + v }) }),
      ("scan", { [v] x in _ = scan(x, length: 3) { x in (x + v, x) } }),
      ("fori", { [v] x in _ = fori(0..<3, x) { _, x in x + v } }),
    ]
    for (name, mistake) in mistakes {
      #expect(labels { mistake(x) }.contains { $0 == "broadcast.shapes" || $0 == "reshape.C1" }, "\(name)")
      let error = #expect(throws: KilnError.self, "\(name) in a trace") {
        try trace(x) { x in
          mistake(x)
          return x
        }
      }
      #expect(error?.diagnostics.isEmpty == false)
      let text = caught { mistake(x) }
      #expect(text.contains("Tests/KilnTests/DiagnosticScopeTests.swift:"), "\(name): \(text)")
    }
  }

  @Test("withDiagnostics inside a trace throws what happens inside of it, and the trace goes on")
  func scopeInTrace() throws {
    let program = try trace(x) { [v] x in
      let safe = try? withDiagnostics { x + v }
      #expect(safe == nil)
      #expect(labels { _ = gradient(at: x) { x in (x + v).sum() } } == ["broadcast.shapes"])
      #expect(labels { _ = x.sum().item } == ["trace.C3"])
      return safe ?? x * 2
    }
    #expect(try program.run([AnyTensor(x)]).map { Tensor<Float>($0)?.scalars } == [[2, 4]])
  }

  @Test("a failed tensor that leaves its withDiagnostics says why at its next use")
  func leavesScope() {
    nonisolated(unsafe) var bad = x
    _ = labels { bad = x + v }
    let text = caught { _ = bad * 2 }
    #expect(text.contains("[tensor.invalid]") && text.contains("do not broadcast"))
    let error = #expect(throws: KilnError.self) { try trace(x) { x in x + bad } }
    #expect(error?.diagnostics.map(\.label) == ["tensor.invalid"])
  }

  @Test("withDiagnostics inside another one keeps its own; a mistake in a loop is reported once")
  func nested() {
    let found = labels {
      #expect(labels { _ = x + v } == ["broadcast.shapes"])
      for _ in 0..<100 { _ = x.reshaped(to: [9]) }
    }
    #expect(found == ["reshape.C1"])
  }

  @Test("an element of a traced tensor is not a number")
  func noNumber() {
    let error = #expect(throws: KilnError.self) {
      try trace(x, Tensor<Int32>([1])) { x, i in
        #expect(x.sum().item.isNaN && "\(x.sum().item)" == "nan" && i.item == 0)
        var y = x
        while y.sum().item < 100 { y = y * 2 }
        return y
      }
    }
    #expect(error?.diagnostics.map(\.label) == ["trace.C3", "trace.C3", "trace.C3", "trace.C3"])
  }

  private func caught(_ body: () -> Void) -> String {
    do {
      try withDiagnostics(body)
      return ""
    } catch {
      return "\(error)"
    }
  }
}

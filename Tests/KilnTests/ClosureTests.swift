import Kiln
import KilnIR
import Testing

private struct Mine: Error, Equatable { var code: Int }

private func failing(_ x: Tensor<Float>) throws(Mine) -> Tensor<Float> { throw Mine(code: 7) }
private func checked(_ x: Tensor<Float>) throws -> Tensor<Float> {
  if x.dimensions.contains(0) { throw Mine(code: x.rank) }
  return x * 2
}

@Suite("Closures")
struct ClosureTests {
  let x = Tensor([1, 2, 3])
  let empty = Tensor<Float>.zeros([0])

  @Test("labelled pairs are results like others, in every function that takes a closure")
  func labelledPairs() throws {
    let top = compile { (x: Tensor<Float>) in x.topK(2) }
    #expect(top(x).0.scalars == [3, 2] && top(x).1.scalars == [2, 1])
    let value = compile { (x: Tensor<Float>) in valueAndGradient(at: x) { x in (x * x).sum() } }
    #expect(value(x).0.item == 14 && value(x).1.scalars == [2, 4, 6])
    let named = compile { (x: Tensor<Float>) in
      let y = x + 1
      return (first: y, second: y * 2)
    }
    #expect(named(x).1.scalars == [4, 6, 8])
    let update = compile { (x: inout Tensor<Float>) in
      x = x + 1
      return (low: x.min(), high: x.max())
    }
    var state = x
    let (low, high) = update(updating: &state)
    #expect(low.item == 2 && high.item == 4 && state.scalars == [2, 3, 4])
    let pair = jvp(at: x, along: x) { x in (value: x * x, sum: x.sum()) }
    #expect(pair.tangent.0.scalars == [2, 8, 18] && pair.tangent.1.item == 6)
    let (_, rows) = vmap { (x: Tensor<Float>) in (a: x, b: x * 2) }(x)
    #expect(rows.scalars == [2, 4, 6])
    let (best, _) = cond(x.sum() .> 0) {
      x.topK(1)
    } else: {
      x.topK(1)
    }
    #expect(best.scalars == [3])
    #expect(try trace(x) { x in (a: x, b: x) }.function.results.count == 2)
  }

  @Test("eight parameters, updates that give nothing, four results")
  func arities() {
    let sum = compile {
      (
        a: Tensor<Float>, b: Tensor<Float>, c: Tensor<Float>, d: Tensor<Float>, e: Tensor<Float>, f: Tensor<Float>,
        g: Tensor<Float>, h: Tensor<Float>
      ) in
      (a + b, c + d, e + f, g * h)
    }
    let (_, _, _, last) = sum(x, x, x, x, x, x, x, x)
    #expect(last.scalars == [1, 4, 9])
    let step = compile { (x: inout Tensor<Float>, rate: Tensor<Float>) in x = x - rate * x }
    var state = x
    step(updating: &state, 0.5)
    #expect(state.scalars == [0.5, 1, 1.5])
  }

  @Test("what a closure throws comes out as itself where the closure runs at every call")
  func rethrowing() throws {
    #expect(throws: Mine(code: 7)) { try gradient(at: x) { x in try failing(x).sum() } }
    #expect(throws: Mine(code: 7)) { try valueAndGradient(at: x, x) { x, y in try failing(x * y).sum() } }
    #expect(throws: Mine(code: 7)) { try jvp(at: x, along: x, of: failing) }
    #expect(throws: Mine(code: 7)) { try vjp(at: [x]) { x in try failing(x[0]) } }
    #expect(throws: Mine(code: 7)) { try jacobian(at: x, of: failing) }
    #expect(throws: Mine(code: 7)) { try hessian(at: x, of: failing) }
    #expect(throws: Mine(code: 7)) { try hessianVectorProduct(at: x, along: x, of: failing) }
    #expect(throws: Mine(code: 7)) { try vmap(failing)(x) }
    #expect(throws: Mine(code: 7)) { try checkpoint(failing)(x) }
    #expect(throws: Mine(code: 7)) { try gradient(of: failing)(x) }
    #expect(throws: Mine(code: 7)) { try fori(0..<2, x) { _, x in try failing(x) } }
    #expect(throws: Mine(code: 7)) { try scan(x, over: x) { s, x in (try failing(s), x) } }
    #expect(throws: Mine(code: 7)) {
      try whileLoop(x) { x in
        x.sum() .> 0
      } body: { x in
        try failing(x)
      }
    }
    #expect(throws: Mine(code: 7)) {
      try cond(x.sum() .> 0) {
        try failing(x)
      } else: {
        x
      }
    }
    // The type of the error is kept: no other can be thrown.
    do throws(Mine) { _ = try gradient(at: x, of: failing) } catch { #expect(error.code == 7) }
    // A closure that does not throw this time gives its value, and the next trace does not suffer from the one that
    // ended.
    let slope = try gradient(at: x) { x in try checked(x).sum() }
    #expect(slope.scalars == [2, 2, 2])
  }

  @Test("trace.C6: what a compiled closure throws is the cause of run's error, and nothing is kept of it")
  func compiledThrows() throws {
    let f = compile { (x: Tensor<Float>) in try checked(x) + 1 }
    let error = #expect(throws: KilnError.self) { try f.run(empty) }
    #expect(error?.diagnostics.map(\.label) == ["trace.C6"] && error?.cause as? Mine == Mine(code: 1))
    #expect(error?.description.contains("ClosureTests.swift") == true && error?.description.contains("Mine") == true)
    #expect(try f.run(x).scalars == [3, 5, 7])
    #expect(f.report.entries.count == 1)
    let update = compile { (x: inout Tensor<Float>) in x = try checked(x) }
    var state = empty
    let other = #expect(throws: KilnError.self) { try update.run(updating: &state) }
    #expect(other?.cause as? Mine == Mine(code: 1))
    #expect(throws: KilnError.self) { try trace(x) { x in try failing(x) } }
    // Through a transform inside, and through a compiled function inside another.
    let nested = compile { (x: Tensor<Float>) in try gradient(at: x) { x in try failing(x).sum() } }
    #expect((#expect(throws: KilnError.self) { try nested.run(x) })?.cause as? Mine == Mine(code: 7))
    let outer = compile { (x: Tensor<Float>) in try f.run(x) * 2 }
    let inner = #expect(throws: KilnError.self) { try outer.run(empty) }
    #expect(inner?.diagnostics.map(\.label) == ["trace.C6"])
    #expect((inner?.cause as? KilnError)?.cause as? Mine == Mine(code: 1))
  }

  @Test("functions made of functions are captured by compiled closures")
  func captured() {
    let rows = vmap { (x: Tensor<Float>) in x * x }
    let slope = gradient(of: { (x: Tensor<Float>) in (x * x).sum() })
    let (_, pullback) = vjp(at: x) { x in x * x }
    // Their functions have the same names as others of the program.
    let (_, other) = vjp(at: x) { x in x * x * x }
    let both = compile { (x: Tensor<Float>) in pullback(x) + other(x) + pullback(x) }
    #expect(both(x).scalars == [7, 40, 117])
    let block = checkpoint { (x: Tensor<Float>) in x + 1 }
    let f = compile { (x: Tensor<Float>) in rows(x) + slope(x) + pullback(x) + block(x) }
    #expect(f(x).scalars == [7, 19, 37])
  }

  @Test("array literals of tensors; tensor.C2 for ragged ones and numbers beside lists")
  func arrayLiterals() {
    let y: Tensor<Float> = [1, 0, -1.5]
    let z: Tensor<Int32> = [[[1], [2]], [[3], [4]]]
    let p: Tensor<Bool> = [[true, false]]
    let none: Tensor<Float> = []
    let rows: Tensor<Double> = [[], []]
    #expect(y.scalars == [1, 0, -1.5] && z.dimensions == [2, 2, 1] && z.scalars == [1, 2, 3, 4])
    #expect(p.dimensions == [1, 2] && p.scalars == [true, false])
    #expect(none.dimensions == [0] && rows.dimensions == [2, 0])
    #expect((x * [1, 2, 3]).scalars == [1, 4, 9])
    #expect(Tensor<Int32>([]).dimensions == [0] && Tensor<Float>([]).dimensions == [0])
    #expect(Tensor<Float>([[]]).dimensions == [1, 0])
    func ragged() { let _: Tensor<Float> = [[1, 2], [3]] }
    func mixed() { let _: Tensor<Float> = [[1, 2], 3] }
    func deep() { let _: Tensor<Float> = [[[1], [2]], [[3], 4]] }
    #expect(labels(ragged) == ["tensor.C2"] && labels(mixed) == ["tensor.C2"] && labels(deep) == ["tensor.C2"])
    let weighted = compile { (x: Tensor<Float>) in x * [1, 2, 3] }
    #expect(weighted(x).scalars == [1, 4, 9])
  }
}

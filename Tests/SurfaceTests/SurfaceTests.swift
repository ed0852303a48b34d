import Foundation
import KilnTesting
import Testing

/// The compiler's side of the surface: what people type is checked quickly, what is wrong gets a sentence.
@Suite("Surface")
struct SurfaceTests {
  /// Type-checks `lines` and gives what is said, by line.
  private func findings(_ lines: [String], limit: Int? = nil) throws -> [(line: String, said: [Compiler.Finding])] {
    let head = Formulas.prologue + "func lines(\(Formulas.parameters)) throws {\n"
    let first = head.split(separator: "\n", omittingEmptySubsequences: false).count
    let found = try Compiler.findings(in: head + lines.joined(separator: "\n") + "\n}\n", limit: limit)
    return lines.enumerated().map { index, line in (line, found.filter { $0.line == first + index }) }
      + [("outside of the lines", found.filter { $0.line < first || $0.line >= first + lines.count })]
  }

  @Test("formulas in untyped closures take less than 300 ms each, and none becomes ()")
  func formulas() throws {
    let all = ProcessInfo.processInfo.environment["KILN_SURFACE"] == "all"
    let lines = Formulas.lines(every: all ? 1 : 5)
    #expect(lines.count >= 60)
    for (line, said) in try findings(lines, limit: 300) { #expect(said.isEmpty, "\(line): \(said)") }
  }

  @Test("closures of every kind check without a warning")
  func closures() throws {
    let lines = [
      "let a0 = compile { (x: F) in labelled(x) }; let _: (F, F) = a0(x)",
      "let a1 = compile { (x: F) in let z = x * 2; return labelled(z) }; let _: (F, F) = a1(x)",
      "let a2 = compile { (x: F) in x.topK(2) }; let _: (F, Tensor<Int32>) = a2(x)",
      "let a3 = compile { (x: F) in valueAndGradient(at: x) { x in x.sum() } }; let _: (F, F) = a3(x)",
      "let a4 = compile { (x: F) in scan(F(0), over: x) { s, x in (s + x, x) } }; let _: (F, F) = a4(x)",
      "let a5 = compile { (x: F) in (first: x + 1, second: x * 2) }; let _: (F, F) = a5(x)",
      "let a6 = compile { (x: F) in (x, x, x) }; let _: (F, F, F) = a6(x)",
      "let a7 = compile { (x: F) in (x, [x], m, x) }; let _: (F, [F], Model, F) = a7(x)",
      "let a8 = compile { (m: inout Model, x: F) in m.w = m.w * 2 }; let _: CompiledUpdate<Model, Void, F> = a8",
      "let a9 = compile { (m: inout Model, x: F) in m.w = m.w * 2; return labelled(x) }; let _: CompiledUpdate<Model, (F, F), F> = a9",
      "let b0 = compile { (a: F, b: F, c: F, d: F, e: F, f: F, g: F, h: F) in a + b + c + d + e + f + g + h }; _ = b0",
      "let b1 = compile { (x: F, train: Static<Bool>) in train.value ? x : x * 2 }; _ = b1",
      "let b2 = compile { (x: F) in try thrown(x) * 2 }; _ = try b2.run(x)",
      "let b3 = compile { (x: F) in let z = try thrown(x); return (z, z) }; _ = try b3.run(x)",
      "_ = try gradient(at: x) { x in try thrown(x).sum() }",
      "_ = try valueAndGradient(at: x, y) { x, y in try thrown(x * y).sum() }",
      "_ = try vjp(at: m) { m in try thrown(m.w) }",
      "_ = try vmap { (x: F) in try thrown(x) }(x)",
      "_ = try fori(0..<2, x) { _, x in try thrown(x) }",
      "_ = try scan(x, over: x) { s, x in (try thrown(s), x) }",
      "_ = try whileLoop(x) { x in try thrown(x).sum() .> 0 } body: { x in try thrown(x) }",
      "_ = try cond(p) { try thrown(x) } else: { x }",
      "_ = cond(p) { 0 } else: { x }",
      "_ = cond(p) { labelled(x) } else: { (x, y) }",
      "_ = cond(p) { m } else: { m }",
      "let rows = vmap { (x: F) in x * 2 }; _ = compile { (x: F) in rows(x) }",
      "let slope = gradient(of: { (x: F) in x.sum() }); _ = compile { (x: F) in slope(x) }",
      "let both = valueAndGradient(of: { (x: F) in x.sum() }); _ = compile { (x: F) in both(x) }",
      "let (_, pull) = vjp(at: x) { x in x * x }; _ = compile { (x: F) in pull(x) }",
      "let again = checkpoint { (x: F) in x * x }; _ = compile { (x: F) in again(x) }",
      "let l0: F = [1, 0, -1.5]; let l1: F = [[1, 0], [0.5, 2]]; let l2: Tensor<Bool> = [true]; _ = (l0, l1, l2)",
      "_ = Tensor<Int32>([]); _ = F([]); _ = F([[]]); _ = Tensor([[1, 2.5], [3, 4]]); _ = maximum(x, [0, 1])",
      "_ = fori(0..<20, Tensor<Double>(1)) { i, x in x - (x * x - 2) / (2 * x) }",
    ]
    for (line, said) in try findings(lines) { #expect(said.isEmpty, "\(line): \(said)") }
  }

  @Test("ordinary Swift beside `import Kiln` stays what it is")
  func ordinary() throws {
    let lines = [
      "_ = max(n, 3) > 2 && !(n == 1) || [n].count == 3 && [n][0] != 1",
      "let o: F? = x; _ = o == nil || o != nil",
      "_ = min(1.5, s) * Float(n) / 2 < 3 && rate > 1 && rate * 2 >= Double(n)",
      "_ = [n].map { $0 * 2 + 1 }.filter { $0 > 3 && $0 < 10 }.reduce(0) { max($0, $1) } == 4",
      "_ = zip([n], [n]).allSatisfy { $0 == $1 } && x.scalars == [1, 2] && x.shape == [2] && x.scalars[0] > 1",
      "_ = x.scalars.max().map { $0 > 1 } == true && \"a\" < \"b\"",
      "_ = (0..<n).map { Float($0) * s + 1 }.sorted { $0 > $1 }",
    ]
    for (line, said) in try findings(lines, limit: 300) { #expect(said.isEmpty, "\(line): \(said)") }
  }

  @Test("the error for a wrong line says what to write")
  func wrongLines() throws {
    let dotted = "written with a dot: a ."
    let mixed = "element types never mix: convert"
    let closure = "a Bool or an Int as Static<Bool>"
    let wrong: [(String, String)] = [
      ("_ = x > 2", "\(dotted)>"), ("_ = x > y", "\(dotted)>"), ("_ = x < s", "\(dotted)<"),
      ("_ = x >= 1", "\(dotted)>="), ("_ = x <= y", "\(dotted)<="), ("_ = x == y", "\(dotted)=="),
      ("_ = x != 0", "\(dotted)!="), ("if x > 0 {}", "\(dotted)>"), ("_ = select(x > 0, x, 0)", "\(dotted)>"),
      ("_ = x > 1 && x < 2", "\(dotted)>"), ("_ = p && p", "p .&& q"), ("_ = p || p", "p .|| q"), ("_ = !p", ".!p"),
      ("_ = whileLoop(x) { x in x.sum() > 0 } body: { x in x - 1 }", "\(dotted)>"),
      ("_ = max(x, 0)", "maximum(x, y)"), ("_ = min(x, y)", "minimum(x, y)"),
      ("_ = x * rate", "\(mixed) the Double"), ("_ = rate * x", "\(mixed) the Double"),
      ("_ = x / n", "\(mixed) the Int"), ("_ = i * n", "\(mixed) the Int"),
      ("_ = x - d", "\(mixed) one of the tensors"),
      ("_ = gradient(at: x) { x in (x * rate).sum() }", "\(mixed) the Double"),
      ("_ = x.sum(axis: 1)", "x.sum(axes: [1])"), ("_ = x.mean(axis: -1, keepDims: true)", "x.mean(axes: [1])"),
      ("_ = matmul(x.T, y)", "x.transposed()"), ("_ = x.mm(y)", "matmul(a, b)"), ("_ = x.dot(y)", "matmul(a, b)"),
      ("_ = x.view(2, 3)", "x.reshaped(to:"), ("_ = x.reshape([2, 3])", "x.reshaped(to:"),
      ("_ = x.unsqueeze(0)", "expandingShape(at:"), ("_ = x.astype(Int32.self)", "converted(to:"),
      ("_ = x.ndim", "x.rank"), ("x.backward()", "gradient(at: x)"), ("_ = x.detach()", "stopGradient(x)"),
      ("var z = x; z[0] = y; z[0, 1] = 3; _ = z", "tensors never change"),
      ("_ = compile { (x: F, train: Bool) in train ? x : x * 2 }", closure),
      ("_ = compile { (x: F, n: Int) in x * Float(n) }", closure),
      ("_ = compile { (x: F) in print(x) }", closure), ("_ = compile { x in x * 2 }", closure),
      ("_ = compile { (x: F) in (a: x, b: x, c: x) }", closure),
      ("_ = compile { (x: F, m: inout Model) in x }", "inout only the first"),
      ("_ = grad { (x: F) in x }", "gradient(of: f)"), ("_ = jit { (x: F) in x }", "compile {"),
      ("_ = gradient(at: x) { x in x.fooo }", "has no member 'fooo'"),
      ("_ = compile { (x: F) in x.fooo }", "has no member 'fooo'"),
    ]
    for (index, (line, said)) in try findings(wrong.map(\.0)).enumerated() {
      guard index < wrong.count else {
        #expect(said.isEmpty, "\(line): \(said)")
        continue
      }
      #expect(said.contains { $0.isError && $0.message.contains(wrong[index].1) }, "\(line): \(said)")
    }
  }
}

import Kiln
import KilnIR
import Testing

/// Every number that a public function takes, wrong in every way, in every context: it is thrown, under the label of
/// its kind, at the line of the call, in words that hold what was written. Nothing traps and nothing is taken as it
/// comes.
@Suite("Misuse")
struct MisuseTests {
  @Test("wrong numbers are thrown", arguments: Context.allCases)
  func wrong(_ context: Context) {
    let operands = Operands()
    for row in Rows.all {
      // Traces differ little from each other: two numbers show that the error comes out of each of them.
      let numbers = context == .eager || context == .traced ? row.meaning.wrong : Array(row.meaning.wrong.prefix(2))
      for number in numbers { expectMistake(row, number, context, operands) }
    }
  }

  @Test("right numbers at the ends of what is right are taken", arguments: [Context.eager, .traced])
  func right(_ context: Context) {
    let operands = Operands()
    for row in Rows.all where !row.labels.contains("random.C1") || context == .eager {
      for number in row.meaning.right {
        let thrown = thrown(row, number, context, operands)
        #expect(
          thrown == nil, "\(row.function) \(row.parameter) \(number), \(context): \(thrown.map { "\($0)" } ?? "")")
      }
    }
  }

  private func thrown(_ row: Row, _ number: Int, _ context: Context, _ operands: Operands) -> (any Error)? {
    do {
      try context.run(operands) { row.call($0, number) }
      return nil
    } catch {
      return error
    }
  }

  private func expectMistake(_ row: Row, _ number: Int, _ context: Context, _ operands: Operands) {
    let name = "\(row.function) \(row.parameter) \(number), \(context.rawValue)"
    guard let error = thrown(row, number, context, operands) as? KilnError, !error.diagnostics.isEmpty else {
      Issue.record("\(name): taken as it comes")
      return
    }
    for diagnostic in error.diagnostics {
      #expect(row.labels.contains { diagnostic.label.hasPrefix($0) }, "\(name): \(diagnostic)")
      #expect(!row.tellsNumber || diagnostic.message.contains("\(number)"), "\(name): \(diagnostic)")
      guard case .position(let file, let line, _) = diagnostic.location else {
        Issue.record("\(name): no place: \(diagnostic)")
        continue
      }
      #if DEBUG
        #expect(file.hasSuffix("Tests/MisuseTests/Rows.swift") && line == row.line, "\(name): \(diagnostic)")
      #else
        // An optimised closure that ends in the call has no frame of its own: the line is that of its caller.
        #expect(file.contains("Tests/MisuseTests/") && line > 0, "\(name): \(diagnostic)")
      #endif
    }
  }

  @Test("lists of axes and extents with something twice, missing or too much")
  func lists() {
    let o = Operands()
    let rows: [(label: String, part: String, call: () -> Void)] = [
      ("reduce.C1", "[0, 0]", { _ = o.m.sum(axes: [0, 0]) }),
      ("reduce.C1", "[1, 1]", { _ = o.m.mean(axes: [1, -1]) }),
      ("reverse.C1", "[0, 0]", { _ = o.m.reversed(0, 0) }),
      ("transpose.C2", "[1, 1]", { _ = o.m.transposed(1, 1) }),
      ("transpose.C1", "[1]", { _ = o.m.transposed(1) }),
      ("reshape.C1", "[-1,-1]", { _ = o.m.reshaped(to: [-1, -1]) }),
      ("reshape.C1", "[4,-1]", { _ = o.m.reshaped(to: [4, -1]) }),
      ("reshape.C1", "[0,-1]", { _ = o.m.reshaped(to: [0, -1]) }),
      ("reshape.C1", "[]", { _ = o.m.reshaped(to: [] as [Int]) }),
      ("type.C1", "-2", { _ = o.m.reshaped(to: [-2, -3]) }),
      ("broadcast.C1", "[3]", { _ = o.m.broadcast(to: [3]) }),
      ("tiled.C1", "[2]", { _ = o.m.tiled([2]) }),
      ("pad.C2", "1", { _ = o.m.padded([(1, 1)]) }),
      ("padded.C1", "[]", { _ = o.m.padded([], mode: .edge) }),
      ("split.C2", "[]", { _ = o.v.split(sizes: []) }),
      ("subscript.C1", "3 indices", { _ = o.m[0, 0, 0] }),
      ("subscript.C2", "-1..<0", { _ = o.v[-1..<0] }),
      ("gather.C1", "", { _ = o.m.gathered(at: o.ids, axes: []) }),
      ("gather.C1", "[0, 0]", { _ = o.m.gathered(at: o.ids, axes: [0, 0]) }),
      ("dynamicSlice.C1", "[1, 1]", { _ = o.v.dynamicSlice(at: [o.start], sizes: [1, 1]) }),
      ("maxPool.C3", "[2, 2, 2]", { _ = maxPool(o.x2, window: [2, 2, 2]) }),
      ("conv2d.C4", "[]", { _ = conv2d(o.x2, o.k2, padding: .explicit([])) }),
      ("vmap.C7", "2 axes", { _ = vmap({ (x: Tensor<Float>) in x }, axes: [0, 0])(o.m) }),
    ]
    for (label, part, call) in rows {
      let error = #expect(throws: KilnError.self, "\(label) \(part)") { try withDiagnostics(call) }
      #expect(error?.diagnostics.map(\.label) == [label], "\(label) \(part): \(String(describing: error))")
      #expect(error?.description.contains(part) == true, "\(label) \(part): \(String(describing: error))")
    }
  }

  @Test("ranges count from the end, and do not reach past it")
  func ranges() throws {
    let v = Tensor<Float>.range(5)
    #expect(v[-3..<(-1)].scalars == [2, 3] && v[-3...(-1)].scalars == [2, 3, 4] && v[(-2)...].scalars == [3, 4])
    #expect(v[..<(-2)].scalars == [0, 1, 2] && v[...(-2)].scalars == [0, 1, 2, 3] && v[-5..<5].count == 5)
    #expect(
      v[stride(from: -5, to: -1, by: 2)].scalars == [0, 2] && v[stride(from: 1, to: 5, by: 3)].scalars == [1, 4])
    #expect(v[2..<2].count == 0 && v[5...].count == 0 && v[stride(from: 3, to: 3, by: 1)].count == 0)
    for call in [{ v[0..<6] }, { v[3...7] }, { v[6...] }, { v[...5] }, { v[stride(from: 0, to: .max, by: 1)] }] {
      let error = #expect(throws: KilnError.self) { try withDiagnostics(call) }
      #expect(error?.diagnostics.map(\.label) == ["subscript.C2"])
    }
  }
}

import Kiln
import KilnIR
import Testing

@Suite("Einsum")
struct EinsumTests {
  /// The sum written out, over every value of every label.
  private func loops(_ text: String, _ operands: [Tensor<Double>]) -> (shape: [Int], numbers: [Double]) {
    let parts = text.split(separator: ">", omittingEmptySubsequences: false)
    let terms = parts[0].filter { $0 != "-" }.split(separator: ",").map(Array.init)
    let output = Array(parts[1])
    var extents: [Character: Int] = [:]
    for (term, operand) in zip(terms, operands) {
      for (label, extent) in zip(term, operand.dimensions) { extents[label] = extent }
    }
    let summed = extents.keys.filter { !output.contains($0) }.sorted()
    func each(_ labels: [Character], _ body: ([Character: Int]) -> Void, _ chosen: [Character: Int] = [:]) {
      guard let first = labels.first else { return body(chosen) }
      for i in 0..<(extents[first] ?? 0) { each(Array(labels.dropFirst()), body, chosen.merging([first: i]) { $1 }) }
    }
    var numbers: [Double] = []
    let values = operands.map(\.scalars)
    each(
      output,
      { place in
        var sum = 0.0
        each(
          summed,
          { all in
            var product = 1.0
            for (index, term) in terms.enumerated() {
              var position = 0
              for label in term { position = position * (extents[label] ?? 0) + (all[label] ?? 0) }
              product *= values[index][position]
            }
            sum += product
          }, place)
        numbers.append(sum)
      })
    return (output.map { extents[$0] ?? 0 }, numbers)
  }

  private func expectLoops(_ text: String, _ shapes: [[Int]], _ body: ([Tensor<Double>]) -> Tensor<Double>) {
    let operands = shapes.enumerated().map { spread($1, from: 1 + 100 * $0) }
    let found = body(operands)
    let expected = loops(text, operands)
    #expect(found.dimensions == expected.shape, "\(text)")
    let isClose = zip(found.scalars, expected.numbers).allSatisfy { abs($0 - $1) <= 1e-12 }
    #expect(isClose, "\(text): \(found)")
  }

  @Test(
    "one and two operands: sums, transposes, diagonals, products, batches",
    arguments: [
      ("ij->ji", [[2, 3]]), ("ij->", [[2, 3]]), ("ij->j", [[2, 3]]), ("ii->i", [[3, 3]]), ("ii->", [[3, 3]]),
      ("iji->j", [[3, 2, 3]]), ("iii->i", [[2, 2, 2]]), ("ij,jk->ik", [[2, 3], [3, 4]]),
      ("ij,kj->ki", [[2, 3], [4, 3]]),
      ("bij,bjk->bik", [[2, 2, 3], [2, 3, 2]]), ("bhqd,bhkd->bhqk", [[2, 1, 3, 2], [2, 1, 4, 2]]),
      ("i,j->ij", [[2], [3]]), ("i,i->i", [[3], [3]]), ("i,i->", [[3], [3]]), ("ij,i->ij", [[2, 3], [2]]),
      ("ijk,jil->kl", [[2, 3, 2], [3, 2, 4]]), ("ij,kl->", [[2, 2], [2, 3]]), ("iij,j->i", [[2, 2, 3], [3]]),
      ("ij,->ij", [[2, 3], []]), ("ij,jk->ik", [[0, 3], [3, 4]]), ("ij,jk->ik", [[2, 0], [0, 4]]),
    ] as [(String, [[Int]])])
  func agreesWithLoops(_ text: String, _ shapes: [[Int]]) {
    if shapes.count == 1 {
      expectLoops(text, shapes) { einsum(text, $0[0]) }
    } else if !text.contains(",-") {
      expectLoops(text, shapes) { einsum(text, $0[0], $0[1]) }
    } else {
      let x = spread(shapes[0])
      #expect(einsum(text, x, Tensor(2)).scalars == (x * 2).scalars)
    }
  }

  @Test("three operands in both orders")
  func three() {
    let shapes = [[2, 3], [3, 4], [4, 2]]
    for order in [ContractionOrder.leftToRight, .cheapestFirst] {
      expectLoops("ij,jk,kl->il", shapes) { einsum("ij,jk,kl->il", $0[0], $0[1], $0[2], order: order) }
      expectLoops("ij,jk,ki->", shapes) { einsum("ij,jk,ki->", $0[0], $0[1], $0[2], order: order) }
      expectLoops("a,ab,b->a", [[2], [2, 3], [3]]) { einsum("a,ab,b->a", $0[0], $0[1], $0[2], order: order) }
    }
  }

  @Test("implicit results, blanks and dots")
  func forms() {
    let (a, b) = (spread([2, 3]), spread([3, 4]))
    #expect(einsum("ij,jk", a, b).scalars == matmul(a, b).scalars)
    #expect(einsum(" ba ", a).scalars == a.transposed().scalars)
    let x = spread([2, 3, 3])
    #expect(einsum("...ii", x).dimensions == [2])
    #expect(einsum("...ij->...ji", x).scalars == x.swappingAxes(1, 2).scalars)
    #expect(einsum("...ij,...jk->...ik", x, x).scalars == matmul(x, x).scalars)
    #expect(einsum("...i,i->...", x, Tensor([1, 1, 1])).dimensions == [2, 3])
  }

  @Test("einsum and outer have gradients")
  func gradients() {
    let (a, b, c) = (spread([2, 3]), spread([3, 2]), spread([2, 2]))
    expectGradient("einsum first", at: a) { einsum("ij,jk,kl->il", $0, b, c) }
    expectGradient("einsum last", at: c) { einsum("ij,jk,kk->ik", a, b, $0) }
    expectGradient("outer", at: a) { outer($0, b) }
  }

  @Test("outer products")
  func outers() {
    #expect(outer(Tensor([1, 2]), Tensor([3, 4, 5])).scalars == [3, 4, 5, 6, 8, 10])
    #expect(outer(Tensor([-0.0]), Tensor([1])).scalars[0].sign == .minus)
    #expect(outer(spread([2, 1]), spread([3])).dimensions == [2, 1, 3])
  }

  @Test(
    "wrong subscripts by label",
    arguments: [
      ("i1->i", "einsum.C1"), ("ij->i->j", "einsum.C1"), ("i.j->i", "einsum.C1"), ("ij,jk->ik", "einsum.C2"),
      ("ijk->i", "einsum.C3"), ("...ijk->i", "einsum.C3"), ("ii->i", "einsum.C4"), ("ij->ik", "einsum.C5"),
      ("ij->ii", "einsum.C5"), ("ij->i>j", "einsum.C1"), ("", "einsum.C3"), ("->", "einsum.C3"), (",", "einsum.C2"),
    ])
  func labels(_ text: String, _ label: String) {
    let error = #expect(throws: KilnError.self) { try withDiagnostics { einsum(text, spread([2, 3])) } }
    #expect(error?.diagnostics.first?.label == label, "\(text): \(error?.description ?? "")")
  }

  @Test("vectors and stacks of matrices multiply as in NumPy")
  func batchedProducts() {
    let (stack, vector) = (spread([2, 3, 4]), spread([4], from: 90))
    #expect(matmul(stack, vector).scalars == einsum("bij,j->bi", stack, vector).scalars)
    let row = spread([3], from: 90)
    #expect(matmul(row, stack).dimensions == [2, 4])
    let expected = einsum("i,bij->bj", row, stack)
    #expect(zip(matmul(row, stack).scalars, expected.scalars).allSatisfy { abs($0 - $1) < 1e-14 })
    #expect(matmul(spread([5, 1, 2, 3]), stack).dimensions == [5, 2, 2, 4])
  }
}

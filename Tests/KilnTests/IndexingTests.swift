import Kiln
import KilnIR
import Testing

@Suite("Indexing, sorting, scans and rearrangements")
struct IndexingTests {
  let x = Tensor([[1, 2, 3], [4, 5, 6]])

  @Test("boxes that begin at data")
  func boxes() {
    let (one, two) = (Tensor<Int32>(1), Tensor<Int32>(2))
    #expect(x.dynamicSlice(at: [one, two], sizes: [1, 1]).scalars == [6])
    #expect(x.dynamicSlice(at: [two, two], sizes: [1, 2]).scalars == [5, 6])
    #expect(x.dynamicUpdateSlice(Tensor([[7, 8]]), at: [one, two]).scalars == [1, 2, 3, 4, 7, 8])
  }

  @Test("index vectors, and one index for each position")
  func vectors() {
    let places = Tensor<Int32>([[1, 0], [0, 2]])
    #expect(x.gathered(at: places, axes: [0, 1]).scalars == [4, 3])
    let sums = x.scattered(Tensor([10, 20]), at: places, axes: [0, 1], combining: .add)
    #expect(sums.scalars == [1, 2, 23, 14, 5, 6])
    #expect(x.takeAlong(Tensor<Int32>([[2], [0]])).scalars == [3, 4])
    #expect(x.takeAlong(Tensor<Int64>([[1, 0, 1]]), axis: 0).scalars == [4, 2, 6])
    #expect(embeddingLookup(x, Tensor<Int32>([1, 1])).scalars == [4, 5, 6, 4, 5, 6])
  }

  @Test("E9: sorting is stable, NaN last")
  func sorting() {
    let y = Tensor<Float>([2, .nan, -1, 2, 0])
    #expect(y.argSort().scalars == [2, 4, 0, 3, 1])
    #expect(y.argSort(descending: true).scalars == [0, 3, 4, 2, 1])
    #expect(x.sorted(axis: 0, descending: true).scalars == [4, 5, 6, 1, 2, 3])
    let (values, indices) = x.topK(2)
    #expect(values.scalars == [3, 2, 6, 5])
    #expect(indices.scalars == [2, 1, 2, 1])
    #expect(Tensor<Bool>([true, false]).sorted().scalars == [false, true])
  }

  @Test("E9: values go with their keys; later keys decide among equal ones")
  func sortingByKey() {
    let major = Tensor<Int32>([2, 1, 2, 1, 1])
    let minor = Tensor<Float>([0.5, 9, -1, 9, 3])
    let names = Tensor<Int64>([0, 1, 2, 3, 4])
    let (byMinor, majors, first) = minor.sorted(carrying: major, names)
    #expect(byMinor.scalars == [-1, 0.5, 3, 9, 9])
    #expect(first.scalars == [2, 0, 4, 1, 3])
    let (byMajor, second) = majors.sorted(carrying: first)
    #expect(byMajor.scalars == [1, 1, 1, 2, 2])
    #expect(second.scalars == [4, 1, 3, 2, 0])
    let (rows, values) = x.sorted(axis: 0, descending: true, carrying: x * 10)
    #expect(rows.scalars == [4, 5, 6, 1, 2, 3] && values.scalars == [40, 50, 60, 10, 20, 30])
  }

  @Test("E9: the order by several keys is that of sorting tuples")
  func sortingBySeveralKeys() {
    let keys = (0..<3).map { RandomKey(seed: $0) }
    let major = Tensor<Int32>.randomIntegers([4, 50], in: 0..<3, key: keys[0])
    let minor = Tensor<Int32>.randomIntegers([4, 50], in: -2..<2, key: keys[1]).converted(to: Float.self)
    let last = Tensor<Bool>.randomBernoulli([4, 50], probability: 0.5, key: keys[2])
    for descending in [false, true] {
      let order = compiled(major, minor, last, descending)
      #expect(order.scalars == major.argSort(descending: descending, thenBy: minor, last).scalars)
      for row in 0..<4 {
        let (a, b, c) = (major[row].scalars, minor[row].scalars, last[row].scalars.map { $0 ? 1 : 0 })
        let expected = (0..<50).sorted { i, j in
          let (x, y) = ((Float(a[i]), b[i], c[i]), (Float(a[j]), b[j], c[j]))
          return x == y ? i < j : descending ? x > y : x < y
        }
        #expect(order[row].scalars == expected.map { Int32($0) })
      }
    }
    let columns = major.argSort(axis: 0, thenBy: minor)
    #expect(columns.scalars == major.transposed().argSort(thenBy: minor.transposed()).transposed().scalars)
  }

  private func compiled(
    _ major: Tensor<Int32>, _ minor: Tensor<Float>, _ last: Tensor<Bool>, _ descending: Bool
  ) -> Tensor<Int32> {
    compile { (major: Tensor<Int32>, minor: Tensor<Float>, last: Tensor<Bool>) in
      major.argSort(descending: descending, thenBy: minor, last)
    }(major, minor, last)
  }

  @Test("the gradient of a sorted sum goes to the elements that were sorted")
  func sortedGradient() {
    let weights = Tensor<Float>([1, 10, 100])
    let slope = gradient(at: Tensor<Float>([3, 1, 2])) { ($0.sorted() * weights).sum() }
    #expect(slope.scalars == [100, 1, 10])
    let top = gradient(at: Tensor<Float>([3, 1, 2])) { $0.topK(2).values.sum() }
    #expect(top.scalars == [1, 0, 1])
  }

  @Test("cumulative sums, products and extremes")
  func scans() {
    #expect(x.cumulativeSum().scalars == [1, 3, 6, 4, 9, 15])
    #expect(x.cumulativeSum(axis: 0, reverse: true).scalars == [5, 7, 9, 4, 5, 6])
    #expect(x.cumulativeProduct().scalars == [1, 2, 6, 4, 20, 120])
    #expect(Tensor<Int32>([1, 3, 2]).cumulativeMax().scalars == [1, 3, 3])
    #expect(Tensor<Int32>([1, 3, 2]).cumulativeMin(reverse: true).scalars == [1, 2, 2])
  }

  @Test("rolled, flipped, repeated and cut")
  func rearrangements() {
    #expect(x.rolled(by: 1).scalars == [3, 1, 2, 6, 4, 5])
    #expect(x.rolled(by: -4, axis: 1).scalars == [2, 3, 1, 5, 6, 4])
    #expect(x.flipped(0).scalars == [4, 5, 6, 1, 2, 3])
    #expect(x.repeated(2, axis: 1).scalars == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
    #expect(x.split(sizes: [1, 2], axis: 1).map(\.scalars) == [[1, 4], [2, 3, 5, 6]])
    #expect(x.split(count: 2).map(\.scalars) == [[1, 2, 3], [4, 5, 6]])
  }

  @Test("triangles and diagonals")
  func matrices() {
    let square = Tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    #expect(square.tril().scalars == [1, 0, 0, 4, 5, 0, 7, 8, 9])
    #expect(square.triu(offset: 1).scalars == [0, 2, 3, 0, 0, 6, 0, 0, 0])
    #expect(square.tril(offset: .min).scalars == [Float](repeating: 0, count: 9))
    #expect(square.diagonal().scalars == [1, 5, 9])
    #expect(square.diagonal(offset: -1).scalars == [4, 8])
    #expect(x.diagonal(offset: 1).scalars == [2, 6])
    #expect(x.diagonal(offset: 9).dimensions == [0])
    #expect(square.matrixTrace().item == 15)
    #expect(Tensor<Float>([1, 2]).diagonalMatrix().scalars == [1, 0, 0, 2])
    #expect(stacked([square, square]).matrixTrace().scalars == [15, 15])
  }

  @Test("mistakes are diagnostics with a label")
  func mistakes() {
    let cases: [(String, () -> Void)] = [
      ("takeAlong.C1", { _ = x.takeAlong(Tensor<Int32>([0])) }), ("topK.C1", { _ = x.topK(4) }),
      ("argSort.C3", { _ = x.argSort(thenBy: x[0]) }), ("argSort.C1", { _ = x.argSort(axis: 2, thenBy: x) }),
      ("sorted.C1", { _ = x.sorted(carrying: x[0]) }),
      ("shuffled.C1", { _ = x.shuffled(axis: 2, key: RandomKey(seed: 1)) }),
      ("rolled.C1", { _ = x.rolled(by: 1, axis: 2) }), ("repeated.C2", { _ = x.repeated(-1, axis: 0) }),
      ("split.C2", { _ = x.split(sizes: [1, 1], axis: 1) }), ("split.C3", { _ = x.split(count: 2, axis: 1) }),
      ("diagonal.C1", { _ = x[0].diagonal() }), ("tril.C1", { _ = x[0].tril() }),
      ("dynamicSlice.C2", { _ = x.dynamicSlice(at: [Tensor<Int32>(0), Tensor<Int32>(0)], sizes: [3, 1]) }),
      (
        "dynamicSlice.R1",
        { _ = x.dynamicSlice(at: [Tensor<Int32>(2), Tensor<Int32>(0)], sizes: [1, 1], bounds: .check) }
      ),
    ]
    for (label, mistake) in cases {
      let error = #expect(throws: KilnError.self) { try withDiagnostics { mistake() } }
      #expect(error?.diagnostics.first?.label == label)
    }
  }
}

import Kiln
import KilnIR
import Testing

@Suite("Functions")
struct FunctionTests {
  let x = Tensor([[1, 2, 3], [4, 5, 6]])

  @Test("reductions")
  func reductions() {
    #expect(x.sum().item == 21)
    #expect(x.sum(axes: [0]).scalars == [5, 7, 9])
    #expect(x.sum(axes: [-1], keepDims: true).dimensions == [2, 1])
    #expect(x.mean(axes: [1]).scalars == [2, 5])
    #expect(x.max(axes: [0]).scalars == [4, 5, 6])
    #expect(x.min().item == 1)
    #expect(x.product(axes: [1]).scalars == [6, 120])
    #expect(x.variance().item == 35.0 / 12)
    #expect(x.variance(axes: [1], keepDims: true).scalars == [2.0 / 3, 2.0 / 3])
    #expect(x.argMax(axis: 1).scalars == [2, 2])
    #expect(x.argMin().item == 0)
    #expect(Tensor<Float>.zeros([0]).sum().item == 0)
    #expect(Tensor<Float>.zeros([0]).mean().item.isNaN)
  }

  @Test("E9: the first NaN wins argMax, the first of equal elements too")
  func argMaxTies() {
    #expect(Tensor<Float>([3, 7, 7]).argMax().item == 1)
    #expect(Tensor<Float>([3, .nan, 9, .nan]).argMax().item == 1)
  }

  @Test("matmul: matrices, vectors and batches")
  func products() {
    let w = Tensor([[1, 0], [0, 1], [1, 1]])
    #expect(matmul(x, w).scalars == [4, 5, 10, 11])
    #expect(matmul(x[0], w).scalars == [4, 5])
    #expect(matmul(x, Tensor([1, 1, 1])).scalars == [6, 15])
    #expect(matmul(x[0], x[1]).item == 32)
    let batch = stacked([x, 2 * x])
    #expect(matmul(batch, w).scalars == [4, 5, 10, 11, 8, 10, 20, 22])
    #expect(matmul(batch, stacked([w, w])).scalars == [4, 5, 10, 11, 8, 10, 20, 22])
    #expect(matmul(x, stacked([w, w])).dimensions == [2, 2, 2])
    #expect(x.dot(x, contracting: [(0, 0), (1, 1)]).item == 91)
  }

  @Test("D1, S5: row i of a product does not depend on the other rows")
  func rowsOfProducts() {
    var generator = SplitMix(state: 5)
    let a = Tensor<Float>.randomUniform([5, 700], in: -1..<1, using: &generator)
    let b = Tensor<Float>.randomUniform([700, 3], in: -1..<1, using: &generator)
    #expect(matmul(a[3..<4, ...], b)[0].scalars == matmul(a, b)[3].scalars)
  }

  @Test("gather, scatter and oneHot")
  func indexing() {
    let rows = Tensor<Int32>([1, 0, 1])
    #expect(x.gathered(rows).scalars == [4, 5, 6, 1, 2, 3, 4, 5, 6])
    #expect(x.gathered(Tensor<Int64>([2]), axis: 1).scalars == [3, 6])
    let sums = Tensor<Float>.zeros([2]).scattered(Tensor([1, 2, 3]), at: rows, combining: .add)
    #expect(sums.scalars == [2, 4])
    #expect(x.gathered(Tensor<Int32>([7]), bounds: .clamp).scalars == [4, 5, 6])
    #expect(x.gathered(Tensor<Int32>([7]), bounds: .drop).scalars == [0, 0, 0])
    #expect(rows.oneHot(2).scalars == [0, 1, 1, 0, 0, 1])
    #expect(Tensor<Int32>([5]).oneHot(2, as: Double.self).scalars == [0, 0])
    // More positions than the type of the indices has numbers.
    let wide = Tensor<UInt8>([5, 255]).oneHot(300, as: Int32.self).scalars
    #expect(wide.indices.filter { wide[$0] == 1 } == [5, 300 + 255])
    #expect(Tensor<Int8>([-1]).oneHot(256).scalars.allSatisfy { $0 == 0 })
    #expect(Tensor<UInt64>([1, .max, 1 << 32]).oneHot(2).scalars == [0, 1, 0, 0, 0, 0])
  }

  @Test("softmax and its logarithms are stable")
  func softmaxes() {
    let big = Tensor<Float>([1000, 1001])
    #expect(softmax(big).isClose(to: Tensor([0.26894142, 0.7310586])))
    #expect(logSoftmax(big).isClose(to: Tensor([-1.3132617, -0.31326166])))
    #expect(logSumExp(big).isClose(to: Tensor(1001.3132617)))
    #expect(logSumExp(Tensor<Float>([-.infinity, -.infinity])).item == -.infinity)
    #expect(logSumExp(x, axis: 0, keepDims: true).dimensions == [1, 3])
    #expect(softmax(x, axis: 0).sum(axes: [0]).isClose(to: Tensor([1, 1, 1])))
  }

  @Test("activations and layer normalisation")
  func activations() {
    let z = Tensor<Float>([-2, 0, 2])
    #expect(relu(z).scalars == [0, 0, 2])
    #expect(sigmoid(z).isClose(to: Tensor([0.11920292, 0.5, 0.880797])))
    #expect(gelu(z).isClose(to: Tensor([-0.045402306, 0, 1.9545977])))
    let normal = layerNorm(x, scale: Tensor([1, 1, 1]), offset: Tensor([0, 0, 0]), epsilon: 0)
    let root = Float(1.5).squareRoot()
    #expect(normal.isClose(to: Tensor([[-root, 0, root], [-root, 0, root]])))
  }

  @Test("a mean is sum over dimensionSize in a trace, with equal bits outside of it")
  func meanOfATrace() throws {
    let program = try trace(x) { x in x.mean(axes: [0, 1]) }
    #expect(program.description.contains("dimensionSize"))
    #expect(try program.run([AnyTensor(x)])[0].scalars(as: Float.self) == x.mean().scalars)
  }

  @Test("printing: nested lists; the corners of large tensors; traced ones have a type")
  func printing() throws {
    #expect(x.description == "[[1.0, 2.0, 3.0],\n [4.0, 5.0, 6.0]]")
    #expect(Tensor<Float>(2.5).description == "2.5")
    #expect(Tensor<Bool>([true, false]).description == "[true, false]")
    let large = Tensor<Int32>.range(10_000).reshaped(to: [100, 100]).description
    #expect(large.hasPrefix("i32[100,100] [[0, 1, 2, ..., 97, 98, 99],"))
    #expect(large.count < 400)
    var seen = ""
    _ = try trace(x) { x in
      seen = "\(x)"
      return x
    }
    #expect(seen == "f32[2,3], traced")
  }
}

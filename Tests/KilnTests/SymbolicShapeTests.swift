import Kiln
import KilnIR
import Testing

/// What is made from the sizes of a tensor, which calls bring.
@Suite("Symbolic sizes in shapes and bounds")
struct SymbolicShapeTests {
  typealias T = Tensor<Float>

  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let function: @Sendable (T) -> AnyTensor
    var testDescription: String { name }

    init(_ name: String, _ function: @escaping @Sendable (T) -> any TensorProtocol) {
      (self.name, self.function) = (name, { function($0).untyped })
    }
  }

  private static var key: RandomKey { RandomKey(seed: 7) }

  /// Of a matrix [6, 4], traced with a name for each axis in turn.
  static let cases: [Case] = [
    Case("zeros") { T.zeros([$0.shape[0], 4]) },
    Case("full of the shape") { T.full($0.shape, 3) * $0 },
    Case("range") { x in T.range(x.shape[0] * 2) + T.range(from: 1, by: 0.5, count: x.shape[0] * 2) },
    Case("identity") { T.identity($0.shape[1]) },
    Case("oneHot") { x in Tensor<Int32>([1, 3, 0]).oneHot(x.shape[0]) as T },
    Case("half") { x in x.sliced(axis: 0, from: x.shape[0] / 2, to: x.shape[0]) },
    Case("all but the last") { x in x.sliced(axis: 1, from: 0, to: -1) },
    Case("positions") { x in stacked([x[0], x[-1], x[-2]]) },
    Case("ranges") { x in concatenated([x[..<3], x[(-3)...], x[1...2], x[..<(-3)]]) },
    Case("strides") { x in x[stride(from: 0, to: 5, by: 2)] },
    Case("last of each row") { $0[..., -1] },
    Case("flattened") { $0.flattened() },
    Case("reshaped with -1") { $0.reshaped(to: [-1, 2]) },
    Case("reshaped by an extent") { x in x.reshaped(to: [2, x.shape[0] / 2, x.shape[1]]) },
    Case("split in two") { x in x.split(count: 2)[1] },
    Case("rolled") { $0.rolled(by: -8, axis: 0) },
    Case("broadcast to its shape") { x in T([[1, 2, 3, 4]])[0..., 0..<1].broadcast(to: x.shape) },
    Case("argMax of all") { $0.argMax() },
    Case("triangle") { $0.tril(offset: 1) + $0.triu(offset: .max) },
    Case("diagonals") { x in concatenated([x.diagonal(), x.diagonal(offset: 1), x.diagonal(offset: -2)]) },
    Case("diagonal matrix") { $0.diagonalMatrix() },
    Case("a trace") { x in einsum("ii", matmul(x, x.transposed())) },
    Case("global average") { x in adaptiveAveragePool(x.reshaped(to: [1, x.shape[0], x.shape[1]]), to: 1) },
    Case("randomUniform") { x in T.randomUniform(x.shape, key: key) },
    Case("randomNormal") { x in T.randomNormal([x.shape[1], 3], key: key) },
    Case("dropout") { dropout($0, rate: 0.5, key: key) },
    Case("shuffled") { $0.shuffled(key: key) },
    Case("randomCategorical") { randomCategorical($0, key: key) },
    Case("dynamicSlice") { x in x.dynamicSlice(at: [Tensor<Int32>(1), Tensor(0)], sizes: [x.shape[0] / 2, 2]) },
    Case("scan over rows") { x in
      let (_, rows): (T, T) = scan(T(0), over: x) { s, x in (s + x.sum(), s * x) }
      return rows
    },
    Case("scan of a length") { x in
      let (_, powers): (T, T) = scan(T(1), length: x.shape[0]) { x in (x * 2, x) }
      return powers
    },
    Case("causal attention of fewer queries") { x in
      attention(x.sliced(axis: 0, from: 2, to: x.shape[0]), x, x, isCausal: true, scale: 0.5)
    },
    Case("jacobian") { x in jacobian(at: x, mode: .reverse) { x in (x * x).sum(axes: [1]) } },
  ]

  @Test("sizes of one axis are served that it was not traced at", arguments: cases)
  func served(_ test: Case) {
    withDevice(.reference) {
      for axis in [0, 1] {
        let outcome = SymbolicOutcome(test.function, at: [6, 4], axis: axis, sizes: [8, 10, 12]) {
          CompositionBatchTests.numbers($0)
        }
        #expect(outcome == .serves, "axis \(axis)")
      }
    }
  }

  @Test("what decides by a number asks for it")
  func pinned() {
    let pinning: [Case] = [
      Case("dimensions") { x in x * Float(x.dimensions[0]) }, Case("squeezed") { $0.squeezed() },
      Case("elements of the shape") { x in T([Float](repeating: 1, count: 24), shape: x.shape) },
    ]
    for test in pinning {
      let outcome = SymbolicOutcome(test.function, at: [6, 4], axis: 0, sizes: [8]) {
        CompositionBatchTests.numbers($0)
      }
      #expect(outcome == .pins, "\(test.name)")
    }
  }
}

public import Kiln

/// A vector for each of `count` numbers: takes [...] of 0 ..< count and gives [..., width].
public struct Embedding<Scalar: TensorReal>: PureLayer {
  /// [count, width]
  public var table: Tensor<Scalar>

  /// A layer of this table, [count, width].
  public init(table: Tensor<Scalar>) { self.table = table }

  /// A layer with new vectors; by default normally distributed, of about length 1.
  public init(
    count: Int, width: Int, table: Initializer? = nil, of type: Scalar.Type = Float.self, key: RandomKey
  ) {
    let initializer = table ?? .normal(standardDeviation: 1 / Double(max(width, 1)).squareRoot())
    self.table = initializer([count, width], of: type, key: key)
  }

  /// The vectors of `ids`. A number outside is a diagnostic when the function runs (`gather.R1`).
  public func callAsFunction(_ ids: Tensor<Int32>) -> Tensor<Scalar> {
    noted("Embedding", embeddingLookup(table, ids))
  }

  /// The product of x [..., width] with every vector, [..., count]: the scores of an output layer that shares the table
  /// (Press and Wolf, Using the output embedding to improve language models, 2017).
  public func scores(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let width = table.dimensions[1]
    guard x.rank >= 1, x.mayHave(width, at: -1) else {
      return misfit("Embedding.scores", takes: "[..., \(width)]", x.untyped, shape: [table.dimensions[0]])
    }
    return noted("Embedding.scores", matmul(x, table.swappingAxes(0, 1)))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&table, "table") }
}

import KilnIR

/// The matrix product, as in NumPy: of matrices; of stacks of matrices, whose leading axes broadcast; a vector on the
/// left is one row, on the right one column.
///
/// The terms are added in a fixed order (Spec, section 5, D1), so row i of a product does not depend on the other rows.
public func matmul<Scalar: TensorNumber>(_ a: Tensor<Scalar>, _ b: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor(core: .matmul(a.core, b.core))
}

extension Tensor where Scalar: TensorNumber {
  /// The sum of products over `contracting` axis pairs, along `batch` axis pairs. The result has the batch axes, then
  /// the other axes of `self`, then those of `other`.
  public func dot(_ other: Tensor, contracting: [(Int, Int)], batch: [(Int, Int)] = []) -> Tensor {
    func pairs(_ axes: [(Int, Int)]) -> [AxisPair] { axes.map { AxisPair(core.axis($0.0), other.core.axis($0.1)) } }
    return Tensor(
      core: emit(.contraction(.dot(batch: pairs(batch), contract: pairs(contracting))), [core, other.core]))
  }
}

extension TensorCore {
  static func matmul(_ a: TensorCore, _ b: TensorCore) -> TensorCore {
    for operand in [a, b] where operand.kind == .poisoned { return Failure.poison(after: operand, a.type) }
    guard a.shape.rank > 0, b.shape.rank > 0 else {
      return a.failed("matmul.C1", "matmul takes tensors of rank 1 or more, found \(a.type) and \(b.type)", with: b)
    }
    let rows = a.shape.rank - 1
    let inner = Swift.max(b.shape.rank - 2, 0)
    guard Dimension.equality(a.shape[rows], b.shape[inner]) != false else {
      return a.failed(
        "matmul.C2",
        "matmul: \(a.type) has \(a.shape[rows]) columns and \(b.type) has \(b.shape[inner]) rows; the two must agree",
        with: b)
    }
    let batchA = Array(a.shape.dropLast(2))
    let batchB = Array(b.shape.dropLast(2))
    if batchA.isEmpty && batchB.isEmpty || a.shape.rank >= 2 && b.shape.rank <= 2 {
      return emit(.contraction(.dot(batch: [], contract: [AxisPair(rows, inner)])), [a, b])
    }
    do {
      let batch = Array(try Shape.broadcasting([Shape(batchA), Shape(batchB)], in: "matmul"))
      let x = a.stretched(batch, keeping: Swift.min(a.shape.rank, 2))
      let y = b.stretched(batch, keeping: Swift.min(b.shape.rank, 2))
      return emit(
        .contraction(
          .dot(
            batch: batch.indices.map { AxisPair($0, $0) },
            contract: [AxisPair(x.shape.rank - 1, y.shape.rank - Swift.min(b.shape.rank, 2))])), [x, y])
    } catch {
      return Failure.poison(error, a.type, operands: [a, b])
    }
  }

  /// The last `count` axes under the leading axes `batch`.
  private func stretched(_ batch: [Dimension], keeping count: Int) -> TensorCore {
    let shape = Shape(batch + Array(self.shape.suffix(count)))
    return broadcast(shape, axes: Array((shape.rank - self.shape.rank)..<shape.rank))
  }
}

public import Kiln

/// In training sets elements to 0 with probability `rate` and divides the others by 1 - rate; in inference gives its
/// input (Srivastava and others, Dropout: a simple way to prevent neural networks from overfitting, 2014).
///
/// Takes and gives tensors of any shape.
public struct Dropout<Scalar: TensorReal>: Layer {
  /// The probability of 0, from 0 to below 1; another is a diagnostic of the call (`dropout.C1`).
  public let rate: Float
  /// The axes along which elements are kept or dropped together; negative ones from the end. With the spatial axes of
  /// images whole channels are dropped, which others call spatial dropout (Tompson and others, 2015).
  public let sharedAxes: [Int]

  /// A layer with this rate.
  public init(rate: Float, sharedAxes: [Int] = [], of type: Scalar.Type = Float.self) {
    (self.rate, self.sharedAxes) = (rate, sharedAxes)
  }

  public mutating func callAsFunction(_ x: Tensor<Scalar>, _ pass: inout ForwardPass) -> Tensor<Scalar> {
    guard rate != 0, let key = pass.nextKey() else { return noted("Dropout", x) }
    if sharedAxes.isEmpty { return dropout(x, rate: rate, key: key) }
    let shared = sharedAxes.map { $0 < 0 ? $0 + x.rank : $0 }
    guard shared.allSatisfy((0..<x.rank).contains) else {
      return misfit("Dropout", takes: "a tensor with the axes \(sharedAxes)", x.untyped, shape: x.shape)
    }
    // The mask is the dropout of ones.
    let one = Tensor<Scalar>.ones(x.shape.indices.map { shared.contains($0) ? 1 : x.shape[$0] })
    return x * dropout(one, rate: rate, key: key)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.constant(rate, "rate")
    visitor.constant(sharedAxes, "sharedAxes")
  }
}

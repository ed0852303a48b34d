public import Kiln

/// A fully connected layer: x · weight + bias for inputs [..., inputs], giving [..., outputs].
public struct Dense<Scalar: TensorReal>: PureLayer {
  /// [inputs, outputs]
  public var weight: Tensor<Scalar>
  /// [outputs]
  public var bias: Tensor<Scalar>?

  /// A layer of these parameters.
  public init(weight: Tensor<Scalar>, bias: Tensor<Scalar>? = nil) { (self.weight, self.bias) = (weight, bias) }

  /// A layer with new parameters.
  public init(
    inputs: Int, outputs: Int, hasBias: Bool = true, weight: Initializer = .glorotUniform,
    bias: Initializer = .zeros, of type: Scalar.Type = Float.self, key: RandomKey
  ) {
    let keys = key.split()
    self.weight = weight([inputs, outputs], of: type, key: keys[0])
    self.bias = hasBias ? bias([outputs], of: type, key: keys[1]) : nil
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let inputs = weight.dimensions[0]
    guard x.rank >= 1, x.mayHave(inputs, at: -1) else {
      return misfit("Dense", takes: "[..., \(inputs)]", x.untyped, shape: [weight.dimensions[1]])
    }
    let product = matmul(x, weight)
    return noted("Dense", bias.map { product + $0 } ?? product)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&weight, "weight")
    visitor.visit(&bias, "bias")
  }
}

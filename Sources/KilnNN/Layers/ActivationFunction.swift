public import Kiln

/// An activation function by its name, for layers that have one inside.
public enum ActivationFunction: Hashable, Sendable {
  /// max(x, 0)
  case relu
  /// The hyperbolic tangent.
  case tanh
  /// 1 / (1 + exp(-x))
  case sigmoid
  /// x · Φ(x)
  case gelu(GELUFormula)
  /// x · sigmoid(x)
  case silu

  /// The function of `x`, element by element.
  public func callAsFunction<Scalar: TensorReal>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    switch self {
    case .relu: Kiln.relu(x)
    case .tanh: Kiln.tanh(x)
    case .sigmoid: Kiln.sigmoid(x)
    case .gelu(let formula): Kiln.gelu(x, formula)
    case .silu: Kiln.silu(x)
    }
  }
}

public import Kiln

// Activation functions as layers without parameters, for `Sequential`. Each takes and gives tensors of any shape; the
// functions of Kiln that they call have the formulas and their sources.

/// max(x, 0); see `relu`.
public struct ReLU<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("ReLU", relu(x)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// x where it is not negative, `slope` · x elsewhere; see `leakyRelu`.
public struct LeakyReLU<Scalar: TensorReal>: PureLayer {
  /// The factor of negative numbers.
  public let slope: Double

  /// The layer.
  public init(slope: Double = 0.01, of type: Scalar.Type = Float.self) { self.slope = slope }
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    noted("LeakyReLU", leakyRelu(x, slope: Scalar(slope)))
  }
  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.constant(slope, "slope") }
}

/// x where it is positive, `alpha` (exp(x) - 1) elsewhere; see `elu`.
public struct ELU<Scalar: TensorReal>: PureLayer {
  /// What negative numbers approach, with the sign changed.
  public let alpha: Double

  /// The layer.
  public init(alpha: Double = 1, of type: Scalar.Type = Float.self) { self.alpha = alpha }
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("ELU", elu(x, alpha: Scalar(alpha))) }
  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.constant(alpha, "alpha") }
}

/// `elu` with the constants that keep mean 0 and variance 1; see `selu`.
public struct SELU<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("SELU", selu(x)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// x · Φ(x); see `gelu`.
public struct GELU<Scalar: TensorReal>: PureLayer {
  /// How Φ is computed.
  public let formula: GELUFormula

  /// The layer.
  public init(_ formula: GELUFormula = .tanh, of type: Scalar.Type = Float.self) { self.formula = formula }
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("GELU", gelu(x, formula)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.constant(formula, "formula") }
}

/// x · sigmoid(x), also called swish; see `silu`.
public struct SiLU<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("SiLU", silu(x)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// x · tanh(softplus(x)); see `mish`.
public struct Mish<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("Mish", mish(x)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// 1 / (1 + exp(-x)); see `sigmoid`.
public struct Sigmoid<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("Sigmoid", sigmoid(x)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// log(sigmoid(x)); see `logSigmoid`.
public struct LogSigmoid<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("LogSigmoid", logSigmoid(x)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// min(max(x + 3, 0), 6) / 6; see `hardSigmoid`.
public struct HardSigmoid<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("HardSigmoid", hardSigmoid(x)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// x · hardSigmoid(x); see `hardSwish`.
public struct HardSwish<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("HardSwish", hardSwish(x)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// The hyperbolic tangent.
public struct Tanh<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("Tanh", tanh(x)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// log(1 + exp(x)); see `softplus`.
public struct Softplus<Scalar: TensorReal>: PureLayer {
  /// The layer.
  public init(of type: Scalar.Type = Float.self) {}
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("Softplus", softplus(x)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) {}
}

/// exp(x) / sum exp(x) along `axis`; see `softmax`. Losses of logits are more exact than the logarithm of it.
public struct Softmax<Scalar: TensorReal>: PureLayer {
  /// The axis of the classes.
  public let axis: Int

  /// The layer.
  public init(axis: Int = -1, of type: Scalar.Type = Float.self) { self.axis = axis }
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("Softmax", softmax(x, axis: axis)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.constant(axis, "axis") }
}

/// log softmax(x) along `axis`; see `logSoftmax`.
public struct LogSoftmax<Scalar: TensorReal>: PureLayer {
  /// The axis of the classes.
  public let axis: Int

  /// The layer.
  public init(axis: Int = -1, of type: Scalar.Type = Float.self) { self.axis = axis }
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { noted("LogSoftmax", logSoftmax(x, axis: axis)) }
  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.constant(axis, "axis") }
}

/// x where it is not negative, a trained slope times x elsewhere (He and others, Delving deep into rectifiers, 2015).
public struct PReLU<Scalar: TensorReal>: PureLayer {
  /// One slope, [1], or one for each channel of the last axis, [channels].
  public var slope: Tensor<Scalar>

  /// A layer with one slope, or one for each of `channels`.
  public init(channels: Int = 1, slope: Double = 0.25, of type: Scalar.Type = Float.self) {
    self.slope = .full([channels], Scalar(slope))
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let channels = slope.dimensions[0]
    guard channels == 1 || x.mayHave(channels, at: -1) else {
      return misfit("PReLU", takes: "[..., \(channels)]", x.untyped, shape: x.shape)
    }
    return noted("PReLU", select(x .< Tensor(0), slope * x, x))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&slope, "slope") }
}

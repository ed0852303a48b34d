public import Kiln

/// A part of a model: a value with parameters, which is called like a function.
///
/// ```swift
/// struct Network: Layer {
///   var hidden: Dense<Float>
///   var dropout = Dropout(rate: 0.5)
///   var output: Dense<Float>
///
///   mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
///     output(dropout(relu(hidden(x, &pass)), &pass), &pass)
///   }
///   mutating func visit(_ visitor: inout some TensorVisitor) {
///     visitor.visit(&hidden, "hidden")
///     visitor.visit(&dropout, "dropout")
///     visitor.visit(&output, "output")
///   }
/// }
/// ```
/// The computation is written once. `ForwardPass` says whether it trains, and has the random bits for it; what changes
/// in training beside the parameters, such as the running statistics of `BatchNorm`, the layer assigns to itself.
/// `model(x)` is a pass of inference, which changes nothing. A layer that does the same in both is a `PureLayer`.
public protocol Layer<Input, Output>: TensorTree, Sendable {
  /// What the layer is given, for most a tensor.
  associatedtype Input
  /// What the layer gives.
  associatedtype Output

  /// The output for `input`, in training or in inference as `pass` says.
  mutating func callAsFunction(_ input: Input, _ pass: inout ForwardPass) -> Output
}

extension Layer {
  /// The output for `input` in inference. The layer stays as it is.
  public func callAsFunction(_ input: Input) -> Output {
    var copy = self
    var pass = ForwardPass.inference
    return copy(input, &pass)
  }
}

/// A layer that is a function of its parameters and its input alone, in training and in inference.
///
/// ```swift
/// struct Scale: PureLayer {
///   var factor: Tensor<Float>
///   func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { factor * x }
///   mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&factor, "factor") }
/// }
/// ```
/// A layer with a `Dropout` or a `BatchNorm` inside is a `Layer` and passes its pass on: without one they are in
/// inference.
public protocol PureLayer<Input, Output>: Layer {
  // Again, so that the compiler infers them from the method below.
  /// What the layer is given, for most a tensor.
  associatedtype Input
  /// What the layer gives.
  associatedtype Output

  /// The output for `input`.
  func callAsFunction(_ input: Input) -> Output
}

extension PureLayer {
  public mutating func callAsFunction(_ input: Input, _ pass: inout ForwardPass) -> Output { self(input) }
}

public import Kiln

/// A moving average of a model's parameters, which often does better than the last ones (Polyak and Juditsky, 1992): in
/// each step a = decay · a + (1 - decay) · p. It begins with the parameters that it is made from.
///
/// ```swift
/// let network: [Tensor<Float>] = [.zeros([3, 2]), .zeros([2])]
/// var average = ParameterAverage(of: network, decay: 0.99)
/// average.update(with: network)     // in the step
/// let smooth = average.model        // for validation
/// ```
public struct ParameterAverage<Model: TensorTree>: TensorTree {
  /// The model with the averages as its parameters. Tensors that are not trained, such as running statistics, are those
  /// of the last update.
  public private(set) var model: Model
  /// What of the average is left after a step.
  public let decay: Double

  /// The parameters of `model`, of which an average begins.
  /// - Parameter decay: from 0 to 1.
  public init(of model: Model, decay: Double = 0.999) {
    self.model = model
    self.decay = decay
  }

  /// Moves the average toward the parameters of `model`.
  public mutating func update(with model: Model) {
    var (new, flags) = (model.tensors[...], model.isTrained[...])
    let decay = self.decay
    self.model.updateTensors { _, old in
      guard let tensor = new.popFirst()?.tensor else { return old }
      guard flags.popFirst() == true else { return tensor }
      if let (a, p) = Self.pair(old, tensor, of: Float.self) { return AnyTensor(mean(a, p, decay)) }
      if let (a, p) = Self.pair(old, tensor, of: Double.self) { return AnyTensor(mean(a, p, decay)) }
      return tensor
    }
  }

  private static func pair<Scalar: TensorReal>(
    _ a: AnyTensor, _ b: AnyTensor, of type: Scalar.Type
  ) -> (Tensor<Scalar>, Tensor<Scalar>)? {
    guard let a = Tensor<Scalar>(a), let b = Tensor<Scalar>(b) else { return nil }
    return (a, b)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.constant(decay, "decay")
    visitor.visit(&model, "model")
  }
}

public import Kiln

/// A number that says how well a model does, gathered over batches: a tree of tensors, which a compiled step updates in
/// place like other state.
///
/// ```swift
/// var accuracy = Accuracy()
/// let step = compile { (accuracy: inout Accuracy, logits: Tensor<Float>, labels: Tensor<Int32>) in
///   accuracy.update(logits, labels)
/// }
/// step(updating: &accuracy, Tensor([[2, 1], [0, 3]]), Tensor<Int32>([0, 0]))
/// print(accuracy.value)   // 0.5
/// accuracy.reset()
/// ```
public protocol Metric: TensorTree, Sendable {
  /// What the model gives.
  associatedtype Prediction
  /// What it should give.
  associatedtype Target

  /// Adds a batch.
  mutating func update(_ predictions: Prediction, _ targets: Target)
  /// Forgets all batches.
  mutating func reset()
  /// The number for all batches since the beginning; NaN or 0 without any, as each metric says.
  var value: Tensor<Float> { get }
}

extension Tensor<Bool> {
  /// How many elements are true.
  func counted() -> Tensor<Int64> { converted(to: Int64.self).sum() }
}

/// a / b of counts; 0 where b is 0.
func share(_ part: Tensor<Int64>, of whole: Tensor<Int64>) -> Tensor<Float> {
  let divisor = maximum(whole, 1).converted(to: Float.self)
  return part.converted(to: Float.self) / divisor
}

/// What stands for labels, or predictions, that do not fit (`metric.C1`), else nil.
func metricFailure(
  _ function: String, _ expected: String, _ predictions: Tensor<Float>, _ targets: Tensor<some TensorElement>,
  isRight: Bool
) -> Tensor<Float>? {
  isRight
    ? nil
    : predictions.failed(
      "metric.C1", "\(function) takes \(expected), found \(predictions.type) and \(targets.type)",
      with: AnyTensor(targets))
}

import Kiln

/// A metric with a name, of whatever type: `TrainingStep` takes a list of them.
public struct NamedMetric<Prediction, Target>: Sendable {
  /// What it is called in reports and logs.
  public let name: String
  /// The tensors of the metric at the beginning.
  let start: [AnyTensor]
  let updated: @Sendable ([AnyTensor], Prediction, Target) -> [AnyTensor]
  let value: @Sendable ([AnyTensor]) -> Tensor<Float>

  /// A name for `metric`, which counts from what it is now.
  public init<M: Metric>(_ name: String, _ metric: M) where M.Prediction == Prediction, M.Target == Target {
    self.name = name
    start = metric.tensors.map(\.tensor)
    @Sendable func filled(_ tensors: [AnyTensor]) -> M {
      var (result, rest) = (metric, tensors[...])
      result.updateTensors { _, old in rest.popFirst() ?? old }
      return result
    }
    updated = { tensors, prediction, target in
      var result = filled(tensors)
      result.update(prediction, target)
      return result.tensors.map(\.tensor)
    }
    value = { filled($0).value }
  }
}

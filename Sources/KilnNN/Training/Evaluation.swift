public import Kiln

/// How well a model does on data that it does not learn from.
public struct Evaluation: Hashable, Sendable {
  /// The mean of the losses of the batches, each with its number of examples.
  public var loss: Double
  /// The values of the metrics, by their names.
  public var metrics: [String: Double]

  /// A loss and metrics.
  public init(loss: Double, metrics: [String: Double] = [:]) {
    self.loss = loss
    self.metrics = metrics
  }
}

/// What evaluation gathers over batches.
struct EvaluationState: TensorTree {
  var loss: Tensor<Float> = 0
  var count: Tensor<Float> = 0
  var metrics: [[AnyTensor]]

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&loss, "loss")
    visitor.visit(&count, "count")
    visitor.visit(&metrics, "metrics")
  }
}

/// The next batch. One that cannot be made is an error: an iterator cannot throw, but says what is wrong as operations
/// on tensors do.
func nextBatch<Iterator: IteratorProtocol>(_ iterator: inout Iterator) throws(KilnError) -> Iterator.Element? {
  do {
    return try withDiagnostics { iterator.next() }
  } catch {
    throw error as? KilnError ?? .atCall("training.C3", "a batch cannot be made: \(error)")
  }
}

extension TrainingStep {
  /// How well the model does, in inference, on batches of inputs and targets. Without batches the loss is NaN.
  /// - Throws: every diagnostic of the trace, the compilation or a run.
  public func evaluate(_ batches: some Sequence<(Model.Input, Target)>) throws(KilnError) -> Evaluation {
    var state = EvaluationState(metrics: metrics.map(\.start))
    var iterator = batches.makeIterator()
    while let (input, target) = try nextBatch(&iterator) {
      let count = Tensor(Float(Self.exampleCount(input)))
      try evaluation.run(updating: &state, model, input, target, count)
    }
    var values: [String: Double] = [:]
    for (metric, tensors) in zip(metrics, state.metrics) { values[metric.name] = Double(metric.value(tensors).item) }
    return Evaluation(loss: Double((state.loss / state.count).item), metrics: values)
  }

  /// What the model gives for `input`, in inference, by a compiled plan.
  /// - Throws: every diagnostic of the trace, the compilation or the run.
  public func predict(_ input: Model.Input) throws(KilnError) -> Model.Output { try inference.run(model, input) }

  /// The leading extent of the first tensor of a batch.
  static func exampleCount(_ input: Model.Input) -> Int { input.tensors.first?.tensor.dimensions.first ?? 1 }
}

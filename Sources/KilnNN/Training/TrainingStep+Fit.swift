public import Kiln

extension TrainingStep {
  /// Trains for `epochs`, each of which takes a step with every batch.
  ///
  /// ```swift
  /// let network = Dense(inputs: 4, outputs: 3, key: RandomKey(seed: 1))
  /// let optimizer = Optimizer(Adam(), for: network)
  /// var training = TrainingStep(network, optimizer: optimizer, metrics: [NamedMetric("accuracy", Accuracy())]) {
  ///   logits, labels in softmaxCrossEntropy(logits, labels)
  /// }
  /// let batches = [(Tensor<Float>.ones([8, 4]), Tensor<Int32>.zeros([8]))]
  /// let history = try training.fit(
  ///   batches, epochs: 2, validation: batches,
  ///   callbacks: [ProgressLine(), EarlyStopping(patience: 3), Checkpoint("best.safetensors", bestBy:
  ///   .validationLoss)])
  /// ```
  /// Metrics are those of the validation data. A task that is cancelled ends the training after a step, with the state
  /// as it is then; the epoch that was not finished is not reported.
  ///
  /// - Parameters:
  ///   - batches: inputs and targets; the sequence is gone through once in each epoch.
  ///   - epochs: how often.
  ///   - validation: batches for `evaluate` at the end of each epoch.
  ///   - callbacks: called at the end of each epoch, in their order.
  /// - Throws: every diagnostic of a trace, a compilation or a run, and what callbacks throw.
  /// - Returns: What each epoch came to.
  @discardableResult
  public mutating func fit(
    _ batches: some Sequence<(Model.Input, Target)>, epochs: Int,
    validation: (any Sequence<(Model.Input, Target)>)? = nil, callbacks: [any TrainingCallback] = [ProgressLine()]
  ) throws(KilnError) -> [EpochReport] {
    try fit(epochs: epochs, validation: validation, callbacks: callbacks) { _ in batches }
  }

  /// Trains for `epochs`, each with batches of its own, such as another order of the examples.
  ///
  /// ```swift
  /// let network = Dense(inputs: 4, outputs: 3, key: RandomKey(seed: 1))
  /// var training = TrainingStep(network, optimizer: Optimizer(Adam(), for: network)) {
  ///   (logits: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(logits, labels)
  /// }
  /// let (inputs, labels, key) = (Tensor<Float>.ones([32, 4]), Tensor<Int32>.zeros([32]), RandomKey(seed: 2))
  /// try training.fit(epochs: 2) { epoch in
  ///   let order = Tensor<Int32>.randomPermutation(32, key: key.folding(in: UInt32(epoch)))
  ///   return order.split(count: 4).map { (inputs.gathered($0), labels.gathered($0)) }
  /// }
  /// ```
  /// - Parameters:
  ///   - epochs: how often.
  ///   - validation: batches for `evaluate` at the end of each epoch.
  ///   - callbacks: called at the end of each epoch, in their order.
  ///   - batches: inputs and targets of the epoch of that number: 1, 2, …
  /// - Throws: every diagnostic of a trace, a compilation or a run, and what callbacks throw.
  /// - Returns: What each epoch came to.
  @discardableResult
  public mutating func fit<Batches: Sequence<(Model.Input, Target)>>(
    epochs: Int, validation: (any Sequence<(Model.Input, Target)>)? = nil,
    callbacks: [any TrainingCallback] = [ProgressLine()], batches: (_ epoch: Int) -> Batches
  ) throws(KilnError) -> [EpochReport] {
    var (callbacks, reports): ([any TrainingCallback], [EpochReport]) = (callbacks, [])
    for epoch in 1...max(epochs, 1) where epoch <= epochs {
      let start = ContinuousClock.now
      var (sum, count) = (0.0, 0)
      var iterator = batches(epoch).makeIterator()
      while let (input, target) = try nextBatch(&iterator) {
        if Task.isCancelled { return reports }
        let examples = Self.exampleCount(input)
        sum += Double(try run(input, target).item) * Double(examples)
        count += examples
      }
      let evaluation = if let validation { try evaluate(validation) } else { nil as Evaluation? }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      let rate = Double(state.optimizer.rate.item)
      let report = EpochReport(
        epoch: epoch, loss: sum / Double(count), validation: evaluation, rate: rate, exampleCount: count,
        seconds: seconds)
      reports.append(report)
      let state = state
      var end = EpochEnd(report: report, epochCount: epochs, rate: rate, isLast: epoch == epochs) {
        path, notes throws(KilnError) in try state.saveWeights(to: path, metadata: notes)
      }
      for index in callbacks.indices { try callbacks[index].epochEnded(&end) }
      if end.rate != rate { self.state.optimizer.rate = Tensor(Scalar(end.rate)) }
      if end.isLast { break }
    }
    return reports
  }
}

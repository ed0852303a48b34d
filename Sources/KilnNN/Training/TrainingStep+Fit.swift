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
  /// See the other form of `fit`, to which it hands the same batches in each epoch.
  ///
  /// - Parameters:
  ///   - batches: inputs and targets; the sequence is gone through once in each epoch.
  ///   - epochs: how many there are.
  ///   - finished: how many of them an earlier training has done, which `resume` gives.
  ///   - validation: batches for `evaluate` at the end of each epoch.
  ///   - callbacks: called at the end of each epoch, in their order.
  /// - Throws: every diagnostic of a trace, a compilation or a run, and what callbacks throw.
  /// - Returns: What each epoch came to.
  @discardableResult
  public mutating func fit(
    _ batches: some Sequence<(Model.Input, Target)>, epochs: Int, finished: Int = 0,
    validation: (any Sequence<(Model.Input, Target)>)? = nil, callbacks: [any TrainingCallback] = [ProgressLine()]
  ) throws(KilnError) -> [EpochReport] {
    try fit(epochs: epochs, finished: finished, validation: validation, callbacks: callbacks) { _ in batches }
  }

  /// Trains for `epochs`, each of which has batches of its own, such as the same examples in another order.
  ///
  /// ```swift
  /// let network = Dense(inputs: 4, outputs: 3, key: RandomKey(seed: 1))
  /// let optimizer = Optimizer(Adam(), for: network)
  /// var training = TrainingStep(network, optimizer: optimizer) { (logits: Tensor<Float>, labels: Tensor<Int32>) in
  ///   softmaxCrossEntropy(logits, labels)
  /// }
  /// let (x, y) = (Tensor<Float>.ones([8, 4]), Tensor<Int32>.zeros([8]))
  /// let key = RandomKey(seed: 2)
  /// let finished = try training.resume(from: "training.safetensors")
  /// try training.fit(epochs: 20, finished: finished, callbacks: [Checkpoint("training.safetensors")]) { epoch in
  ///   let order = key.folding(in: UInt32(epoch))
  ///   return [(x.shuffled(key: order), y.shuffled(key: order))]
  /// }
  /// ```
  /// Metrics are those of the validation data. A task that is cancelled ends the training after a step, with the state
  /// as it is then; the epoch that was not finished is not reported. Where the batches depend on the number of the
  /// epoch alone, training that was interrupted and resumed has the bits of one that was not. Callbacks begin anew:
  /// what they have counted is not a part of a checkpoint.
  ///
  /// - Parameters:
  ///   - epochs: how many there are.
  ///   - finished: how many of them an earlier training has done, which `resume` gives.
  ///   - validation: batches for `evaluate` at the end of each epoch.
  ///   - callbacks: called at the end of each epoch, in their order.
  ///   - batches: inputs and targets of an epoch: 1, 2, …
  /// - Throws: every diagnostic of a trace, a compilation or a run, what callbacks throw, and `training.C5` for a loss
  ///   that is NaN, if a callback stops there.
  /// - Returns: What each epoch came to.
  @discardableResult
  public mutating func fit<Batches: Sequence<(Model.Input, Target)>>(
    epochs: Int, finished: Int = 0, validation: (any Sequence<(Model.Input, Target)>)? = nil,
    callbacks: [any TrainingCallback] = [ProgressLine()], batches: (_ epoch: Int) -> Batches
  ) throws(KilnError) -> [EpochReport] {
    var (callbacks, reports): ([any TrainingCallback], [EpochReport]) = (callbacks, [])
    let stopsAtNaN = callbacks.contains { $0.stopsAtNaN }
    for epoch in max(finished, 0) + 1..<max(epochs, finished, 0) + 1 {
      let start = ContinuousClock.now
      // The state before a step is gone after it, so the epoch is gone through again to find the step at fault.
      let first = stopsAtNaN ? state : nil
      guard let (loss, count) = try trainEpoch(batches(epoch), stopsAtNaN: stopsAtNaN) else { return reports }
      if let first, loss.isNaN { throw try faultOfNaN(from: first, batches(epoch), epoch: epoch) }
      let evaluation = if let validation { try evaluate(validation) } else { nil as Evaluation? }
      let report = EpochReport(
        epoch: epoch, loss: loss, validation: evaluation, rate: Double(state.optimizer.rate.item), exampleCount: count,
        seconds: (ContinuousClock.now - start) / .seconds(1))
      reports.append(report)
      if try endEpoch(report, epochCount: epochs, &callbacks) { break }
    }
    return reports
  }

  /// A step with each batch.
  /// - Returns: The mean loss and the number of examples; nil if the task was cancelled. A loss that is NaN ends it, if
  ///   asked to.
  private mutating func trainEpoch(
    _ batches: some Sequence<(Model.Input, Target)>, stopsAtNaN: Bool
  ) throws(KilnError) -> (loss: Double, count: Int)? {
    var (sum, count) = (0.0, 0)
    var iterator = batches.makeIterator()
    while let (input, target) = try nextBatch(&iterator) {
      if Task.isCancelled { return nil }
      let examples = Self.exampleCount(input)
      sum += Double(try run(input, target).item) * Double(examples)
      count += examples
      if stopsAtNaN, sum.isNaN { break }
    }
    return (sum / Double(count), count)
  }

  /// Lets the callbacks look at an epoch.
  /// - Returns: Whether it was the last.
  private mutating func endEpoch(
    _ report: EpochReport, epochCount: Int, _ callbacks: inout [any TrainingCallback]
  ) throws(KilnError) -> Bool {
    let state = state
    var end = EpochEnd(
      report: report, epochCount: epochCount, rate: report.rate, isLast: report.epoch == epochCount
    ) { path, notes throws(KilnError) in try state.saveWeights(to: path, metadata: notes) }
    for index in callbacks.indices { try callbacks[index].epochEnded(&end) }
    if end.rate != report.rate { self.state.optimizer.rate = Tensor(Scalar(end.rate)) }
    return end.isLast
  }
}

import Foundation
import Kiln
import KilnNN
import Testing

private struct Network: PureLayer {
  var hidden = Dense(inputs: 2, outputs: 16, key: RandomKey(seed: 1))
  var output = Dense(inputs: 16, outputs: 2, key: RandomKey(seed: 2))

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { output(tanh(hidden(x))) }
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hidden, "hidden")
    visitor.visit(&output, "output")
  }
}

private typealias Batches = [(Tensor<Float>, Tensor<Int32>)]

/// Notes the rate of each epoch, and where asked ends the training.
private final class Notes: TrainingCallback {
  var rates: [Double] = []
  var losses: [Double] = []
  func epochEnded(_ end: inout EpochEnd) throws(KilnError) {
    rates.append(end.rate)
    losses.append(end.report.loss)
  }
}

@Suite("Fitting")
struct FitTests {
  private let batches: Batches = (0..<6).map { rings(32, seed: $0) }
  private let validation: Batches = [rings(50, seed: 100), rings(50, seed: 101)]

  private func training(rate: Double = 0.05) -> TrainingStep<Network, Adam, Float, Tensor<Int32>> {
    let network = Network()
    return TrainingStep(
      network, optimizer: Optimizer(Adam(), for: network, rate: rate),
      metrics: [NamedMetric("accuracy", Accuracy()), NamedMetric("perplexity", Perplexity())]
    ) { logits, labels in softmaxCrossEntropy(logits, labels) }
  }

  @Test("a network is fitted, evaluated, logged and saved; the best state is in the file")
  func fit() throws {
    try withFolder { folder in
      var training = training()
      let reports = try training.fit(
        batches, epochs: 15, validation: validation,
        callbacks: [
          CSVLog("\(folder)/log.csv"),
          Checkpoint("\(folder)/best.safetensors", bestBy: .metric("accuracy"), isGreaterBetter: true),
          Checkpoint("\(folder)/last.safetensors"),
        ])
      #expect(reports.map(\.epoch) == Array(1...15) && reports.allSatisfy { $0.exampleCount == 192 && $0.seconds > 0 })
      let last = try #require(reports.last)
      let evaluation = try #require(last.validation)
      #expect((evaluation.metrics["accuracy"] ?? 0) > 0.95 && last.loss < reports[0].loss / 2, "\(last)")
      #expect((exp(evaluation.loss) - (evaluation.metrics["perplexity"] ?? 0)).magnitude < 1e-5)
      #expect(try training.evaluate(validation) == evaluation)
      #expect(training.report.entries.count == 1 && training.state.optimizer.stepCount.item == 90)
      // What the callbacks look at is given back before the next step. The first finds the tensors of the test.
      #expect(training.report.inPlaceCount >= 88 * training.state.tensors.count, "\(training.report)")

      let rows = String(decoding: try bytes("\(folder)/log.csv"), as: UTF8.self).split(separator: "\n")
      #expect(rows.count == 16 && rows[0] == "epoch,loss,validation loss,accuracy,perplexity,rate,seconds")
      #expect(rows[15].hasPrefix("15,\(last.loss),\(evaluation.loss),\(evaluation.metrics["accuracy"] ?? 0),"))

      let best = try SafetensorsFile("\(folder)/best.safetensors")
      let accuracies = reports.map { $0.validation?.metrics["accuracy"] ?? 0 }
      let first = try #require(accuracies.firstIndex(of: accuracies.max() ?? 0))
      #expect(best.metadata["epoch"] == "\(first + 1)")
      var other = self.training()
      try other.state.loadWeights(from: "\(folder)/last.safetensors")
      #expect(other.state.tensors.map(\.tensor.bytes) == training.state.tensors.map(\.tensor.bytes))
      #expect(try other.evaluate(validation) == evaluation)
      #expect(try other.predict(validation[0].0).scalars == training.model(validation[0].0).scalars)
    }
  }

  @Test("each epoch may have batches of its own, and asks for them once, by its number")
  func batchesOfEachEpoch() throws {
    var (own, byHand, asked) = (training(), training(), [Int]())
    let reports = try own.fit(epochs: 3, callbacks: []) { epoch in
      asked.append(epoch)
      return batches[epoch..<epoch + 2]
    }
    for epoch in 1...3 { for (points, labels) in batches[epoch..<epoch + 2] { try byHand.run(points, labels) } }
    #expect(asked == [1, 2, 3] && reports.map(\.exampleCount) == [64, 64, 64])
    #expect(own.state.tensors.map(\.tensor.bytes) == byHand.state.tensors.map(\.tensor.bytes))
    #expect(own.report.entries.count == 1)
  }

  @Test("evaluation weighs batches by their examples")
  func evaluation() throws {
    let training = training()
    let (points, labels) = rings(12, seed: 5)
    let parts: Batches = [(points[0..<9], labels[0..<9]), (points[9..<12], labels[9..<12])]
    let (whole, apart) = (try training.evaluate([(points, labels)]), try training.evaluate(parts))
    #expect((whole.loss - apart.loss).magnitude < 1e-6 && whole.metrics["accuracy"] == apart.metrics["accuracy"])
    #expect(try training.evaluate(Batches()).loss.isNaN)
  }

  @Test("callbacks end the training and change the rate, which compiles nothing")
  func callbacks() throws {
    var still = training(rate: 0)
    #expect(try still.fit(batches, epochs: 20, callbacks: [EarlyStopping(.loss, patience: 2)]).count == 4)

    var scheduled = training()
    let notes = Notes()
    let schedule = Schedule.step(0.5, every: 2, factor: 0.5)
    try scheduled.fit(batches.prefix(1), epochs: 4, callbacks: [EpochSchedule(schedule), notes])
    #expect(notes.rates == [0.5, 0.25, 0.25, 0.125] && scheduled.report.entries.count == 1)
    #expect(scheduled.state.optimizer.rate.item == 0.125)

    var flat = training(rate: 0)
    flat.state.optimizer.rate = Tensor(1e-30)
    let reduced = Notes()
    let plateau = ReduceRateOnPlateau(.validationLoss, factor: 0.5, patience: 1)
    try flat.fit(batches.prefix(1), epochs: 5, validation: validation, callbacks: [plateau, reduced])
    #expect(reduced.rates.map { ($0 / 1e-30 * 8).rounded() } == [8, 8, 4, 4, 2])
    #expect(Set(reduced.losses).count == 1)
  }

  @Test("a task that is cancelled ends the training, and the state is that of the last step")
  func cancelled() async throws {
    let (start, batches) = (training(), batches)
    let (count, steps) = try await Task {
      var training = start
      // The third batch is reached, and then no other.
      let some = batches.enumerated().lazy.map { index, batch in
        if index == 2 { withUnsafeCurrentTask { $0?.cancel() } }
        return batch
      }
      let reports = try training.fit(some, epochs: 3)
      return (reports.count, training.state.optimizer.stepCount.item)
    }.value
    #expect(count == 0 && steps == 2)
  }

  @Test("the line of an epoch")
  func line() {
    let evaluation = Evaluation(loss: 0.51239, metrics: ["accuracy": 0.875, "F1": 0.5])
    let report = EpochReport(
      epoch: 3, loss: 0.123456, validation: evaluation, rate: 0.1, exampleCount: 600, seconds: 2)
    #expect(
      ProgressLine.line(report, 10)
        == "epoch 3/10  loss 0.1235  validation loss 0.5124  F1 0.5  accuracy 0.875  300 examples/s  14 s left")
  }

  @Test("mistakes are errors at the caller's line")
  func mistakes() throws {
    var training = training()
    let one = Array(batches.prefix(1))
    let missing = failure { try training.fit(one, epochs: 1, callbacks: [EarlyStopping(patience: 1)]) } ?? ""
    #expect(missing.contains("fit was given no validation data [training.C1]"), "\(missing)")
    #expect(missing.contains("FitTests.swift:"))
    let unknown = failure {
      try training.fit(
        one, epochs: 1, validation: one, callbacks: [Checkpoint("unused", bestBy: .metric("recall"))])
    }
    #expect(unknown?.contains(#"the metrics are ["accuracy", "perplexity"] [training.C1]"#) == true, "\(unknown ?? "")")
    let folder = failure { try training.fit(one, epochs: 1, callbacks: [CSVLog("/no/such/folder/log.csv")]) }
    #expect(folder?.contains("[training.C2]") == true)
    let shape = failure { try training.fit([(Tensor<Float>.zeros([4, 3]), Tensor<Int32>.zeros([4]))], epochs: 1) }
    #expect(shape?.contains("FitTests.swift:") == true && shape?.contains("hidden") == true, "\(shape ?? "")")
  }
}

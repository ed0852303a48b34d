import Kiln
import KilnNN
import Testing

/// A network with what changes in training: dropout and running statistics.
private struct Network: Layer {
  var hidden = Dense(inputs: 2, outputs: 16, key: RandomKey(seed: 1))
  var norm = BatchNorm(channels: 16)
  var dropout = Dropout(rate: 0.1)
  var output = Dense(inputs: 16, outputs: 2, key: RandomKey(seed: 2))

  mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
    output(dropout(relu(norm(hidden(x, &pass), &pass)), &pass), &pass)
  }
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hidden, "hidden")
    visitor.visit(&norm, "norm")
    visitor.visit(&dropout, "dropout")
    visitor.visit(&output, "output")
  }
}

/// Points of two rings, [n, 2], and which ring each is of.
func rings(_ count: Int, seed: UInt64) -> (points: Tensor<Float>, labels: Tensor<Int32>) {
  var random = SplitMix(state: seed)
  var (points, labels): ([Float], [Int32]) = ([], [])
  while labels.count < count {
    let (x, y) = (Float.random(in: -2...2, using: &random), Float.random(in: -2...2, using: &random))
    let radius = (x * x + y * y).squareRoot()
    guard radius < 0.8 || (1.2..<2).contains(radius) else { continue }
    points += [x, y]
    labels.append(radius < 1 ? 0 : 1)
  }
  return (Tensor(points, shape: [count, 2]), Tensor(labels))
}

@Suite("Training steps")
struct TrainingStepTests {
  private func training(_ schedule: Schedule? = nil) -> TrainingStep<Network, AdamW, Float, Tensor<Int32>> {
    let network = Network()
    let optimizer = Optimizer(AdamW(), for: network, rate: 0.02, clipping: .globalNorm(5))
    return TrainingStep(
      network, optimizer: optimizer, schedule: schedule, key: RandomKey(seed: 3), loss: Self.loss)
  }

  /// A function of its own, so that the lines of messages are its.
  @inline(never) @Sendable
  private static func loss(_ logits: Tensor<Float>, _ labels: Tensor<Int32>) -> Tensor<Float> {
    softmaxCrossEntropy(logits, labels)
  }

  @Test("a network with dropout and batch norm learns two rings, in one plan, in place")
  func learns() throws {
    var training = training()
    var loss: Float = 0
    for step in 0..<120 {
      let (points, labels) = rings(32, seed: UInt64(step))
      loss = try training.run(points, labels).item
    }
    let (points, labels) = rings(200, seed: 1000)
    let accuracy = (training.model(points).argMax(axis: 1) .== labels).converted(to: Float.self).mean().item
    #expect(accuracy > 0.95 && loss < 0.4, "accuracy \(accuracy), loss \(loss)")
    #expect(training.state.optimizer.stepCount.item == 120)
    let report = training.report
    #expect(report.entries.count == 1)
    let tensors = training.state.tensors.count
    #expect(report.inPlaceCount >= 119 * tensors, "\(report)")
    #expect(training.model.norm.mean.value.scalars != Network().norm.mean.value.scalars)
  }

  @Test("a step without a plan gives the bits of the compiled one")
  func withoutPlan() throws {
    let schedule = Schedule.cosine(from: 0.02, steps: 10)
    var compiled = training(schedule)
    var eager = compiled.state
    for seed in 0..<3 {
      let (points, labels) = rings(8, seed: UInt64(seed))
      let loss = eager.step(points, labels, schedule: schedule, loss: Self.loss)
      #expect(try compiled.run(points, labels).item == loss.item)
    }
    #expect(compiled.state.tensors.map(\.tensor.bytes) == eager.tensors.map(\.tensor.bytes))
    #expect(eager.optimizer.stepCount.item == 3)
  }

  @Test("continued from a file it gives the same bits; a copy of the state is a point to go back to")
  func resumed() throws {
    let batches = (0..<6).map { rings(8, seed: $0) }
    var straight = training(.warmUp(steps: 2, then: .cosine(from: 0.02, steps: 10)))
    var losses: [Float] = []
    for (points, labels) in batches { losses.append(try straight.run(points, labels).item) }
    try withFolder { folder in
      var other = training(.warmUp(steps: 2, then: .cosine(from: 0.02, steps: 10)))
      for (points, labels) in batches[..<3] { try other.run(points, labels) }
      let back = other.state
      try other.state.saveWeights(to: "\(folder)/state.safetensors")
      for (points, labels) in batches[3...] { try other.run(points, labels) }
      other.state = back
      #expect(try other.run(batches[3].points, batches[3].labels).item == losses[3])
      try other.state.loadWeights(from: "\(folder)/state.safetensors")
      for (points, labels) in batches[3...] { try other.run(points, labels) }
      #expect(other.state.tensors.map(\.tensor.bytes) == straight.state.tensors.map(\.tensor.bytes))
      #expect(Set(losses).count == 6)
    }
  }

  @Test("batches of other sizes: one program with names for sizes, two without")
  func sizes() throws {
    for (options, count) in [(CompileOptions.sizes("batch, 2", "batch"), 1), (CompileOptions(), 2)] {
      let network = Network()
      let accuracy: [NamedMetric<Tensor<Float>, Tensor<Int32>>] = [NamedMetric("accuracy", Accuracy())]
      var training = TrainingStep(
        network, optimizer: Optimizer(SGD(), for: network), metrics: accuracy, options: options
      ) { logits, labels in softmaxCrossEntropy(logits, labels, labelSmoothing: 0.1) }
      for size in [8, 3, 5, 8] {
        let (points, labels) = rings(size, seed: UInt64(size))
        try training.run(points, labels)
        #expect(try training.evaluate([(points, labels)]).loss.isFinite)
        #expect(try training.predict(points).dimensions == [size, 2])
      }
      #expect(training.report.entries.count == count, "\(training.report)")
      #expect(training.report.entries.allSatisfy { $0.pinnedSizes.isEmpty }, "\(training.report)")
    }
  }

  @Test("labels of another shape are a diagnostic at the line of the loss, and the state stays")
  func mistakes() throws {
    var training = training()
    let before = training.state.tensors.map(\.tensor.bytes)
    let message = failure { try training.run(.zeros([4, 2]), .zeros([3])) } ?? "no message"
    #expect(message.contains("found f32[4,2] and i32[3] [loss.C1]") && message.contains("TrainingStepTests.swift:"))
    #expect(training.state.tensors.map(\.tensor.bytes) == before)
    let range = failure { try training.run(.zeros([2, 2]), Tensor([0, 2])) } ?? "no message"
    #expect(range.contains("index 2 is out of range for axis 1") && range.contains("[scatter.R1]"), "\(range)")
  }
}
